"""Which answers of the services that count places concern a referral."""

from contracts.commands import NotePlace
from contracts.places import CapacityEvent, CapacityHeld, CapacityRefused, CapacityReleased, CapacityWaitlisted


def noted(event: CapacityEvent) -> NotePlace | None:
    """None for what only confirms what the referral itself has asked for."""
    match event:
        case CapacityHeld(promoted=promoted):
            answer = "promoted" if promoted else "held"
            return NotePlace(referral_id=event.referral_id, answer=answer, until=event.until,
                             order_rule_version=event.order_rule_version)  # fmt: skip
        case CapacityWaitlisted():
            return NotePlace(referral_id=event.referral_id, answer="waitlisted", position=event.position,
                             order_rule_version=event.order_rule_version)  # fmt: skip
        case CapacityRefused():
            return NotePlace(referral_id=event.referral_id, answer="refused")
        case CapacityReleased(cause="lapsed" | "refused"):
            return NotePlace(referral_id=event.referral_id, answer="lapsed")
    return None
