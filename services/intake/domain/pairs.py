"""Two people who may be one: suspected by the network, decided by people, and undone by people."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.answers import CommandAccepted
from contracts.directory import Agency
from contracts.identity import (
    DecidePair,
    DuplicateDecided,
    DuplicateSuspected,
    IdentityLinked,
    IdentityUnlinked,
    SuspectPair,
    UndoPair,
    pair_id,
)
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.intake.domain.intake import Intake

Outcome = tuple["Pair", list[Message]]

SUSPECTED, SAME, DIFFERENT, LATER, UNDONE = "SUSPECTED", "SAME", "DIFFERENT", "LATER", "UNDONE"
DECISIONS = {"same": SAME, "different": DIFFERENT, "later": LATER}
FROM = {
    "same": (SUSPECTED, LATER, DIFFERENT),
    "different": (SUSPECTED, LATER),
    "later": (SUSPECTED, LATER),
    "undone": (SAME,),
}
"""In which states of a pair each decision may be taken; what was undone stays so."""
MOST_DECISIONS = 50
"""To say "later" for ever is to say nothing."""
COORDINATOR = "coordinator"
LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""When an intake came to the door of which that was not kept yet."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided what, when, and why in their own words."""

    at: datetime
    agency: str
    actor: str | None
    decision: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """agency: whose desk is asked; version: how often it was decided; asked_anew: how often of another desk."""

    pair_id: UUID
    intake_id: UUID
    person_refs: tuple[str, str]
    agency: str
    queue: str
    city: str
    service: str
    reasons: tuple[str, ...]
    state: str = SUSPECTED
    version: int = 0
    decisions: tuple[Decision, ...] = ()
    asked_anew: int = 0


def met_last(met: Iterable[Intake]) -> Intake:
    """Which of these, one at least, came to the door last."""
    return max(met, key=lambda one: (one.taken_at or LONG_AGO, str(one.recorded.intake_id)))


def in_order(one: Intake, other: Intake, active: Collection[str]) -> tuple[Intake, Intake]:
    """Of two people who look alike: first whose desk is asked, which met one of them last, whichever is found by the
    other. active: who works of their agencies, one at least; no other is asked.
    """
    last = met_last(met for met in (one, other) if met.recorded.sender_agency in active)
    return last, other if last is one else one


def asks_about(last: Intake, first: Intake, reasons: tuple[str, ...]) -> SuspectPair:
    """Of two people who look alike: the desk of the one of whom it is asked (`in_order`)."""
    met, two = last.recorded, (last.recorded.person_ref, first.recorded.person_ref)
    return SuspectPair(
        pair_id=pair_id(two),
        intake_id=met.intake_id,
        person_refs=two,
        sender_agency=met.sender_agency,
        sender_queue=met.sender_queue,
        city=met.city_of_intake,
        service=met.services[0].service,
        reasons=reasons,
    )


def suspect(known: Pair | None, command: SuspectPair, now: datetime, asked: Agency | None = None) -> Outcome:
    """Once: a pair that was suspected before, whatever was decided of it, is not suggested again; of one that waits for
    an agency that works no more another desk is asked. asked: who was before.
    """
    if known is not None and not _waits_in_vain(known, asked, command):
        return known, []
    pair = Pair(
        pair_id=command.pair_id,
        intake_id=command.intake_id,
        person_refs=command.person_refs,
        agency=command.sender_agency,
        queue=command.sender_queue,
        city=command.city,
        service=command.service,
        reasons=command.reasons,
        version=known.version if known else 0,
        decisions=known.decisions if known else (),
        asked_anew=known.asked_anew + 1 if known else 0,
    )
    return pair, [DuplicateSuspected(**_about(pair, now), reasons=pair.reasons)]


def _waits_in_vain(known: Pair, asked: Agency | None, command: SuspectPair) -> bool:
    gone = asked is not None and asked.status != "active"
    return gone and known.state in (SUSPECTED, LATER) and known.agency != command.sender_agency


