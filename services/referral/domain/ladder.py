"""What a timer does that nobody answers: it reminds, climbs level by level, and at the end lets the referral expire."""

from dataclasses import replace
from datetime import datetime

from contracts.beside import ReferralEscalated, TimerFired
from contracts.commands import FireTimer, ReferralCommand
from contracts.values import Message
from services.referral.domain import life, timers
from services.referral.domain.case import Facts
from services.referral.domain.referral import Entry, Referral, entered, reach_of, snapshot
from services.referral.domain.timers import Timer

Outcome = tuple[Referral, list[Message]]


def fire(referral: Referral, command: FireTimer, facts: Facts) -> Outcome:
    """Every step up to the one named that is due and was not taken: the sooner ones may still be under way.

    Nothing when the timer has been cleared or has begun anew since: then somebody did what it was for.
    """
    said: list[Message] = []
    while timer := _due(referral, command, facts.now):
        referral, more = _climb(referral, timer, facts)
        said += more
    return referral, said


def catch_up(referral: Referral, code: str, facts: Facts) -> Outcome:
    """What is due of this timer and was not taken: what ends it may be heard before the sweep has come round."""
    timer = referral.timer(code)
    if timer is None or not timer.steps:
        return referral, []
    last = timer.steps[-1].percent
    all_of_it = FireTimer(referral_id=referral.referral_id, timer=code, version=timer.version, percent=last)
    return fire(referral, all_of_it, facts)


def _due(referral: Referral, command: FireTimer, now: datetime) -> Timer | None:
    for timer in referral.timers:
        if (timer.code, timer.version) == (command.timer, command.version) and timer.steps:
            step = timer.steps[0]
            return timer if step.at <= now and step.percent <= command.percent else None
    return None


def _climb(referral: Referral, timer: Timer, facts: Facts) -> Outcome:
    step = timer.steps[0]
    rung = timers.rung_at(timers.of_referral(timer.code, referral.need.priority), step.percent)
    reach = reach_of(timer.code, referral, timer.started_at, facts.calendar)
    left = timers.after(timer.steps, reach, timers.repeats(timer.code))
    higher = replace(timer, level=max(timer.level, rung.level), steps=left)
    after = replace(
        referral,
        version=referral.version + 1,
        timers=tuple(higher if running is timer else running for running in referral.timers),
    )
    known = snapshot(after, facts.now, "system") | {"timer": timer.code, "level": rung.level}
    withheld = facts.lead_withheld
    said: list[Message] = [
        TimerFired(**known, percent=step.percent, notify=rung.notify, coordination_withheld=withheld)
    ]
    if higher.level > timer.level:
        said.append(ReferralEscalated(**known))
    events = tuple(event.TYPE.removeprefix("staffetta.").removesuffix(".v1") for event in said)
    after = entered(after, Entry(after.version, facts.now, "escalate", "system", None, after.state, events))
    if not rung.expires:
        return after, said
    expired, more = life.decide(after, _expire(after, higher), facts)
    return expired, [*said, *more]


def _expire(referral: Referral, timer: Timer) -> ReferralCommand:
    """The system's own command of `transitions.json`, judged like any other."""
    return ReferralCommand(
        referral_id=referral.referral_id,
        command="expire",
        role="system",
        timer=timer.code,
        escalation_level=timer.level,
    )
