"""A vital interest that a second person has to confirm: their agency has a task until that is decided, one way or the
other.
"""

from contracts.journeys import OpenTask, SettleTask
from contracts.notifications import public_code
from contracts.sharing import ReviewRequested, SharingEvent
from services.referral.domain.needs import referral_id

KIND = "confirm_vital_interest"


def asked_by(event: ReviewRequested) -> OpenTask:
    """It is called as the first referral of its meeting, and is over by itself."""
    first = referral_id(event.intake_id, 0)
    return OpenTask(
        task_id=event.review_id,
        kind=KIND,
        journey_id=event.intake_id,
        referral_id=first,
        service=event.service,
        agency=event.sender_agency,
        queue=event.sender_queue,
        city=event.city,
        next=KIND,
        code=public_code(first, event.city),
        until=event.due_at,
    )


def settled_by(event: SharingEvent) -> list[SettleTask]:
    return [SettleTask(task_id=review_id) for review_id in event.reviewed]
