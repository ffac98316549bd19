"""A meeting at a desk: which services a person's needs suggest, and what the desk states as an intake."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from contracts import codes
from services.console.domain.access import BY_CITY, is_open
from services.console.domain.actions import HIGHEST

NEEDS = codes.codes("needs")
PURPOSES = ["referral", "appointment_contact"]
SCOPE, FORM = "tier1", "console-1"
SHARED_FOR_YEARS = 1
OLDEST = timedelta(hours=12)
"""How long ago a form can have been begun: no session lasts longer."""
FACTS = ("age_band", "gender", "household", "language", "priority_reason")
SEVERAL = ("other_languages", "accessibility", "willing_to_travel", "withhold")
VITAL = "vital_interest"
ANSWERED_BY = {"gender_in": "gender"}
"""Which question of the form answers a condition of a suggestion (`needs.json`); the form asks for no documents."""
UNSAID = ("", "not_stated")
NAMES = ("given", "family")
ASKED_AS = {
    **{name: f"new.{name}" for name in (*FACTS, *SEVERAL, *NAMES, "birth_date", "household_size", "city_of_presence",
                                        "caregiver", "sender_ref", "ethos", "priority")},
    "services": "new_services", "sharing_basis": "new_basis", "withhold": "new_agencies", "contact": "new.phone",
}  # fmt: skip
"""Parts of an intake, and the words under which the form asks for them."""

Doc = Mapping[str, Any]
Typed = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A service, and the needs that speak for it. depends: on which conditions that nobody has answered, if none of the
    needs speaks for it without one.
    """

    service: str
    needs: tuple[str, ...]
    depends: tuple[str, ...] = ()


def suggestions(typed: Typed) -> tuple[Suggestion, ...]:
    """What the needs that were ticked suggest, what most of them speak for first (`needs.json`); nothing of which a
    condition is not met.
    """
    found: dict[str, list[tuple[int, str, tuple[str, ...]]]] = {}
    for need in typed.get("needs", ()):
        for said in NEEDS.get(need, {}).get("suggests", ()):
            met = {kind: _is_met(kind, wanted, typed) for kind, wanted in said.get("when", {}).items()}
            if False not in met.values():
                depends = tuple(kind for kind, is_met in met.items() if is_met is None)
                found.setdefault(said["service"], []).append((said["rank"], need, depends))
    order = sorted(found, key=lambda service: (-len(found[service]), min(found[service])))
    return tuple(_suggestion(service, sorted(found[service])) for service in order)


def _suggestion(service: str, speak: Sequence[tuple[int, str, tuple[str, ...]]]) -> Suggestion:
    open_ = [depends for _, _, depends in speak]
    depends = dict.fromkeys(kind for kinds in open_ for kind in kinds) if all(open_) else ()
    return Suggestion(service, tuple(need for _, need, _ in speak), tuple(depends))


def _is_met(kind: str, wanted: Sequence[str], typed: Typed) -> bool | None:
    """None while nobody has said."""
    said = _first(typed, ANSWERED_BY.get(kind, ""))
    return None if said in UNSAID else said in wanted


def asked_also(typed: Typed) -> frozenset[str]:
    """What the needs that were ticked ask for beside them (`needs.json`)."""
    return frozenset(name for need in typed.get("needs", ()) for name in NEEDS.get(need, {}).get("ask_also", ()))


def starting(typed: Typed) -> dict[str, str]:
    """With which priority each service begins that the needs suggest: the most pressing of those that speak for it."""
    ranks = codes.codes("priorities")
    return {
        found.service: min((NEEDS[need]["default_priority"] for need in found.needs), key=lambda p: ranks[p]["rank"])
        for found in suggestions(typed)
    }


def chosen_priority(service: str, typed: Typed) -> str:
    """The one that was chosen by hand for a service, if any was."""
    return _first(typed, f"priority.{service}")


def shows_another_priority(typed: Typed) -> bool:
    """Whether the form, as it was drawn before the needs were ticked otherwise, shows of a service that is asked for
    another priority than would be stated. One that shows nothing of what the needs say is never wrong.
    """
    return any(_drawn(one["service"], typed) not in ("", one.get("priority")) for one in _asked(typed))


def _drawn(service: str, typed: Typed) -> str:
    """Beside an emergency of the needs there was none to be chosen."""
    first = _first(typed, f"shown.{service}")
    return first if first == HIGHEST else chosen_priority(service, typed) or first


def by_consent(offers: Iterable[Doc], agencies: Mapping[str, Doc], today: str) -> dict[str, list[str]]:
    """By service, which of these agencies offer it today (ISO), where the ground for the city covers none of them
    (`sharing.json`): they are asked only with a consent that names them.
    """
    found: dict[str, list[str]] = {}
    for offer in offers:
        if is_open(offer, today) and offer["agency"] in agencies:
            found.setdefault(offer["service"], []).append(offer["agency"])
    here = {service: list(dict.fromkeys(offering)) for service, offering in found.items()}
    return {s: offering for s, offering in here.items() if not any(is_covered(agencies[code]) for code in offering)}


def is_covered(agency: Doc) -> bool:
    """Whether the ground for a city is one for this agency of it."""
    return agency["sharing_role"] in BY_CITY


def begun_at(stated: str, now: datetime) -> datetime:
    """When a form says that it was begun; now, if that cannot be read or cannot be so."""
    try:
        begun = datetime.fromisoformat(stated)
    except ValueError:
        return now
    return begun if begun.tzinfo and timedelta() <= now - begun <= OLDEST else now