def decide(known: Pair | None, command: DecidePair, now: datetime) -> Outcome:
    """Raises Refusal: only the agency that was asked, and only a decision that is still open."""
    if known is None or known.agency != command.asked.agency:
        raise Refusal("unknown_referral", "/person_refs")
    if command.decision not in DECISIONS:
        raise Refusal("unknown_code", "/decision", allowed=tuple(DECISIONS))
    _check(known, command.decision)
    after = _decided(known, command.decision, DECISIONS[command.decision], command, now)
    linked = [IdentityLinked(**_identity(after, now))] if after.state == SAME else []
    return after, [_answer(after, command.asked), *linked, _told(after, command, now)]


def undo(known: Pair | None, command: UndoPair, speaker: Agency | None, now: datetime) -> Outcome:
    """Raises Refusal: only who decided it, or a coordinator of the city where it was, of an agency that works."""
    if known is None or not _may_undo(known, command.asked, speaker):
        raise Refusal("unknown_referral", "/person_refs")
    _check(known, "undone")
    after = _decided(known, "undone", UNDONE, command, now)
    return after, [_answer(after, command.asked), IdentityUnlinked(**_identity(after, now)), _told(after, command, now)]


def without_reasons(known: Pair) -> Pair:
    """What was decided, and by whom: why is no longer kept."""
    return replace(known, decisions=tuple(replace(made, text=None) for made in known.decisions))


def one_person(person_ref: str, linked: Iterable[Pair]) -> frozenset[str]:
    """All names that are one person with this one. linked: at least every pair that one of them is in."""
    found, edges = {person_ref}, [set(pair.person_refs) for pair in linked if pair.state == SAME]
    while more := [edge for edge in edges if edge & found and not edge <= found]:
        found.update(*more)
    return frozenset(found)


def _may_undo(known: Pair, asked: Asked, speaker: Agency | None) -> bool:
    if known.agency == asked.agency or speaker is None:
        return known.agency == asked.agency
    return COORDINATOR in asked.roles and speaker.status == "active" and speaker.city == known.city


def _check(known: Pair, decision: str) -> None:
    put_off_for_ever = decision == "later" and len(known.decisions) >= MOST_DECISIONS
    if known.state not in FROM[decision] or put_off_for_ever:
        raise Refusal("invalid_transition", state=known.state, version=known.version)


def _decided(known: Pair, decision: str, state: str, command: DecidePair | UndoPair, now: datetime) -> Pair:
    made = Decision(now, command.asked.agency or "", command.asked.actor, decision, command.text)
    return replace(known, state=state, version=known.version + 1, decisions=(*known.decisions, made))


def _answer(pair: Pair, asked: Asked) -> CommandAccepted:
    return CommandAccepted(
        asked=asked, subject=str(pair.pair_id), version=pair.version, state=pair.state, intake_id=pair.intake_id
    )


def _told(pair: Pair, command: DecidePair | UndoPair, now: datetime) -> DuplicateDecided:
    decision = pair.decisions[-1].decision
    return DuplicateDecided(**_about(pair, now), decision=decision, by=command.asked.agency or pair.agency)


def _about(pair: Pair, now: datetime) -> dict[str, Any]:
    """What every event of a suspicion says (`contracts.identity.DuplicateEvent`)."""
    return {
        "intake_id": pair.intake_id,
        "pair_id": pair.pair_id,
        "at": now,
        "sender_agency": pair.agency,
        "sender_queue": pair.queue,
        "city": pair.city,
        "service": pair.service,
        "person_refs": pair.person_refs,
        "turn": pair.version + pair.asked_anew,
    }


def _identity(pair: Pair, now: datetime) -> dict[str, Any]:
    known = {"pair_id": pair.pair_id, "version": pair.version, "at": now, "intake_id": pair.intake_id}
    return known | {"sender_agency": pair.agency, "person_refs": pair.person_refs}
