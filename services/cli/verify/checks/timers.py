"""Every open referral and task has an owner, and a step of its ladder ahead or just reached: none falls silent."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from services.cli.verify.checks.folding import is_over, owner
from services.cli.verify.loaded import Doc, Loaded, instant
from services.cli.verify.report import Seen

UNDER_WAY = timedelta(minutes=5)
"""So long a step that is due may take: after a downtime there are many."""


def check(loaded: Loaded) -> Iterator[Seen]:
    for id, referral in loaded.stored("referral", "referrals").items():
        if not is_over(referral["state"]):
            steps = [step for timer in referral["timers"] for step in timer.get("steps", ())[:1]]
            yield Seen(f"referral {id}", tuple(_wrong(owner(referral), steps, loaded.at)))
    for id, task in loaded.stored("referral", "tasks").items():
        if task["state"] == "OPEN":
            yield Seen(f"task {id}", tuple(_wrong(task["queue"], task.get("steps", ())[:1], loaded.at)))


def _wrong(whose: str | None, steps: Iterable[Doc], now: datetime) -> Iterator[str]:
    if not whose:
        yield "it is open and nobody's"
    due = min((at for step in steps if (at := instant(step["at"]))), default=None)
    if due is None:
        yield "it is open and no timer of it will fire"
    elif due < now - UNDER_WAY:
        yield f"a step of its timers was due at {due} and was not taken"
