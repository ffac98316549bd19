"""What the events of a journey count to, by the measures of `indicators.json` that `journeys.json` names."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.beside import TimerStarted
from contracts.events import (
    IntakeRecorded,
    ReferralAccepted,
    ReferralDeclined,
    ReferralEnteredInError,
    ReferralEvent,
    ReferralExpired,
    ReferralFlaggedInError,
    ReferralReopened,
    ReferralRerouted,
    ReferralStarted,
    ReferralWaitlisted,
)
from contracts.journeys import UnmetNeedRecorded
from contracts.values import Message

ANSWERS = (ReferralAccepted, ReferralWaitlisted, ReferralDeclined, ReferralRerouted)
COMPENSATES = (ReferralEnteredInError, ReferralFlaggedInError, ReferralReopened)
ANSWERED, BY_VERIFY = "net.answered_in_time", "net.unanswered_needs"
"""The second is over everything that is kept: `staffetta verify` says it."""

Said = list[Message]


def counters(names: Iterable[str], said: Said) -> dict[str, int]:
    """Of these measures the counts. said: all events of the journey's intakes, as they were said."""
    return {name: MEASURES[name](said) if name in MEASURES else _of_funder(name, said) for name in names}


def _answered_in_time(said: Said) -> int:
    """Referrals whose first answer came before their limit to decide was over."""
    limits = {e.referral_id: e.timer_due_at for e in _of(said, TimerStarted) if e.timer == "decide"}
    answers: dict[UUID, ReferralEvent] = {}
    for event in said:
        if isinstance(event, ANSWERS):
            answers.setdefault(event.referral_id, event)
    wrong = {e.referral_id for e in _of(said, ReferralEnteredInError)}
    return sum(e.at <= limits[id] for id, e in answers.items() if id not in wrong)


def _rerouted_served(said: Said) -> int:
    return len({_person(said, e.journey_id) for e in _started(said) if e.hop >= 1})


def _unmet(said: Said) -> int:
    """People, once for each service."""
    return len({(_person(said, e.journey_id), e.service) for e in _of(said, UnmetNeedRecorded)})


def _of_funder(name: str, said: Said) -> int:
    """People for whom a service of these classes began."""
    classes, services = codes.codes("indicators")[name]["filter"]["fami_class"], codes.codes("services")
    return len({_person(said, e.journey_id) for e in _started(said) if services[e.service]["fami_class"] in classes})


MEASURES: dict[str, Callable[[Said], int]] = {
    ANSWERED: _answered_in_time,
    "net.unanswered_referrals": lambda said: len(_of(said, ReferralExpired)),
    "net.rerouted_served": _rerouted_served,
    "net.unmet_need": _unmet,
    "distinct_people": lambda said: len({e.person_ref for e in _of(said, IntakeRecorded)}),
}


def _started(said: Said) -> list[ReferralStarted]:
    """Those that nothing has compensated since."""
    undone = {event.referral_id for kind in COMPENSATES for event in _of(said, kind)}
    return [event for event in _of(said, ReferralStarted) if event.referral_id not in undone]


def _person(said: Said, journey_id: UUID) -> str:
    return next(e.person_ref for e in _of(said, IntakeRecorded) if e.intake_id == journey_id)


def _of(said: Said, kind: type[Any]) -> list[Any]:
    return [event for event in said if isinstance(event, kind)]
