"""Who a person is, as a receiver is told it: name, how to reach them and whether that is safe, a minor's adult."""

from dataclasses import dataclass
from typing import Any

CALLS, NO_CHANNEL = ("phone", "sms"), "none"
SAFE_TO_CALL = {True: ("calm", "call_safe"), False: ("late", "call_unsafe"), None: ("soon", "call_unknown")}
SAFE_OTHERWISE = {True: ("calm", "reach_safe"), False: ("late", "reach_unsafe"), None: ("soon", "reach_unknown")}
MESSAGE = {True: ("calm", "message_yes"), False: ("late", "message_no"), None: ("soon", "message_unknown")}
"""What is said of a contact: how pressing it is, and the key of its words. None: nobody stated it."""

Note = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """key: of its words. channel: of a contact, which may have no value. notes: what to know before it is used.

    number: of a contact that may be used, by which it can be said that it is not to be. by, at: who noted it later.
    """

    key: str
    value: str
    channel: str | None = None
    notes: tuple[Note, ...] = ()
    number: int | None = None
    by: str | None = None
    at: str | None = None


def facts(tier1: dict[str, Any], contacts: list[dict[str, Any]] | None = None) -> list[Fact]:
    """What of it is known, in the order in which it is read. contacts: all, as intake tells them."""
    name, birth, contact, adult = (tier1.get(part) or {} for part in ("name", "birth_date", "contact", "caregiver"))
    contacts = contacts or [{"contact": contact}]
    known = [
        Fact("given", _text(name.get("given"))), Fact("family", _text(name.get("family"))),
        Fact("birth_date", "/".join(reversed(_text(birth.get("value")).split("-")))),
        *(fact for one in contacts for fact in _reached(one)),
        Fact("new.caregiver", _named(adult.get("name") or {})), Fact("caregiver_contact", _text(adult.get("contact"))),
        Fact("case_code", _text(tier1.get("case_code"))),
    ]  # fmt: skip
    return [fact for fact in known if fact.value or fact.channel]


def _reached(one: dict[str, Any]) -> tuple[Fact, Fact]:
    """One contact, and when it may be used."""
    contact, why_not = one["contact"], one.get("not_to_be_used")
    value, channel, hours = _text(contact.get("value")), contact.get("channel"), _text(contact.get("safe_hours"))
    by, at = (one.get("noted_by"), one["noted_at"]) if "noted_at" in one else (None, None)
    if why_not:
        return Fact("contact", value, channel, (("late", f"contact_{why_not}"),), None, by, at), Fact("safe_hours", "")
    return Fact("contact", value, channel, _notes(contact), one.get("number"), by, at), Fact("safe_hours", hours)


def noted(typed: dict[str, str]) -> dict[str, Any]:
    """What a form says of how the person is reached, as fields of `staffetta.contact.note.v1`."""
    if "why" in typed:
        number = typed.get("number", "")
        return {"not_to_be_used": int(number) if number.isdecimal() else number, "why": typed["why"]}
    told = {name: typed[name] for name in ("channel", "value", "safe_hours") if typed.get(name)}
    if not told:
        return {}
    ticked = {name: name in typed for name in ("safe", "may_leave_message")}
    return {"contact": told | ticked}


def _notes(contact: dict[str, Any]) -> tuple[Note, ...]:
    channel, may = contact.get("channel"), contact.get("may_leave_message")
    if channel in (None, NO_CHANNEL):
        return ()
    if channel in CALLS:
        return SAFE_TO_CALL[contact.get("safe")], MESSAGE[may]
    return (SAFE_OTHERWISE[contact.get("safe")], *(() if may is None else (MESSAGE[may],)))


def _named(name: dict[str, Any]) -> str:
    return " ".join(name[part] for part in ("given", "family") if name.get(part))


def _text(value: Any) -> str:
    return str(value or "")
