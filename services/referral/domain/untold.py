"""When an agency could not be told by mail: the sender has to see to it in another way."""

from uuid import uuid5

from contracts.journeys import OpenTask
from contracts.notifications import NotificationFailed
from services.referral.domain import aftermath
from services.referral.domain.referral import Referral


def task(referral: Referral, failed: NotificationFailed) -> OpenTask:
    """One a mail and referral, however many notices of it the mail told."""
    receiver = referral.place.queue if referral.place else None
    kind = "receiver_not_told" if failed.queue == receiver else "sender_not_told"
    task_id = uuid5(failed.mail_id, f"task:{referral.referral_id}")
    return aftermath.task(referral, kind, failed.reason).model_copy(update={"task_id": task_id})
