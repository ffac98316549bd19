"""When an agency could not be told by mail: the sender has to see to it in another way."""

from uuid import uuid5

from contracts.journeys import OpenTask
from contracts.notifications import NotificationFailed
from services.referral.domain import aftermath
from services.referral.domain.referral import Referral

RECEIVER, SENDER = KINDS = ("receiver_not_told", "sender_not_told")

LATE = "task_late"
"""What a mail is about that says that a task is late."""


def task(referral: Referral, failed: NotificationFailed) -> OpenTask:
    """One a referral and side, however many mails fail."""
    receiver = referral.place.queue if referral.place else None
    kind = RECEIVER if failed.queue == receiver else SENDER
    task_id = uuid5(referral.referral_id, f"task:{kind}")
    return aftermath.task(referral, kind, failed.reason).model_copy(update={"task_id": task_id})
