"""A timer: what has to be done until when, and the steps that follow one another while nobody does it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from contracts import codes
from contracts.beside import TimerCleared, TimerStarted
from contracts.values import Message

POLICY = codes.table("priorities")
KINDS = codes.codes("transitions", "timers")
HIGHEST: int = POLICY["escalation_ladder"][-1]["level"]
TELLS = {"remind_sender": "sender_queue", "remind_receiver_queue": "receiver_queue"}
"""Whom the steps of a timer that has a list of its own tell; other words of such a list name them already."""

AGAIN = 100
"""So many repetitions are looked at for the next one; no feast is as long."""

Reach = Callable[[int], datetime]
"""When so many percent of a limit are over."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder: at how many percent, which level is reached, who is told; expires: then it is over."""

    percent: int
    level: int
    notify: tuple[str, ...]
    expires: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is still to come."""

    percent: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Timer:
    """version: the referral's when the timer started; level: how far it has climbed; policy: by which limits it runs.

    steps: those to come. They are fixed at the start, so that a change of the limits moves no timer that runs.
    """

    code: str
    version: int
    started_at: datetime
    due_at: datetime
    level: int = 0
    steps: tuple[Step, ...] = ()
    policy: str = ""

    @property
    def next_at(self) -> datetime | None:
        return self.steps[0].at if self.steps else None


def start(code: str, version: int, at: datetime, rungs: Iterable[Rung], reach: Reach, now: datetime) -> Timer:
    """The steps come in order, also where a rollover would let a later one overtake.

    at: from when it is measured, which may lie before now; a reminder that comes too late already is left out.
    """
    steps: list[Step] = []
    for rung in rungs:
        due = max([reach(rung.percent), *(step.at for step in steps[-1:])])
        if due > now or rung.percent >= 100:
            steps.append(Step(rung.percent, due))
    return Timer(code, version, at, reach(100), steps=tuple(steps), policy=POLICY["version"])


def no_later(new: Timer, running: Timer) -> Timer:
    """A timer in the place of one that runs, each step no later than it would have come; as it runs if none is sooner.

    A step that was taken is not taken again, but for a reminder that comes before it is due, and for those of a timer
    that only repeats its last one, where that would be after the new limit.
    """
    last, due_at = new.steps[-1].percent, min(new.due_at, running.due_at)
    latest = {min(step.percent, last): step.at for step in running.steps}
    repeats = bool(running.steps) and running.steps[0].percent > last
    if repeats and latest[last] <= new.due_at:
        return running
    steps = tuple(
        Step(step.percent, min(step.at, latest.get(step.percent, step.at)))
        for step in new.steps
        if step.percent in latest or step.at < (latest[last] if repeats else due_at)
    )
    if not steps or (due_at, steps) == (running.due_at, running.steps):
        return running
    return replace(new, due_at=due_at, level=running.level, steps=steps)


def is_given(code: str) -> bool:
    """Whether somebody says until when, and not `priorities.json`."""
    return bool(KINDS[code]["limit_from"] == "review_date_given_with_hold")


def until(begins: datetime, ends: datetime) -> Reach:
    """For a timer whose end was given."""
    return lambda percent: begins + (ends - begins) * percent / 100


def after(steps: tuple[Step, ...], reach: Reach, repeat: int | None) -> tuple[Step, ...]:
    """What is to come once the first of the steps was taken. repeat: after how many percent the last comes again.

    Those that a feast puts at the moment of the one that was taken are left out: nobody is told twice at once.
    """
    taken, *rest = steps
    if rest or not repeat:
        return tuple(rest)
    again = (taken.percent + n * repeat for n in range(1, AGAIN))
    later = (Step(percent, at) for percent in again if (at := reach(percent)) > taken.at)
    return (next(later, Step(taken.percent + AGAIN * repeat, taken.at)),)


def told(before: Iterable[Timer], after: Iterable[Timer], known: dict[str, Any]) -> list[Message]:
    """What a change did to the timers; one that began anew is told as started. known: what the change's event says."""
    was, now = {timer.code: timer for timer in before}, {timer.code: timer for timer in after}
    cleared = (TimerCleared(**known, timer=code) for code in was if code not in now)
    started = (
        TimerStarted(**known, timer=code, timer_due_at=timer.due_at, policy=timer.policy)
        for code, timer in now.items()
        if code not in was or was[code].version != timer.version
    )
    return [*cleared, *started]


def rung_at(rungs: Iterable[Rung], percent: int) -> Rung:
    """The rung of a step; a repeated one is the last."""
    return max((rung for rung in rungs if rung.percent <= percent), key=lambda rung: rung.percent)


# -- the ladders of priorities.json ------------------------------------------------------------------------------------


@cache
def of_referral(timer: str, priority: str) -> tuple[Rung, ...]:
    """The ladder of a timer of `transitions.json`; one with a list of its own begins when it is overdue."""
    how, ladder = KINDS[timer]["on_overdue"], POLICY["escalation_ladder"]
    if isinstance(how, list):
        return tuple(
            Rung(step["at_percent"], step["level"], (TELLS.get(what, what),))
            for step, what in zip(ladder[1:], how, strict=False)
        )
    return tuple(_rungs(ladder, timer, priority))


def _rungs(ladder: list[dict[str, Any]], timer: str, priority: str) -> Iterator[Rung]:
    for step in ladder:
        expires = "then" in step and timer in step["then_applies_to_timers"] and priority not in step["unless_priority"]
        yield Rung(step["at_percent"], step["level"], tuple(step["notify"]), expires)


def told_at(level: int) -> tuple[str, ...]:
    """Whom a level of the ladder tells, whoever raised a timer to it."""
    return next(tuple(step["notify"]) for step in POLICY["escalation_ladder"] if step["level"] == level)


@cache
def of_task(ladder: str = "task_ladder") -> tuple[Rung, ...]:
    return tuple(Rung(step["at_percent"], step["level"], tuple(step["notify"])) for step in POLICY[ladder])


def repeats(timer: str) -> int | None:
    """A place that is held for somebody lapses by itself: the service that counts it says so."""
    ends_itself = isinstance(KINDS[timer]["on_overdue"], list) and KINDS[timer]["fires_transition"]
    return None if ends_itself else int(POLICY["repeat_every_percent"])
