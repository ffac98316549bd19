"""The appointments of one referral, a dimension of its own beside the state: fixed, kept, missed, cancelled."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts import codes

SCHEDULED, ATTENDED, NO_SHOW, CANCELLED = codes.table("transitions")["secondary_dimensions"]["appointment"]["values"][
    1:
]
MAX_SCHEDULED: int = codes.table("transitions")["secondary_dimensions"]["appointment"]["max_scheduled"]


@dataclass(frozen=True, slots=True)
class Appointment:
    """number: counted from 1 for each referral. second_slot: it was fixed after the person had missed another."""

    number: int
    starts_at: datetime
    state: str = SCHEDULED
    second_slot: bool = False


Appointments = tuple[Appointment, ...]


def schedule(known: Appointments, starts_at: datetime) -> Appointments:
    return (*known, Appointment(len(known) + 1, starts_at, second_slot=is_second_slot(known)))


def told(fixed: Appointment) -> dict[str, Any]:
    """What the event of a new one says."""
    return {"appointment": fixed.number, "starts_at": fixed.starts_at, "second_slot": fixed.second_slot}


def settle(known: Appointments, number: int, state: str) -> Appointments:
    """The same appointments, with what became of one of them."""
    return tuple(replace(one, state=state) if one.number == number else one for one in known)


def cancel_all(known: Appointments) -> Appointments:
    """Nobody waits for a person whose referral goes on no more."""
    return tuple(replace(one, state=CANCELLED) if one.state == SCHEDULED else one for one in known)


def meant(known: Appointments, number: int | None) -> Appointment | None:
    """The scheduled one that a command is about: the one it names, else the first."""
    scheduled = [one for one in known if one.state == SCHEDULED and number in (None, one.number)]
    return min(scheduled, key=lambda one: (one.starts_at, one.number), default=None)


def count(known: Appointments, state: str) -> int:
    return sum(one.state == state for one in known)


def is_second_slot(known: Appointments) -> bool:
    """Whether one that is fixed now is offered after the person did not come."""
    return any(one.state == NO_SHOW for one in known)


def second_slot_was_offered(known: Appointments) -> bool:
    return any(one.second_slot for one in known)