def statement(typed: Typed, *, agency: str, queue: str | None, city: str, key: str, begun: datetime) -> dict[str, Any]:
    """The value of one `staffetta.intake.submit.v1`; what was left empty is left out. key: of this meeting, which took
    place when its form was begun: the same form always states the same.
    """
    one = {name: value for name in typed if (value := _first(typed, name))}
    tier0: dict[str, Any] = {
        "person_ref": one.get("person_ref") or f"{agency}:{key}", "city_of_intake": city, "sender_agency": agency,
        "sender_queue": queue, "sender_ref": one.get("sender_ref"), "intake_channel": "desk",
        "city_of_presence": one.get("city_of_presence") or city,
        "services": _asked(typed),
        "sharing_basis": _bases(typed, one, city, begun.date()),
        "interpreter_needed": "interpreter_needed" in one or None,
    }  # fmt: skip
    tier0 |= {name: one[name] for name in FACTS if name in one} | {name: list(typed.get(name, ())) for name in SEVERAL}
    tier0 |= {"household_size": _number(one["household_size"])} if "household_size" in one else {}
    return {
        "idempotency_key": key,
        "occurred_at": begun.isoformat(),
        "tier0": {name: value for name, value in tier0.items() if value not in (None, [])},
        "tier1": _tier1(one),
        "tier2": _tier2(typed),
    }


def lacks_a_reason(typed: Typed) -> bool:
    """Who has to confirm a vital interest reads why; another priority than that of the needs has a reason, and an
    emergency that no need makes one.
    """
    starts, asked = starting(typed), {one["service"]: one.get("priority") for one in _asked(typed)}
    changed = any(priority != starts.get(service, priority) for service, priority in asked.items())
    made = any(priority == HIGHEST and service not in starts for service, priority in asked.items())
    return not _first(typed, "priority_reason") and (changed or made or _first(typed, "basis") == VITAL)


def _tier2(typed: Typed) -> dict[str, Any]:
    """Where they live is stated only of who has a need of that kind."""
    needs, ethos = list(typed.get("needs", ())), _first(typed, "ethos") if "ethos" in asked_also(typed) else ""
    return ({"needs": needs} if needs else {}) | ({"ethos": ethos} if ethos else {})


def _asked(typed: Typed) -> list[dict[str, str]]:
    """Each service with the priority that was chosen for it, else with that of the needs; what the needs make an
    emergency stays one: only the coordination lowers it.
    """
    starts, asked = starting(typed), []
    for service in typed.get("services", ()):
        first = starts.get(service, "")
        priority = first if first == HIGHEST else chosen_priority(service, typed) or first
        asked.append({"service": service} | ({"priority": priority} if priority else {}))
    return asked


def _first(typed: Typed, name: str) -> str:
    return next(iter(typed.get(name, ())), "").strip()


def _bases(typed: Typed, one: Mapping[str, str], city: str, today: date) -> list[dict[str, Any]]:
    """The ground for the own city, and the consent for each further agency and each city to which they would go: of the
    person, or for a minor of the adult who answers for them.
    """
    until = {"valid_from": today.isoformat(), "valid_to": _years_later(today).isoformat()}
    shared = {"purposes": PURPOSES, "scope": SCOPE, "language": one.get("language"), **until}
    type, agrees = one.get("basis", ""), "caregiver" if "caregiver" in one else "person"
    first = _basis("b1", type, f"city:{city}", agrees) if type else None
    further = [*typed.get("consents", ()), *(f"city:{there}" for there in typed.get("willing_to_travel", ()))]
    more = [_basis(f"b{i}", "consent", recipient, agrees) for i, recipient in enumerate(further, 2)]
    return [{k: v for k, v in (basis | shared).items() if v is not None} for basis in (first, *more) if basis]


def _basis(id: str, type: str, recipient: str, agrees: str) -> dict[str, Any]:
    consent = codes.codes("sharing", "types").get(type, {}).get("needs_form", False)
    given = {"given_by": agrees, "form_version": FORM} if consent else {"given_by": "not_applicable"}
    return {"basis_id": id, "type": type, "recipient": recipient} | given


def _years_later(day: date) -> date:
    try:
        return day.replace(year=day.year + SHARED_FOR_YEARS)
    except ValueError:  # 29 February
        return day.replace(year=day.year + SHARED_FOR_YEARS, day=28)


def _tier1(one: Mapping[str, str]) -> dict[str, Any]:
    name = {part: one[part] for part in NAMES if part in one}
    known: dict[str, Any] = {"name": name} if name else {}
    if born := _day(one.get("birth_date", "")):
        known["birth_date"] = {"value": born, "precision": "day" if len(born) == len("2000-01-01") else "year"}
    if "phone" in one:
        ticked = {"safe": "phone_safe" in one, "may_leave_message": "phone_message" in one}
        known["contact"] = {"channel": "phone", "value": one["phone"]} | ticked
    if "caregiver" in one:
        known["caregiver"] = {"name": {"family": one["caregiver"]}, "informed": True}
    return known


def field_of(pointer: str | None) -> str | None:
    """The word under which the form asks for what a refusal points at; the pointer itself where it asks for no such,
    and nothing of the key, which nobody types.
    """
    if pointer == "/idempotency_key":
        return None
    part = next((part for part in reversed((pointer or "").split("/")) if part in ASKED_AS), None)
    return ASKED_AS[part] if part else pointer


def _day(typed: str) -> str:
    """`12/05/1990` as `1990-05-12`, with points or hyphens too."""
    parts = typed.replace(".", "/").replace("-", "/").split("/")
    is_day = len(parts) == len("dmy") and len(parts[-1]) == len("2000")
    return "-".join(part.rjust(2, "0") for part in reversed(parts)) if is_day else typed


def _number(typed: str) -> int | str:
    return int(typed) if typed.isdecimal() else typed
