"""A task: a worker of the sender's queue has something to decide, and until when."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.journeys import (
    ChaseTask,
    CompleteTask,
    OpenTask,
    TaskDone,
    TaskOpened,
    TaskOverdue,
    TaskReminded,
)
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.referral.domain import clocks, timers
from services.referral.domain.clocks import Calendar
from services.referral.domain.timers import Reach, Step

OPEN, DONE = "OPEN", "DONE"
LIMIT = "sender_next_step_task"
LIMIT_OF_A_PAGE: str = codes.codes("transitions", "obligations")[LIMIT]["limit_of_a_page"]
"""Where the priority pages: as long as a receiver has to see what it is asked."""

REPEATED = {"paging_task_ladder": "repeat_every_percent", "desk_task_ladder": "desk_task_repeat_every_percent"}
"""After how many percent the last step of a ladder comes again, where it is not as of other tasks."""

Outcome = tuple["Task", list[Message]]


@dataclass(frozen=True, slots=True)
class Task:
    """kind: what is to be decided; next: the action of `decline_reasons.json` that it stands for.

    until: when it is over by itself, by what is decided elsewhere; until then nobody can say that it is done. priority:
    of the need that it is about.
    """

    task_id: UUID
    kind: str
    journey_id: UUID
    referral_id: UUID | None
    service: str
    agency: str
    queue: str
    opened_at: datetime
    due_at: datetime
    city: str = ""
    steps: tuple[Step, ...] = ()
    state: str = OPEN
    version: int = 1
    reason: str | None = None
    next: str | None = None
    documents: tuple[str, ...] = ()
    offer: str | None = None
    code: str | None = None
    done_at: datetime | None = None
    until: datetime | None = None
    priority: str | None = None

    @property
    def next_at(self) -> datetime | None:
        """When the next step of its ladder is due."""
        return self.steps[0].at if self.steps else None


def open_task(command: OpenTask, now: datetime, calendar: Calendar, before: Task | None = None) -> Outcome:
    """Due after one business hour of the sender's city, for an emergency by the wall clock, or when it says.

    before: the same task, where it is opened again.
    """
    version = before.version + 1 if before else 1
    timer = timers.start(LIMIT, 1, now, timers.of_task(_ladder(command)), _reach(command, now, calendar), now)
    task = Task(opened_at=now, due_at=timer.due_at, steps=timer.steps, version=version, **command.model_dump())
    return task, [answer(task, Asked()), _opened(task, now)]


def complete(task: Task | None, command: CompleteTask, now: datetime) -> Outcome:
    """Raises Refusal: a task of others looks like one that does not exist, none is done twice, and none by word alone
    that is decided elsewhere.
    """
    if task is None or task.agency != command.asked.agency:
        raise Refusal("unknown_referral", "/task_id")
    if task.state == DONE or task.until:
        raise Refusal("invalid_transition", "/task_id", state=task.state, version=task.version)
    done = _done(task, now)
    return done, [answer(done, command.asked), TaskDone(**_known(done, now))]


def settle(task: Task, now: datetime) -> Outcome:
    """Nothing when somebody said before that it was done."""
    if task.state == DONE:
        return task, []
    done = _done(task, now)
    return done, [answer(done, Asked()), TaskDone(**_known(done, now))]


def _done(task: Task, now: datetime) -> Task:
    return replace(task, state=DONE, version=task.version + 1, done_at=now, steps=())


def chase(
    task: Task,
    command: ChaseTask,
    now: datetime,
    calendar: Calendar,
    desk: dict[str, Any] | None = None,
    *,
    withheld: bool = False,
) -> Outcome:
    """Every step up to the one named that is due and was not taken: the sooner ones may still be under way.

    desk: whose it is to be instead (`aftermath.desk_of`); with the first of the steps the task is theirs.
    withheld: the person excluded who coordinates.
    """
    said: list[Message] = []
    while task.steps and task.steps[0].at <= now and task.steps[0].percent <= command.percent:
        if desk and task.queue != desk["queue"]:
            task, more = _handed_over(task, desk, now, calendar)
        else:
            task, more = _chased(task, task.steps[0], now, calendar, withheld=withheld)
        said += more
    return task, said


def _handed_over(task: Task, desk: dict[str, Any], now: datetime, calendar: Calendar) -> Outcome:
    handed = replace(_stepped(task, calendar), **desk)
    return handed, [_opened(handed, now)]


def _chased(task: Task, step: Step, now: datetime, calendar: Calendar, *, withheld: bool) -> Outcome:
    rung = timers.rung_at(timers.of_task(_ladder(task)), step.percent)
    chased = _stepped(task, calendar)
    known = _known(chased, now) | {"percent": step.percent, "notify": rung.notify}
    if step.percent < 100:
        return chased, [TaskReminded(**known)]
    return chased, [TaskOverdue(**known, level=rung.level, coordination_withheld=withheld)]


def _stepped(task: Task, calendar: Calendar) -> Task:
    """Once its first step was taken."""
    repeat = REPEATED.get(_ladder(task), "task_repeat_every_percent")
    left = timers.after(task.steps, _reach(task, task.opened_at, calendar), int(timers.POLICY[repeat]))
    return replace(task, version=task.version + 1, steps=left)


def _reach(of: Task | OpenTask, opened_at: datetime, calendar: Calendar) -> Reach:
    if of.until:
        return timers.until(opened_at, of.until)
    limit = clocks.of_priority(of.priority, LIMIT_OF_A_PAGE) if of.priority and _pages(of) else clocks.of_review(LIMIT)
    return lambda percent: clocks.due(limit, opened_at, calendar, percent)


def _ladder(of: Task | OpenTask) -> str:
    """Which one of `priorities.json`: of what ends at its limit, whoever decides, only what comes before helps; what is
    about no referral only the agency that is asked can decide.
    """
    if of.until:
        return "ending_task_ladder"
    if of.referral_id is None:
        return "desk_task_ladder"
    return "paging_task_ladder" if _pages(of) else "task_ladder"


def _pages(of: Task | OpenTask) -> bool:
    return not of.until and bool(codes.codes("priorities").get(of.priority or "", {}).get("pages"))


def answer(task: Task, asked: Asked) -> CommandAccepted:
    return CommandAccepted(asked=asked, subject=str(task.task_id), version=task.version, state=task.state)


def _opened(task: Task, now: datetime) -> TaskOpened:
    return TaskOpened(**_known(task, now), reason=task.reason, next=task.next, documents=task.documents)


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
        "offer": task.offer,
        "code": task.code,
        "priority": task.priority,
    }
