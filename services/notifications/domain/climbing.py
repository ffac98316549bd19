"""Whom a step of an escalation ladder tells: the words of `priorities.json` as mailboxes of the directory."""

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.beside import ReferralEscalated, TimerFired
from contracts.directory import Agency, who_coordinates
from contracts.journeys import TaskOverdue, TaskReminded

REMINDER, LATE, ESCALATED, RAISED, TASK_LATE = "remind", "late", "escalated", "raised", "task_late"
TO_CONFIRM = "to_confirm"

OfTask = TaskReminded | TaskOverdue
Step = TimerFired | ReferralEscalated | OfTask

Box = tuple[str, str]
"""A mailbox and its agency. One that is called as the agency itself reaches its supervisors, at its own address."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Who coordinates a city."""

    queue: str
    agency: str


def lead_of(agencies: list[Agency]) -> Lead | None:
    """agencies: of one city."""
    lead = who_coordinates(agencies)
    return Lead(lead.coordination.code, lead.code) if lead and lead.coordination else None


def told(event: Step, lead: Lead | None) -> Iterator[tuple[str, str, str]]:
    """(mailbox, its agency, about), each mailbox once.

    Where the person excluded who coordinates, the supervisors of the sender, or of whose the task is, are told instead.
    """
    boxes = _of_task(event) if isinstance(event, OfTask) else _of_referral(event)
    if not isinstance(event, TaskReminded) and event.coordination_withheld:
        supervisors = boxes["owner_supervisor" if isinstance(event, TaskOverdue) else "sender_supervisor"]
        boxes |= {"city_coordinator": supervisors, "lead_body_head": supervisors}
    elif lead:
        boxes |= {"city_coordinator": (lead.queue, lead.agency), "lead_body_head": (lead.agency, lead.agency)}
    for queue, agency in dict.fromkeys(boxes[who] for who in event.notify if who in boxes):
        yield queue, agency, about(event)


def about(event: Step) -> str:
    match event:
        case TaskReminded():
            return TO_CONFIRM
        case TaskOverdue():
            return TASK_LATE
        case ReferralEscalated():
            return RAISED
        case TimerFired(percent=percent) if percent < 100:
            return REMINDER
    return LATE if event.level < 2 else ESCALATED


def _of_referral(event: TimerFired | ReferralEscalated) -> dict[str, Box]:
    boxes = {
        "sender_queue": (event.sender_queue, event.sender_agency),
        "sender_supervisor": (event.sender_agency, event.sender_agency),
    }
    if event.receiver_queue and event.receiver_agency and event.receiver_told:
        boxes["receiver_queue"] = (event.receiver_queue, event.receiver_agency)
        boxes["receiver_supervisor"] = (event.receiver_agency, event.receiver_agency)
    return boxes


def _of_task(event: OfTask) -> dict[str, Box]:
    return {"owner_queue": (event.queue, event.agency), "owner_supervisor": (event.agency, event.agency)}
