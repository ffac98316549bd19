"""What a referral makes of an answer about its place, from the service that counts the places of its offer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid5

from contracts.commands import NotePlace, ReferralCommand
from contracts.events import ReferralEvent, ReferralSeatHeld, ReferralSeatLapsed
from contracts.journeys import SettleTask
from contracts.values import Message
from services.referral.domain import aftermath, ladder, life
from services.referral.domain.case import Facts
from services.referral.domain.referral import Entry, Referral, entered, request, snapshot
from services.referral.domain.table import NOBODY_WAITS

Outcome = tuple[Referral, list[Message]]
NOTED, SEAT_HOLD = "note_place", "seat_hold"
IN_VAIN, PLACE_LOST = "waits_in_vain", "place_lost"
LAPSED = ("referral.seat_lapsed",)


def note(referral: Referral, command: NotePlace, facts: Facts) -> Outcome:
    """An answer that a later change has made pointless changes nothing: the referral's end gives the place back."""
    then = ANSWERS.get((referral.state, command.answer))
    return then(referral, command, facts) if then else (referral, [])


def _held(referral: Referral, _command: NotePlace, facts: Facts) -> Outcome:
    """Now the receiver is told. Until when, the referral itself has said: its priority may have changed since."""
    if referral.seat != "asked":
        return referral, []
    return _noted(replace(referral, seat="held"), facts, ReferralSeatHeld)


def _not_held_any_more(referral: Referral, _command: NotePlace, facts: Facts) -> Outcome:
    lost = replace(referral, seat="lost", seat_until=None)
    return _noted(lost, facts, ReferralSeatLapsed, lapse_cause="lapsed")


def _moved_on_the_list(referral: Referral, command: NotePlace, _facts: Facts) -> Outcome:
    """The receiver put the person on the list; this is where."""
    return replace(referral, position=command.position), []


def _taken_from_under(referral: Referral, _command: NotePlace, facts: Facts) -> Outcome:
    """It was accepted in the moment in which the hold ended and somebody else took the place: people have to talk,
    unless it has done without it.
    """
    if referral.seat == "given_back":
        return referral, []
    lost = replace(referral, seat="lost")
    after, said = _noted(lost, facts, ReferralSeatLapsed, lapse_cause="lapsed")
    whose = aftermath.task_of_receiver if _was_reopened(referral) else aftermath.task
    return after, [*said, whose(after, PLACE_LOST, "no_capacity")]


def settled(ended: Referral) -> list[Message]:
    """Whose place was taken from under it needs none any more once it is over."""
    lost = (e for e in ended.history if e.command == NOTED and e.events == LAPSED and e.state in TAKEN)
    return [SettleTask(task_id=aftermath.task_id(ended, PLACE_LOST, entry.version)) for entry in lost]


def _waits_in_vain(referral: Referral, _command: NotePlace, facts: Facts) -> Outcome:
    """The offer has closed, has too few places or counts none any more: whoever sent the person decides, each time
    anew.
    """
    id = uuid5(referral.referral_id, f"task:{IN_VAIN}:{facts.now.isoformat()}")
    task = aftermath.task(referral, IN_VAIN, "no_capacity")
    return referral, [task.model_copy(update={"task_id": id, "next": "sender_decides"})]


def _was_reopened(referral: Referral) -> bool:
    """Then it is for the supervisor who reopened it to find a place."""
    last = next(
        (e.command for e in reversed(referral.history) if e.command in ("accept", "confirm_seat", "reopen")), ""
    )
    return last == "reopen"


def _as(command: str, **fields: Any) -> Callable[[Referral, NotePlace, Facts], Outcome]:
    """The system's own command of `transitions.json`, judged like any other."""

    def given(referral: Referral, told: NotePlace, facts: Facts) -> Outcome:
        known = {"order_rule_version": told.order_rule_version} | fields
        own = ReferralCommand(referral_id=referral.referral_id, command=command, role="system", **known)
        return life.decide(referral, own, facts)

    return given


def _waits(referral: Referral, told: NotePlace, facts: Facts) -> Outcome:
    """An emergency never waits, also if it became one while the place was being asked for."""
    if referral.need.priority == NOBODY_WAITS:
        return _as("decline_full", decline_reason="no_capacity")(referral, told, facts)
    return _as("waitlist")(referral, told, facts)


def _lapsed(referral: Referral, told: NotePlace, facts: Facts) -> Outcome:
    """Nothing more where its receiver let it go, or put the person on the list, as its time ended."""
    if referral.seat != "held":
        return referral, []
    referral, fired = ladder.catch_up(referral, SEAT_HOLD, facts)
    after, said = _as("lapse_seat", lapse_cause="lapsed")(referral, told, facts)
    return after, [*fired, *said]


Answer = Callable[[Referral, NotePlace, Facts], Outcome]
UNDECIDED = ("REQUESTED", "ACKNOWLEDGED")
TAKEN = ("ACCEPTED", "IN_SERVICE", "ON_HOLD")

ANSWERS: dict[tuple[str, str], Answer] = {
    **{(state, "held"): _held for state in UNDECIDED},
    **{(state, "waitlisted"): _waits for state in UNDECIDED},
    **{(state, "refused"): _as("decline_full", decline_reason="no_capacity") for state in UNDECIDED},
    **{(state, "lapsed"): _not_held_any_more for state in UNDECIDED},
    ("WAITLISTED", "waitlisted"): _moved_on_the_list,
    ("WAITLISTED", "promoted"): _as("offer_seat"),
    ("WAITLISTED", "lapsed"): _lapsed,
    ("WAITLISTED", "refused"): _waits_in_vain,
    **{(state, "refused"): _taken_from_under for state in TAKEN},
}


def _noted(changed: Referral, facts: Facts, event: type[ReferralEvent], **details: Any) -> Outcome:
    after = replace(changed, version=changed.version + 1)
    said = event(**snapshot(after, facts.now, "system") | request(after) | details)
    name, why = event.TYPE.removeprefix("staffetta.").removesuffix(".v1"), details.get("lapse_cause")
    return entered(after, Entry(after.version, facts.now, NOTED, "system", None, after.state, (name,), why)), [said]
