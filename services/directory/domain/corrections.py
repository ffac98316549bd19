"""What people of an agency put right of their own offers, and how long it holds beside the directory's files.

A correction holds until a file says something new of the same field: then the file is the later word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.commands import CorrectOffer
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from services.directory.domain import offers

WHERE: dict[str, tuple[str, ...]] = {
    "status": ("status",), "phone": ("contact", "phone"), "email": ("contact", "email"), "languages": ("languages",),
    "opening_hours": ("opening_hours",), "description": ("description",),
}  # fmt: skip
"""The fields that may be corrected, and where an offer has them."""
SUPERVISOR, COORDINATOR = "supervisor", "coordinator"

Json = Any


@dataclass(frozen=True, slots=True)
class Correction:
    """value: what holds; filed: what the file said when it was corrected, both as JSON. by: whose word it is."""

    value: Json
    filed: Json
    agency: str
    actor: str | None
    at: datetime


Corrections = Mapping[str, Correction]
"""By field."""


def check(command: CorrectOffer, offer: Offer | None, owner: Agency | None, speaker: Agency | None) -> Offer:
    """The offer that is meant. owner: its agency; speaker: the agency of who speaks, which works. Raises Refusal."""
    if offer is None or owner is None:
        raise Refusal("unknown_code", "/offer")
    if not _may_correct(command, owner, speaker):
        raise Refusal("not_authorised", "/offer")
    if not _stated(command, offer):
        raise Refusal("missing_field", "/status")
    return offer


def _may_correct(command: CorrectOffer, owner: Agency, speaker: Agency | None) -> bool:
    if speaker is None or speaker.status != "active":
        return False
    supervises = SUPERVISOR in command.asked.roles and speaker.code == owner.code
    return supervises or (COORDINATOR in command.asked.roles and speaker.city == owner.city)


def correct(offer: Offer, known: Corrections, command: CorrectOffer, now: datetime) -> tuple[Offer, Corrections]:
    """The offer as it is now said to be, and what of it rests on corrections: what is as filed needs none."""
    stated = _stated(command, offer)
    made = {
        name: Correction(value, _filed(offer, known, name), command.asked.agency or "", command.asked.actor, now)
        for name, value in stated.items()
        if value != read(offer, name)
    }
    after = dict(known) | made
    standing = {name: one for name, one in after.items() if one.value != one.filed}
    return _with({name: after[name].value for name in made}, offer, standing), standing


def again(entry: Offer, known: Corrections) -> tuple[Offer, Corrections]:
    """What a file says of an offer, with the corrections that still hold."""
    standing = {name: one for name, one in known.items() if read(entry, name) == one.filed}
    return _with({name: one.value for name, one in standing.items()}, entry, standing), standing


def check_after(offer: Offer, owner: Agency | None) -> None:
    """Raises Refusal for the first thing that would be wrong, with a pointer into the command."""
    for fault in offers.check(offer, owner):
        raise Refusal(fault.code, fault.pointer.removeprefix("/contact"))


def read(offer: Offer, name: str) -> Json:
    found: Json = offer.model_dump(mode="json", by_alias=True)
    for step in WHERE[name]:
        found = found[step]
    return found


def _filed(offer: Offer, known: Corrections, name: str) -> Json:
    return known[name].filed if name in known else read(offer, name)


def _stated(command: CorrectOffer, offer: Offer) -> dict[str, Json]:
    """By field, what the command names: texts without what was left empty, hours and languages whole."""
    said = command.model_dump(mode="json", by_alias=True, include=set(WHERE), exclude_none=True)
    if "description" in said:
        said["description"] = _filled(dict(offer.description) | said["description"])
    return said | {name: said[name].strip() or None for name in ("phone", "email") if name in said}


def _filled(words: Mapping[str, str]) -> dict[str, str]:
    return {language: text.strip() for language, text in words.items() if text.strip()}


def _with(values: Mapping[str, Json], offer: Offer, standing: Corrections) -> Offer:
    doc: dict[str, Json] = offer.model_dump(mode="json", by_alias=True)
    for name, value in values.items():
        *path, last = WHERE[name]
        part = doc
        for step in path:
            part = part[step]
        part[last] = value
    doc["corrected_at"] = max((one.at for one in standing.values()), default=None)
    return Offer.model_validate(doc)
