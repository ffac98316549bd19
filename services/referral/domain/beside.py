"""What is recorded beside the state of a referral, by the commands of `transitions.json` that change none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.referral.domain import appointments, receipts, serving, timers
from services.referral.domain.appointments import ATTENDED, CANCELLED, NO_SHOW
from services.referral.domain.case import Case
from services.referral.domain.conditions import Attempt
from services.referral.domain.referral import Referral

Changes = dict[str, Any]


def kept(case: Case) -> Changes:
    """What the referral remembers of such a command."""
    keeps = KEEPS.get(case.command.command)
    return keeps(case) if keeps else {}


def told(moved: Referral, case: Case) -> Changes:
    """What the event of such a command says beside the snapshot."""
    tells = TELLS.get(case.command.command)
    return tells(moved, case) if tells else {}


# -- kept --------------------------------------------------------------------------------------------------------------


def _changed_priority(case: Case) -> Changes:
    return {"need": case.referral.need.model_copy(update={"priority": case.command.priority})}


def _attempted(case: Case) -> Changes:
    command = case.command
    attempt = Attempt(case.facts.now, str(command.channel), str(command.result))
    return {"attempts": (*case.referral.attempts, attempt)}


def _scheduled(case: Case) -> Changes:
    assert case.command.starts_at, "a field that is required"
    return {"appointments": appointments.schedule(case.referral.appointments, case.command.starts_at)}


def _settled(state: str) -> Callable[[Case], Changes]:
    def settled(case: Case) -> Changes:
        known = case.referral.appointments
        one = appointments.meant(known, case.command.appointment)
        assert one, "a guard found it"
        return {"appointments": appointments.settle(known, one.number, state)}

    return settled


def _confirmed(case: Case) -> Changes:
    return {"receipts": receipts.confirm(case.referral.receipts, case.command.obligation, case.facts.now)}


def _raised(case: Case) -> Changes:
    """Its steps to come stay as they are: the clock goes on."""
    named, level = case.command.timer, case.command.escalation_level or 0
    running = case.referral.timers
    return {"timers": tuple(replace(t, level=level) if t.code == named else t for t in running)}


KEEPS: dict[str, Callable[[Case], Changes]] = {
    "assign_worker": lambda case: {"assigned_worker": case.command.assigned_worker},
    "change_priority": _changed_priority,
    "record_contact_attempt": _attempted,
    "schedule_appointment": _scheduled,
    "cancel_appointment": _settled(CANCELLED),
    "record_attendance": _settled(ATTENDED),
    "record_no_show": _settled(NO_SHOW),
    "flag_in_error": lambda case: {"in_error": True},
    "escalate": _raised,
    "confirm_receipt": _confirmed,
}


# -- told --------------------------------------------------------------------------------------------------------------


def _newly_scheduled(moved: Referral, case: Case) -> Changes:
    return appointments.told(moved.appointments[-1])


def _newly_settled(moved: Referral, case: Case) -> Changes:
    (one,) = set(moved.appointments) - set(case.referral.appointments)
    return {
        "appointment": one.number,
        "starts_at": one.starts_at,
        "count": appointments.count(moved.appointments, one.state),
    }


def _served_by(moved: Referral, case: Case) -> Changes:
    """Only to whom may know of it; the receiver knows."""
    leans = serving.leans_on(moved, case.facts.served_by, case.reason or {})
    return {"linked_referral_id": case.command.linked_referral_id if leans else None}


def _compensating(_moved: Referral, case: Case) -> Changes:
    return {"compensates": compensated(case.referral)}


def _higher(_moved: Referral, case: Case) -> Changes:
    level = case.command.escalation_level or 0
    return {"level": level, "notify": timers.told_at(level)}


TELLS: dict[str, Callable[[Referral, Case], Changes]] = {
    "decline": _served_by,
    "lapse_seat": lambda moved, case: {"held_until": case.referral.seat_until},
    "change_priority": lambda moved, case: {"priority_before": case.referral.need.priority},
    "record_contact_attempt": lambda moved, case: {"attempts": len(moved.attempts)},
    "schedule_appointment": _newly_scheduled,
    "cancel_appointment": _newly_settled,
    "record_attendance": _newly_settled,
    "record_no_show": _newly_settled,
    "mark_error": _compensating,
    "mark_error_after_accept": _compensating,
    "flag_in_error": _compensating,
    "escalate": _higher,
    "revoke": lambda moved, case: {"basis_id": moved.basis_id},
    "reopen": lambda moved, case: {"compensates": ("referral.closed",), "person": moved.need.person},
}


def compensated(before: Referral) -> tuple[str, ...]:
    """The events of a referral that count no more once it is in error; none the second time."""
    if before.in_error:
        return ()
    return tuple(dict.fromkeys(event for entry in before.history for event in entry.events))
