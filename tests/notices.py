"""Events that make notices, and mailboxes that hold them: valid by default, one field overridden."""

from datetime import date
from typing import Any
from uuid import UUID, uuid5

from contracts import catalogue, topics
from contracts.events import ReferralEvent
from contracts.journeys import TaskOpened
from contracts.notifications import Notice, TellQueue
from contracts.values import PersonFacts
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID

DESK, CLINIC = "pa.comune.desk", "pa.accura.clinic"

OF_REFERRALS: list[type[ReferralEvent]] = [
    row.model for row in catalogue.INSIDE if row.topic is topics.REFERRALS and issubclass(row.model, ReferralEvent)
]
"""Every event of a referral that is published."""

SAID: dict[str, Any] = {
    "referral_id": REFERRAL_ID, "journey_id": INTAKE_ID, "version": 3, "at": NOW, "by": "receiver",
    "state": "REQUESTED", "service": "health.primary", "priority": "MEDIUM", "sender_agency": "pa.comune",
    "sender_queue": DESK, "receiver_agency": "pa.accura", "receiver_queue": CLINIC, "offer": "pa.accura.primary",
    "hop": 0, "predecessor_id": None, "owner": CLINIC, "due_at": NOW, "person_ref": "p-secret", "person": PersonFacts(),
    "reply_by": NOW, "rule_set": "network-1", "seat": "none", "sender_ref": "CASE-77", "priority_reason": "because",
    "candidates": (), "out": (), "decline_reason": "no_capacity", "next": "reroute", "next_agency": "pa.salute",
    "first_contact_at": NOW, "contact_mode": "desk", "closure_outcome": "served_completed", "served": True,
    "withdraw_reason": "need_resolved", "requested_by": "person", "lapse_cause": "lapsed",
    "timer": "decide", "escalation_level": 3, "update_code": "in_progress", "hold_reason": "temporarily_away",
    "review_date": date(2026, 11, 10), "revoke_cause": "consent_withdrawn", "assigned_worker": "pa.accura:w01",
    "text_id": UUID(int=5), "priority_before": "ROUTINE", "channel": "phone", "result": "no_answer", "attempts": 2,
    "appointment": 1, "starts_at": NOW, "second_slot": False, "count": 1, "obligation": "deletion_receipt",
    "receipt_due_at": NOW,
    "timer_due_at": NOW, "policy": "2.1.0", "percent": 100, "level": 1,
    "notify": ("receiver_supervisor", "sender_queue"),
}  # fmt: skip


def an_event(model: type[ReferralEvent], **known: Any) -> ReferralEvent:
    """One of any kind, from Palermo's Comune to Centro Accura."""
    given = {name: value for name, value in SAID.items() if name in model.model_fields}
    return model(**given | known)


def a_task(**known: Any) -> TaskOpened:
    """One that no answer has opened."""
    given: dict[str, Any] = {
        "task_id": UUID(int=4), "version": 1, "at": NOW, "kind": "no_candidate", "journey_id": INTAKE_ID,
        "referral_id": REFERRAL_ID, "service": "health.primary", "agency": "pa.comune", "queue": DESK, "due_at": NOW,
        "reason": "admission", "next": "sender_decides",
    }  # fmt: skip
    return TaskOpened(**given | known)


def a_notice(n: int = 0, **known: Any) -> Notice:
    """The nth of as many as are needed."""
    given: dict[str, Any] = {
        "notification_id": uuid5(REFERRAL_ID, f"notice:{n}"), "about": "accepted", "referral_id": REFERRAL_ID,
        "journey_id": INTAKE_ID, "code": "PA-7K3M9Q", "service": "health.primary", "at": NOW,
    }  # fmt: skip
    return Notice(**given | known)


def a_telling(n: int = 0, queue: str = DESK, **known: Any) -> TellQueue:
    return TellQueue(queue=queue, agency=queue.rpartition(".")[0], notice=a_notice(n, **known))
