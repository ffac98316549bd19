"""An agency that could not be told by mail becomes a task for the sender."""

from typing import Any
from uuid import UUID

import pytest

from contracts.notifications import NotificationFailed
from services.referral.domain import untold
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID, a_referral
from tests.notices import CLINIC, DESK


def a_failure(queue: str = CLINIC, **known: Any) -> NotificationFailed:
    given: dict[str, Any] = {
        "queue": queue, "notification_id": UUID(int=5), "version": 1, "at": NOW, "agency": "pa.accura",
        "channel": "mail", "about": "new", "referral_id": REFERRAL_ID, "journey_id": INTAKE_ID, "mail_id": UUID(int=6),
        "attempts": 8, "reason": "unreachable",
    }  # fmt: skip
    return NotificationFailed(**given | known)


@pytest.mark.parametrize(("queue", "kind"), [(CLINIC, "receiver_not_told"), (DESK, "sender_not_told")])
def test_the_sender_learns_who_was_not_told_and_why(queue: str, kind: str) -> None:
    task = untold.task(a_referral(), a_failure(queue))

    assert (task.kind, task.reason, task.referral_id) == (kind, "unreachable", REFERRAL_ID)
    assert (task.agency, task.queue, task.city) == ("pa.comune", DESK, "palermo")


def test_one_mail_makes_one_task_for_a_referral_whatever_it_has_come_to_meanwhile() -> None:
    first = untold.task(a_referral(), a_failure())
    again = untold.task(a_referral("ACCEPTED", version=9), a_failure(notification_id=UUID(int=7)))
    other = untold.task(a_referral(), a_failure(mail_id=UUID(int=8)))

    assert first.task_id == again.task_id != other.task_id
