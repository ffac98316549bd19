"""A journey: everything that came of one intake, so that every service asked for has an answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from contracts.answers import CommandAccepted
from contracts.commands import ReferralCommand
from contracts.journeys import (
    AddNeed,
    BeginJourney,
    EndNeed,
    JourneyNeed,
    OpenTask,
    RoutingNoCandidate,
    UnmetNeedRecorded,
    UnmetNeedTakenBack,
)
from contracts.notifications import public_code
from contracts.values import Asked, Message
from services.referral.domain.referral import successor_id

IN_ERROR = "entered_in_error"
"""A referral of the need should never have been: why the need ended, or an outcome where it had ended before."""

Outcome = tuple["Journey", list[Message]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One service asked for. state: open, waiting (for another service), linked, served, ended or unmet.

    priority: as it was asked for. leans_on: the referral that it is linked to, or was last.
    """

    need_id: UUID
    service: str
    depends_on: str | None
    state: str
    priority: str | None = None
    leans_on: UUID | None = None


@dataclass(frozen=True, slots=True)
class Unmet:
    """A service that could not be given now, or (final) at all. in_error: its referral should never have been."""

    at: datetime
    service: str
    referral_id: UUID
    reason: str | None
    final: bool
    in_error: bool = False


@dataclass(frozen=True, slots=True)
class Journey:
    """early: ends of needs that were told before the beginning was, or before a need leaned on what has ended (they
    travel on other partitions). excluded: whom the person had excluded at its beginning.
    """

    journey_id: UUID
    version: int = 0
    sender_agency: str = ""
    sender_queue: str = ""
    city: str = ""
    needs: tuple[Wanted, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    early: tuple[EndNeed, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def begun(self) -> bool:
        return bool(self.sender_agency)

    def need(self, need_id: UUID) -> Wanted | None:
        return next((need for need in self.needs if need.need_id == need_id), None)

    def waiting_for(self, service: str) -> tuple[Wanted, ...]:
        return tuple(need for need in self.needs if need.depends_on == service and need.state == "waiting")

    def having(self, state: str, *needs: Wanted, **known: Any) -> "Journey":
        """The same journey with these needs in that state. known: what else changes of them."""
        moved = {need.need_id for need in needs}
        changed = (replace(n, state=state, **known) if n.need_id in moved else n for n in self.needs)
        return replace(self, needs=tuple(changed))


def begin(journey: Journey, command: BeginJourney, now: datetime) -> Outcome:
    """The needs of an intake; the second time nothing changes."""
    if journey.begun:
        return journey, [_answer(journey)]
    begun = replace(
        journey,
        version=journey.version + 1,
        sender_agency=command.sender_agency,
        sender_queue=command.sender_queue,
        city=command.city,
        needs=(*(_wanted(need) for need in command.needs), *journey.needs),
        early=(),
        excluded=command.excluded,
    )
    after, said = _apply_all(begun, journey.early, now)
    return after, [_answer(begun), *said]


def add_need(journey: Journey, command: AddNeed) -> Outcome:
    """One more that a caseworker asks for; it may be told before the beginning is."""
    if journey.need(command.need.referral_id):
        return journey, [_answer(journey)]
    more = Wanted(command.need.referral_id, command.need.service, None, "open", command.need.priority)
    after = replace(journey, version=journey.version + 1, needs=(*journey.needs, more))
    return after, [_answer(after)]


def end_need(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """What becomes of the journey when a referral of it has ended, or could not be opened."""
    moved = replace(journey, version=journey.version + 1)
    if not journey.begun:
        moved = replace(moved, early=(*journey.early, command))
        return moved, [_answer(moved)]
    after, said = _apply(moved, command, now)
    return after, [_answer(after), *said]


def _wanted(need: JourneyNeed) -> Wanted:
    state = "waiting" if need.depends_on else "open"
    return Wanted(need.referral_id, need.service, need.depends_on, state, need.priority)


def _apply_all(journey: Journey, ends: Iterable[EndNeed], now: datetime) -> Outcome:
    said = list[Message]()
    for told in ends:
        journey, more = _apply(journey, told, now)
        said += more
    return journey, said


def _apply(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """What is told of a referral that the need leans on counts only while it does; what is told too early waits."""
    need, on = journey.need(command.need_id), command.linked_referral_id
    if on is None or _leans(need, command) or command.outcome in ("linked", "reopened"):
        return OUTCOMES[command.outcome](journey, command, now)
    moved_on = need is not None and need.leans_on == on
    return journey if moved_on else replace(journey, early=(*journey.early, command)), []


def _leans(need: Wanted | None, command: EndNeed) -> bool:
    """Whether it leans on the referral of which this is told, or was served with what turns out to be another's."""
    state, known = (need.state, need.leans_on) if need else (None, None)
    is_undone = state == "served" and command.outcome == "ended" and known == command.linked_referral_id
    return is_undone or (state == "linked" and known in (None, command.linked_referral_id))


def _served(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """Those that waited for this service are sent."""
    freed = journey.waiting_for(command.service)
    sent = [ReferralCommand(referral_id=need.need_id, command="send", role="system") for need in freed]
    return _now(journey, command, "served").having("open", *freed), [*sent]


def _ended(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """Whoever waited for it cannot be sent by itself, and a need that only leaned on it is its sender's to decide."""
    need = journey.need(command.need_id)
    leaned = [need] if need and (need.state == "linked" or command.linked_referral_id) else []
    tasks: list[Message] = [_task(journey, "linked_referral_ended", need, command) for need in leaned]
    after, more = _unserved(_now(journey, command, "ended"), command)
    if command.reason != IN_ERROR:
        return after, [*tasks, *more]
    after, taken_back = _in_error(after, command, now)
    return after, [*taken_back, *tasks, *more]


def _gave_up(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """It ended because it was not given in time."""
    after, recorded = _unmet(journey, command, now, final=True)
    after, more = _ended(after, command, now)
    return after, [*recorded, *more]


def _no_capacity(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """Not now, and not there; the next candidate is being asked."""
    return _unmet(journey, command, now, final=False)


def _no_candidate(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """Nobody is left: the need is recorded as unmet, and the sender is told."""
    nobody = RoutingNoCandidate(**_known(journey, command, now), reason=command.reason)
    after, recorded = _unmet(_now(journey, command, "unmet"), command, now, final=True)
    need = Wanted(command.need_id, command.service, None, "unmet")
    after, more = _unserved(after, command)
    return after, [nobody, *recorded, _task(journey, "no_candidate", need, command), *more]


def _linked(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """It may be over already."""
    journey, early = _not_early(journey, command)
    return _apply_all(_now(journey, command, "linked"), early, now)


def _reopened(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """A need that was served by what it leaned on leans on it again, unless it has moved on."""
    if command.linked_referral_id is None:
        return _sent(journey, command, now)
    journey, _ = _not_early(journey, command)
    need = journey.need(command.need_id)
    again = need and (need.state, need.leans_on) == ("served", command.linked_referral_id)
    return _now(journey, command, "linked") if again else journey, []


def _not_early(journey: Journey, command: EndNeed) -> tuple[Journey, list[EndNeed]]:
    """Without what was told too early of what the need leans on; and that. An earlier release did not say on what."""
    on = command.linked_referral_id
    of_need = [told for told in journey.early if told.need_id == command.need_id]
    early = [told for told in of_need if on in (None, told.linked_referral_id)]
    return replace(journey, early=tuple(told for told in journey.early if told not in early)), early


def _sent(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    return _now(journey, command, "open"), []


def _in_error(journey: Journey, command: EndNeed, now: datetime) -> Outcome:
    """What was recorded as unmet of this referral, or of the next one that nobody was found for, counts no more."""
    nobody = successor_id(command.referral_id)
    of = ((command.referral_id, True), (command.referral_id, False), (nobody, True))
    wrong = [record for record in journey.unmet if (record.referral_id, record.final) in of and not record.in_error]
    unmet = tuple(replace(record, in_error=True) if record in wrong else record for record in journey.unmet)
    said = [
        UnmetNeedTakenBack(
            **_known(journey, command, now) | {"referral_id": record.referral_id, "service": record.service},
            final=record.final,
            reason=record.reason,
        )
        for record in wrong
    ]
    return replace(journey, unmet=unmet), [*said]


OUTCOMES: dict[str, Callable[[Journey, EndNeed, datetime], Outcome]] = {
    "served": _served,
    "ended": _ended,
    "gave_up": _gave_up,
    "no_capacity": _no_capacity,
    "no_candidate": _no_candidate,
    "linked": _linked,
    "sent": _sent,
    "reopened": _reopened,
    IN_ERROR: _in_error,
}


def _now(journey: Journey, command: EndNeed, state: str) -> Journey:
    need = journey.need(command.need_id)
    leaning = {"leans_on": command.linked_referral_id} if state in ("linked", "served") else {}
    return journey.having(state, need, **leaning) if need else journey


def _unmet(journey: Journey, command: EndNeed, now: datetime, *, final: bool) -> Outcome:
    record = Unmet(now, command.service, command.referral_id, command.reason, final)
    said = UnmetNeedRecorded(**_known(journey, command, now), final=final, reason=command.reason)
    return replace(journey, unmet=(*journey.unmet, record)), [said]


def _unserved(journey: Journey, command: EndNeed) -> Outcome:
    """A task for each need that waited for the service that was not given; the sender decides about its draft."""
    waited = journey.waiting_for(command.service)
    return journey.having("open", *waited), [_task(journey, "dependency_ended", need, command) for need in waited]


def _task(journey: Journey, kind: str, need: Wanted, command: EndNeed) -> OpenTask:
    own = need.need_id == command.need_id
    referral_id = command.referral_id if own else need.need_id
    return OpenTask(
        task_id=uuid5(journey.journey_id, f"task:{kind}:{need.need_id}:{journey.version}"),
        kind=kind,
        journey_id=journey.journey_id,
        referral_id=referral_id,
        code=public_code(referral_id, journey.city),
        service=need.service,
        agency=journey.sender_agency,
        queue=journey.sender_queue,
        city=journey.city,
        reason=command.reason,
        next="sender_decides",
        priority=command.priority if own else need.priority,
    )


def _known(journey: Journey, command: EndNeed, now: datetime) -> dict[str, Any]:
    """What every event of a journey says (`contracts.events.JourneyEvent`)."""
    return {
        "journey_id": journey.journey_id,
        "version": journey.version,
        "at": now,
        "service": command.service,
        "sender_agency": journey.sender_agency,
        "referral_id": command.referral_id,
    }


def _answer(journey: Journey) -> CommandAccepted:
    return CommandAccepted(asked=Asked(), subject=str(journey.journey_id), version=journey.version)
