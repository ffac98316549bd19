"""A task: a worker of the sender's queue has something to decide, and until when."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.commands import CompleteTask, OpenTask
from contracts.events import CommandAccepted, TaskDone, TaskOpened
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.referral.domain import clocks
from services.referral.domain.clocks import Calendar

OPEN, DONE = "OPEN", "DONE"
LIMIT = "sender_next_step_task"

Outcome = tuple["Task", list[Message]]


@dataclass(frozen=True, slots=True)
class Task:
    """kind: what is to be decided; next: the action of `decline_reasons.json` that it stands for."""

    task_id: UUID
    kind: str
    journey_id: UUID
    referral_id: UUID | None
    service: str
    agency: str
    queue: str
    opened_at: datetime
    due_at: datetime
    state: str = OPEN
    version: int = 1
    reason: str | None = None
    next: str | None = None
    documents: tuple[str, ...] = ()
    done_at: datetime | None = None


def open_task(command: OpenTask, now: datetime, calendar: Calendar) -> Outcome:
    """Due after one business hour of the sender's city."""
    task = Task(
        opened_at=now,
        due_at=clocks.due(clocks.of_review(LIMIT), now, calendar),
        **command.model_dump(exclude={"city"}),
    )
    said = TaskOpened(**_known(task, now), reason=task.reason, next=task.next, documents=task.documents)
    return task, [answer(task, Asked()), said]


def complete(task: Task | None, command: CompleteTask, now: datetime) -> Outcome:
    """Raises Refusal: a task of others looks like one that does not exist, and none is done twice."""
    if task is None or task.agency != command.asked.agency:
        raise Refusal("unknown_referral", "/task_id")
    if task.state == DONE:
        raise Refusal("invalid_transition", "/task_id", state=task.state, version=task.version)
    done = replace(task, state=DONE, version=task.version + 1, done_at=now)
    return done, [answer(done, command.asked), TaskDone(**_known(done, now))]


def answer(task: Task, asked: Asked) -> CommandAccepted:
    return CommandAccepted(asked=asked, subject=str(task.task_id), version=task.version, state=task.state)


def _known(task: Task, now: datetime) -> dict[str, Any]:
    """What every event of a task says (`contracts.events.TaskEvent`)."""
    return {
        "task_id": task.task_id,
        "version": task.version,
        "at": now,
        "kind": task.kind,
        "journey_id": task.journey_id,
        "referral_id": task.referral_id,
        "service": task.service,
        "agency": task.agency,
        "queue": task.queue,
        "due_at": task.due_at,
    }
