"""What a person of an agency typed of one of its offers, as a correction: what is as it was is left out."""

from collections.abc import Mapping, Sequence
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROWS = 4
"""How many lines of opening hours a form has at least; there is always one that is empty."""
ASKED_AS = {
    "status": "correct_status", "phone": "new.phone", "email": "correct_email", "opening_hours": "correct_hours",
    "from": "correct_from", "to": "correct_to", "languages": "correct_languages", "it": "correct_description_it",
    "en": "correct_description_en",
}  # fmt: skip
"""Parts of a correction, and the words under which the form asks for them."""

Doc = dict[str, Any]
Typed = Mapping[str, Sequence[str]]


def shown(offer: Doc) -> Doc:
    """What the form begins with, by field."""
    contact, hours = offer.get("contact") or {}, offer["opening_hours"]
    words = offer.get("description") or {}
    return {
        "status": offer["status"], "languages": list(offer["languages"]), "phone": contact.get("phone") or "",
        "email": contact.get("email") or "", "opening_hours": hours,
        "description": {language: words.get(language, "") for language in ("it", "en")},
    }  # fmt: skip


def typed_in(typed: Typed, offer: Doc) -> Doc:
    """What the form says now, in the shape of `shown`. Languages keep the order that the offer had."""
    spoken = typed.get("languages", ())
    known = [language for language in offer["languages"] if language in spoken]
    words = {language: _one(typed, f"description_{language}") for language in ("it", "en")}
    return {
        "status": _one(typed, "status"), "phone": _one(typed, "phone"), "email": _one(typed, "email"),
        "languages": known + [language for language in spoken if language not in known],
        "opening_hours": _hours(typed), "description": words,
    }  # fmt: skip


def correction(typed: Typed, offer: Doc) -> Doc:
    """The fields of `staffetta.directory.correct.v1` that differ from what the directory says."""
    before, after = shown(offer), typed_in(typed, offer)
    changed = {name: value for name, value in after.items() if value != before[name]}
    if "description" in changed:
        words = changed["description"]
        changed["description"] = {name: text for name, text in words.items() if text != before["description"][name]}
    return changed


def fields_of(pointer: str | None) -> list[tuple[str, tuple[int, ...]]]:
    """The words under which the form asks for what a refusal points at, the widest first, and the number of a line."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for part in (pointer or "").split("/"):
        if part in ASKED_AS:
            found.append((ASKED_AS[part], ()))
        elif part.isdecimal() and found == [(ASKED_AS["opening_hours"], ())]:
            found.append(("correct_line", (int(part) + 1,)))
    return found


def lines(hours: Sequence[Doc]) -> list[Doc]:
    """The lines of a form for these hours, and empty ones."""
    empty: Doc = {"days": [], "from": "", "to": ""}
    return [*hours, *(empty for _ in range(max(1, ROWS - len(hours))))]


def _hours(typed: Typed) -> list[Doc]:
    """A line without a day, or without a time, is sent as it is: the directory says what is missing."""
    found = []
    for number in range(len([name for name in typed if name.startswith("from-")])):
        days = [day for day in DAYS if day in typed.get(f"days-{number}", ())]
        start, end = _clock(_one(typed, f"from-{number}")), _clock(_one(typed, f"to-{number}"))
        if days or start or end:
            found.append({"days": days, "from": start, "to": end})
    return found


def _clock(typed: str) -> str:
    """`8.30` as `08:30`."""
    return typed.replace(".", ":").rjust(5, "0") if typed else ""


def _one(typed: Typed, name: str) -> str:
    return next(iter(typed.get(name, ())), "").strip()
