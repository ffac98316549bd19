"""The conditions of a transition that are judged last, one function each, by the codes of `transitions.json`."""

from collections.abc import Callable
from datetime import timedelta

from services.referral.domain import routing, table
from services.referral.domain.case import Case, Fault, reason_field

JUDGED_BEFORE = frozenset(
    {
        "idempotency_key_unseen", "version_matches", "actor_agency_is_sender", "actor_agency_is_receiver",
        "reason_code_known", "text_when_required", "requested_by_known",
    }
)  # fmt: skip
"""Guards that an earlier step of the precedence answers: the door, who speaks, the version, the fields."""

CLOCKS_DIFFER = timedelta(hours=24)
WHERE_TO_LOOK = ("service", "offer_open", "area", "admission")


def fault(case: Case) -> Fault | None:
    """The first guard of the row, in its order, that does not hold."""
    row = case.row
    guards = (*row.guards, *(g for role, more in row.guards_by if role == case.role for g in more)) if row else ()
    failed = next((g for g in guards if g not in JUDGED_BEFORE and not HOLDS[g](case)), None)
    return Fault(table.REFUSALS[failed], _pointer(failed, case)) if failed else None


def _pointer(guard: str, case: Case) -> str | None:
    row = case.row
    if guard in ("outcome_allowed_from_state", "reason_conditions_met") and row and row.reasons:
        return f"/{reason_field(row)}"
    if guard == "contact_or_attendance_recorded":
        return "/first_contact_at"
    return "/next_agency" if case.command.next_agency else None


# -- what routing answers ----------------------------------------------------------------------------------------------


def _some_offer_passes(*filters: str) -> Callable[[Case], bool]:
    """Some offer that was looked at passes these filters; the rest of the row's guards judge the other filters."""

    def holds(case: Case) -> bool:
        judged = case.facts.decision.judged if case.facts.decision else ()
        return any(all(routing.passes(verdict, f) for f in filters) for verdict in judged)

    return holds


def _predecessor_allows_successor(case: Case) -> bool:
    """The predecessor is over, and it is this referral that it made way for."""
    before = case.facts.predecessor
    return before is not None and not before.is_open and before.successor_id == case.referral.referral_id


def _no_open_referral_same_person_offer(case: Case) -> bool:
    return case.facts.linked_id is None


def _sharing_basis_ended(case: Case) -> bool:
    return case.facts.basis_ended


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
    return _answered(case, "refused")


def _offer_has_waitlist(case: Case) -> bool:
    """The service that counts has looked; for the receiver's own choice the directory tells."""
    offer = case.facts.offer
    return _answered(case, "waitlisted") or bool(case.referral.seat != "none" and offer and offer.waitlist.enabled)


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
    return at is not None and at <= case.facts.now + CLOCKS_DIFFER


def _outcome_allowed_from_state(case: Case) -> bool:
    return bool(case.reason and case.referral.state in case.reason["allowed_from"])


def _reason_conditions_met(case: Case) -> bool:
    """Attempts and no-shows cannot be recorded yet, so a reason that needs some is never met."""
    return bool(case.reason and not case.reason.get("conditions"))


HOLDS: dict[str, Callable[[Case], bool]] = {
    "next_candidate_exists": _some_offer_passes(*WHERE_TO_LOOK),
    "offer_open": _some_offer_passes("offer_open"),
    "receiver_active": _some_offer_passes("offer_open"),
    "sharing_basis_covers_recipient": _some_offer_passes("sharing"),
    "recipient_not_withheld": _some_offer_passes("withheld"),
    "agency_not_tried": _some_offer_passes("already_tried"),
    "hops_below_max": _some_offer_passes("hops"),
    "predecessor_allows_successor": _predecessor_allows_successor,
    "no_open_referral_same_person_offer": _no_open_referral_same_person_offer,
    "sharing_basis_ended": _sharing_basis_ended,
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
    "contact_or_attendance_recorded": _contact_or_attendance_recorded,
    "outcome_allowed_from_state": _outcome_allowed_from_state,
    "reason_conditions_met": _reason_conditions_met,
}
