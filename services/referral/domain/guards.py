"""The conditions of a transition that are judged last, one function each, by the codes of `transitions.json`."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.referral.domain import aftermath, appointments, clocks, conditions, receipts, routing, table, timers
from services.referral.domain.appointments import ATTENDED, MAX_SCHEDULED, SCHEDULED
from services.referral.domain.case import Case, Fault

JUDGED_BEFORE = frozenset(
    {
        "idempotency_key_unseen", "version_matches", "actor_agency_is_sender", "actor_agency_is_receiver",
        "actor_is_receiver_supervisor", "reason_code_known", "text_when_required", "requested_by_known",
        "review_date_valid",
    }
)  # fmt: skip
"""Guards that an earlier step of the precedence answers: the door, who speaks, the version, the fields."""

CLOCKS_DIFFER = timedelta(hours=24)
WHERE_TO_LOOK = ("service", "offer_open", "area", "admission")


def is_theirs(case: Case) -> bool:
    """Whether who speaks may say this at all, where the row has a guard for that: it comes before all else."""
    return all(HOLDS[g](case) for g in _of_role(case) if table.REFUSALS[g] == "not_authorised")


def _of_role(case: Case) -> tuple[str, ...]:
    return tuple(g for role, more in case.row.guards_by if role == case.role for g in more) if case.row else ()


def fault(case: Case) -> Fault | None:
    """The first guard of the row, in its order, that does not hold."""
    guards = (*case.row.guards, *_of_role(case)) if case.row else ()
    failed = next((g for g in guards if g not in JUDGED_BEFORE and not HOLDS[g](case)), None)
    return Fault(table.REFUSALS[failed], _pointer(failed, case)) if failed else None


POINTERS = {
    "contact_or_attendance_recorded": "/first_contact_at",
    "appointment_scheduled": "/appointment",
    "appointment_begun": "/appointment",
    "few_appointments_scheduled": "/starts_at",
    "receipt_owed": "/obligation",
    "sharing_basis_ended": "/basis_id",
    "priority_lowered_by_coordinator": "/priority",
    "no_emergency_on_waitlist": "/priority",
}


def _pointer(guard: str, case: Case) -> str | None:
    if guard in ("outcome_allowed_from_state", "reason_conditions_met"):
        return f"/{case.reason_field}"
    return POINTERS.get(guard, "/next_agency" if case.command.next_agency else None)


# -- what routing answers ----------------------------------------------------------------------------------------------


def _some_offer_passes(*filters: str) -> Callable[[Case], bool]:
    """Some offer that was looked at passes these filters; the rest of the row's guards judge the other filters."""

    def holds(case: Case) -> bool:
        judged = case.facts.decision.judged if case.facts.decision else ()
        return any(all(routing.passes(verdict, f) for f in filters) for verdict in judged)

    return holds


def _predecessor_allows_successor(case: Case) -> bool:
    """The predecessor is over, and it is this referral that it made way for, or it is the sender's to choose now."""
    if case.row and case.row.origins:
        return aftermath.is_senders_choice(case.referral, case.facts.lead)
    before = case.facts.predecessor
    return before is not None and not before.is_open and before.successor_id == case.referral.referral_id


def _no_open_referral_same_person_offer(case: Case) -> bool:
    return case.facts.linked_id is None


def _minimum_data_complete(case: Case) -> bool:
    return bool(case.referral.need.person_ref and case.referral.need.sharing_basis)


# -- what the referral and its service answer --------------------------------------------------------------------------


def _place_held(case: Case) -> bool:
    """Holds without asking where nobody counts places."""
    return case.referral.seat == "none" or (_seat_held_here(case) and _hold_not_lapsed(case))


def _seat_held_here(case: Case) -> bool:
    return case.referral.seat == "held"


def _no_seat_held(case: Case) -> bool:
    return not _seat_held_here(case)


def _hold_not_lapsed(case: Case) -> bool:
    until = case.referral.seat_until
    return until is None or case.facts.now <= until


def _hold_lapsed_or_refused(case: Case) -> bool:
    """The service that counts says when a time is over; that the person refused is the receiver's word."""
    return _answered(case, "lapsed") or case.role == "receiver"


def _offer_full(case: Case) -> bool:
    return _answered(case, "waitlisted", "refused")


def _no_waitlist_applies(case: Case) -> bool:
    return _answered(case, "refused") or not _priority_not_emergency(case)


def _offer_has_waitlist(case: Case) -> bool:
    """The service that counts has looked; for the receiver's own choice, once it has, the directory tells."""
    offer, looked = case.facts.offer, case.referral.seat not in ("none", "asked")
    return _answered(case, "waitlisted") or bool(looked and offer and offer.waitlist.enabled)


def _head_of_waitlist(case: Case) -> bool:
    return _answered(case, "promoted")


def _answered(case: Case, *answers: str) -> bool:
    """What the service that counts the places has just said about this referral."""
    return case.facts.noted is not None and case.facts.noted.answer in answers


def _priority_not_emergency(case: Case) -> bool:
    return case.referral.need.priority != "EMERGENCY"


def _contact_or_attendance_recorded(case: Case) -> bool:
    """A contact that is still to come is no contact; agencies' clocks may be a day ahead."""
    at = case.command.first_contact_at
    attended = appointments.count(case.referral.appointments, ATTENDED) > 0
    return (at is not None and at <= case.facts.now + CLOCKS_DIFFER) or attended


def _outcome_allowed_from_state(case: Case) -> bool:
    return bool(case.reason and case.referral.state in case.reason["allowed_from"])


