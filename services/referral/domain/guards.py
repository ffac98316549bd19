"""The conditions of a transition that are judged last, one function each, by the codes of `transitions.json`."""

from collections.abc import Callable
from datetime import timedelta

from contracts import codes
from services.referral.domain import routing, table
from services.referral.domain.case import REASON_FIELDS, Case, Fault

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
    guards = case.row.guards if case.row else ()
    failed = next((g for g in guards if g not in JUDGED_BEFORE and not HOLDS[g](case)), None)
    return Fault(table.REFUSALS[failed], _pointer(failed, case)) if failed else None


def _pointer(guard: str, case: Case) -> str | None:
    row = case.row
    if guard in ("outcome_allowed_from_state", "reason_conditions_met") and row and row.reasons:
        return f"/{REASON_FIELDS[row.reasons]}"
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


def _minimum_data_complete(case: Case) -> bool:
    return bool(case.referral.need.person_ref and case.referral.need.sharing_basis)


# -- what the referral and its service answer --------------------------------------------------------------------------


def _place_held(case: Case) -> bool:
    """Holds without asking where nobody counts places; a counting service, once it runs, tells what it holds."""
    return not codes.is_counted(case.referral.need.service)


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
    "minimum_data_complete": _minimum_data_complete,
    "place_held": _place_held,
    "contact_or_attendance_recorded": _contact_or_attendance_recorded,
    "outcome_allowed_from_state": _outcome_allowed_from_state,
    "reason_conditions_met": _reason_conditions_met,
}