def _reason_conditions_met(case: Case) -> bool:
    needed = (case.reason or {}).get("conditions", {})
    return conditions.are_met(needed, case.referral.attempts, case.referral.appointments, case.facts.now)


# -- what time has made of it ------------------------------------------------------------------------------------------


def _escalation_level_3(case: Case) -> bool:
    """The timer that is named has climbed the whole ladder."""
    return any(timer.code == case.command.timer and timer.level >= timers.HIGHEST for timer in case.referral.timers)


def _within(limit: str, since: Callable[[Case], datetime | None]) -> Callable[[Case], bool]:
    """No more time than a limit that is the same for every priority has passed since then."""

    def holds(case: Case) -> bool:
        at = since(case)
        return at is not None and case.facts.now <= clocks.due(clocks.of_review(limit), at, case.facts.calendar)

    return holds


def _appointment_scheduled(case: Case) -> bool:
    return appointments.meant(case.referral.appointments, case.command.appointment) is not None


def _appointment_begun(case: Case) -> bool:
    one = appointments.meant(case.referral.appointments, case.command.appointment)
    return one is not None and one.starts_at <= case.facts.now + CLOCKS_DIFFER


def _few_appointments_scheduled(case: Case) -> bool:
    return appointments.count(case.referral.appointments, SCHEDULED) < MAX_SCHEDULED


def _receipt_owed(case: Case) -> bool:
    return receipts.owed(case.referral.receipts, case.command.obligation) is not None


# -- what others know --------------------------------------------------------------------------------------------------


def _receiver_suspended(case: Case) -> bool:
    """By the directory: it does not work, or not any more."""
    return case.facts.receiver is not None and case.facts.receiver.status != "active"


def _sender_suspended(case: Case) -> bool:
    """It works no more, and who speaks coordinates its city."""
    sender, speaker = case.facts.sender, case.facts.speaker
    if sender is None or speaker is None:
        return False
    return sender.status != "active" and speaker.city == sender.city


def _sharing_basis_ended(case: Case) -> bool:
    """What it rests on is over; or a coordinator found by hand that it never was a basis."""
    by_hand = case.role == "coordinator" and bool(case.reason and case.reason["side"] == "coordinator")
    return by_hand or case.facts.basis_ended


def _sharing_basis_stands(case: Case) -> bool:
    return not case.facts.basis_ended


def _person_data_available(case: Case) -> bool:
    return case.referral.erased_at is None


def _place_held_again(case: Case) -> bool:
    """As far as is known at once: the offer is open. If it turns out to be full, people have to talk."""
    place, offer = case.referral.place, case.facts.offer
    return place is not None and (not place.counted or (offer is not None and offer.status == "open"))


def _priority_lowered_by_coordinator(case: Case) -> bool:
    return case.referral.need.priority != "EMERGENCY" or "coordinator" in case.roles


def _no_emergency_on_waitlist(case: Case) -> bool:
    return case.referral.state != "WAITLISTED" or case.command.priority != "EMERGENCY"


HOLDS: dict[str, Callable[[Case], bool]] = {
    "next_candidate_exists": _some_offer_passes(*WHERE_TO_LOOK),
    "offer_open": _some_offer_passes("offer_open"),
    "receiver_active": _some_offer_passes("offer_open"),
    "sharing_basis_covers_recipient": _some_offer_passes("sharing"),
    "recipient_not_withheld": _some_offer_passes("withheld"),
    "recipient_may_be_told": _some_offer_passes("sharing", "withheld"),
    "agency_not_tried": _some_offer_passes("already_tried"),
    "hops_below_max": _some_offer_passes("hops"),
    "predecessor_allows_successor": _predecessor_allows_successor,
    "no_open_referral_same_person_offer": _no_open_referral_same_person_offer,
    "minimum_data_complete": _minimum_data_complete,
    "place_held": _place_held,
    "seat_held_here": _seat_held_here,
    "no_seat_held": _no_seat_held,
    "hold_not_lapsed": _hold_not_lapsed,
    "hold_lapsed_or_refused": _hold_lapsed_or_refused,
    "offer_full": _offer_full,
    "no_waitlist_applies": _no_waitlist_applies,
    "offer_has_waitlist": _offer_has_waitlist,
    "head_of_waitlist": _head_of_waitlist,
    "priority_not_emergency": _priority_not_emergency,
    "escalation_level_3": _escalation_level_3,
    "receiver_suspended": _receiver_suspended,
    "sender_suspended": _sender_suspended,
    "contact_or_attendance_recorded": _contact_or_attendance_recorded,
    "outcome_allowed_from_state": _outcome_allowed_from_state,
    "reason_conditions_met": _reason_conditions_met,
    "within_unaccept_window": _within("unaccept_window", lambda case: case.referral.accepted_at),
    "within_reopen_window": _within("reopen_window", lambda case: case.referral.closed_at),
    "sharing_basis_ended": _sharing_basis_ended,
    "sharing_basis_stands": _sharing_basis_stands,
    "person_data_available": _person_data_available,
    "place_held_again": _place_held_again,
    "appointment_scheduled": _appointment_scheduled,
    "appointment_begun": _appointment_begun,
    "few_appointments_scheduled": _few_appointments_scheduled,
    "receipt_owed": _receipt_owed,
    "priority_lowered_by_coordinator": _priority_lowered_by_coordinator,
    "no_emergency_on_waitlist": _no_emergency_on_waitlist,
}
