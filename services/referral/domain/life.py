"""The one interpreter of `transitions.json`: it judges every command on a referral and carries out the row it finds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import catalogue, codes
from contracts.answers import CommandAccepted
from contracts.commands import DraftReferral, OpenReferral, ReferralCommand
from contracts.events import RoutingDecided
from contracts.refusals import Refusal
from contracts.stated import ReferralFields
from contracts.values import Asked, Message
from services.referral.domain import aftermath, beside, fields, guards, leaving, routing, sharing, table, timers
from services.referral.domain.case import Case, Facts, Fault, meet
from services.referral.domain.referral import (
    Entry,
    Referral,
    by_priority,
    entered,
    request,
    run_timers,
    snapshot,
    successor_id,
)

Outcome = tuple[Referral, list[Message]]

LONGEST_HISTORY = 1_000
"""Commands of people and their systems on one referral that keep it open; two a week for ten years."""


def decide(referral: Referral, command: ReferralCommand, facts: Facts) -> Outcome:
    """The referral after the command, with the answer, the events and what is asked of others, in this order.

    Raises Refusal with the first code of the precedence that applies; then nothing has changed.
    """
    return _carry_out(_judged(referral, command, facts))


def ask_onward(over: Referral, command: ReferralCommand, facts: Facts) -> Outcome:
    """Its sender has another agency asked: the successor answers, and this one stays as it is. Raises Refusal."""
    case = _judged(over, command, facts)
    return replace(over, successor_id=successor_id(over.referral_id)), aftermath.asked_onward(case)


def _judged(referral: Referral, command: ReferralCommand, facts: Facts) -> Case:
    case = meet(referral, command, facts)
    faults = (CHECKS[name](case) for name in table.PRECEDENCE if name in CHECKS)
    if fault := next((fault for fault in faults if fault), None):
        raise _refusal(case, fault)
    return case


def open_referral(command: OpenReferral, facts: Facts) -> Outcome:
    """A referral that goes out at once: for a need, or as the successor of another. Raises Refusal."""
    row = table.first_row("open", successor=command.predecessor_id is not None)
    new = Referral(
        command.referral_id, command.need, hop=command.hop, tried=command.tried, predecessor_id=command.predecessor_id
    )
    own = ReferralCommand(referral_id=new.referral_id, command="open", **_said_by(command.asked))
    return _begin(new, row, facts, own)


def draft(command: DraftReferral, facts: Facts, asked: Asked | None = None) -> Outcome:
    """A referral that waits until another service of the same person was given, or until a caseworker sends it.

    asked: the caseworker's own.
    """
    own = ReferralCommand(referral_id=command.referral_id, command="create", **_said_by(asked))
    return _begin(Referral(command.referral_id, command.need), table.first_row("create"), facts, own)


def _said_by(asked: Asked | None) -> dict[str, Any]:
    return {"asked": asked} if asked else {"role": "system"}


def answer(referral: Referral, asked: Asked) -> CommandAccepted:
    """A command was carried out; this is where the referral stands."""
    return CommandAccepted(
        asked=asked, subject=str(referral.referral_id), version=referral.version, state=referral.state
    )


# -- the steps of the precedence ---------------------------------------------------------------------------------------


def _party(case: Case) -> Fault | None:
    if not case.roles:
        return Fault("unknown_referral", "/referral_id")
    may = any(row.is_by(case.roles) for row in table.rows_of(case.command.command))
    return None if may and guards.is_theirs(case) else Fault("not_authorised", "/agency")


def _superseded(case: Case) -> Fault | None:
    """What is only recorded of a referral that is over is recorded whoever has the request now."""
    recorded = case.row is not None and not case.row.to
    return Fault("superseded", "/referral_id") if case.facts.latest and not recorded else None


def _transition(case: Case) -> Fault | None:
    return None if case.row else Fault("invalid_transition", "/command")


def _version(case: Case) -> Fault | None:
    expected = case.command.expected_version
    agrees = expected is None or expected == case.referral.version
    return None if agrees else Fault("version_conflict", "/expected_version")


def _guards(case: Case) -> Fault | None:
    return _full(case) or _nobody(case) or guards.fault(case)


def _full(case: Case) -> Fault | None:
    """One document holds all that happened, and each change reads it: what is too long can only be ended."""
    whither = case.row.to if case.row else ""
    goes_on = case.referral.is_open and (not whither or whither in table.OPEN_STATES)
    recorded = sum(entry.by != "system" for entry in case.referral.history)
    too_long = recorded >= LONGEST_HISTORY and case.role != "system"
    return Fault("too_many_entries", "/command") if goes_on and too_long else None


def _nobody(case: Case) -> Fault | None:
    """A referral that is sent needs somebody to go to; the filter that stood in the way may have its own refusal."""
    decision = case.facts.decision
    if case.row is None or case.row.to != "REQUESTED" or (decision and decision.first):
        return None
    if decision and decision.search.choice:
        return Fault(routing.not_to_be_chosen(decision), "/offer")
    code = routing.REFUSED_BY.get(str(decision.why), "no_candidate") if decision else "no_candidate"
    return Fault(code, "/next_agency" if case.command.next_agency else None)


CHECKS: dict[str, Callable[[Case], Fault | None]] = {
    "unknown_or_not_a_party": _party,
    "superseded": _superseded,
    "transition": _transition,
    "version": _version,
    "fields": fields.fault,
    "guards": _guards,
}
"""By the names of the precedence; its first step, the repeated message, is judged at the door."""


def _refusal(case: Case, fault: Fault) -> Refusal:
    refusal, latest = case.refusal(fault), case.facts.latest
    if fault.code == "superseded" and latest and latest.place:
        refusal.successor_id = latest.referral_id
        refusal.successor_agency = latest.place.agency if _may_know(case) else None
    return refusal


def _may_know(case: Case) -> bool:
    """Who has it now is for the sender, and for an agency that may still be told of this person."""
    facts, day = case.facts, case.facts.calendar.day_of(case.facts.now)
    told = facts.speaker and facts.shared and sharing.may_be_told(facts.shared, facts.speaker, day)
    return "sender" in case.roles or bool(told)


# -- carrying out a row ------------------------------------------------------------------------------------------------


def _begin(new: Referral, row: table.Row, facts: Facts, own: ReferralCommand) -> Outcome:
    case = Case(new, own, facts, row)
    if fault := _guards(case):
        raise case.refusal(fault)
    return _carry_out(case)


def _carry_out(case: Case) -> Outcome:
    row, facts, command = case.row, case.facts, case.command
    assert row is not None, "only a command that passed every check is carried out"
    version, state = case.referral.version + 1, row.to or case.referral.state
    moved = replace(case.referral, version=version, state=state, **_kept(case), **beside.kept(case))
    moved = replace(moved, timers=run_timers(moved, row, facts.now, facts.calendar))
    if moved.need.priority != case.referral.need.priority:
        moved = replace(moved, timers=by_priority(moved, case.referral.need.priority, facts.now, facts.calendar))
        moved = replace(moved, seat_until=_held_until(moved) if _is_undecided(moved) else moved.seat_until)
    moved, left = leaving.behind(replace(moved, **_seat(moved, case)), case)
    said = _events(moved, case, left)
    clocked = timers.told(case.referral.timers, moved.timers, snapshot(moved, facts.now, case.role))
    moved = entered(moved, _entry(moved, case, tuple(short(event) for event in said)))
    return moved, [answer(moved, command.asked), *said, *clocked, *aftermath.follow(moved, case)]


def _events(moved: Referral, case: Case, left: list[leaving.Said]) -> list[Message]:
    """Why it goes where it goes, what happened, and what that leaves behind; all of one version."""
    row, facts, known = case.row, case.facts, snapshot(moved, case.facts.now, case.role)
    assert row is not None, "as above"
    decided = [RoutingDecided(**known | routing.explained(facts.decision))] if row.to == "REQUESTED" else []
    event = catalogue.BY_TYPE[f"staffetta.{row.event}.v1"](**_details(moved, case) | known)
    return [*decided, event, *(model(**details | known) for model, details in left)]


def short(event: Message) -> str:
    """As `events.json` calls it."""
    return event.TYPE.removeprefix("staffetta.").removesuffix(".v1")


def _kept(case: Case) -> dict[str, Any]:
    """What the referral remembers of the command."""
    row, facts = case.row, case.facts
    match row.to if row else None:
        case "REQUESTED" if facts.decision:
            chosen, asked_for = facts.decision.search.choice, facts.decision.search.need.named_offer
            named = {"named_offer": chosen.offer if chosen else asked_for}
            return {
                "need": case.referral.need.model_copy(update=named),
                "place": facts.decision.first,
                "rule_set": facts.decision.rule_set,
                "sent_at": facts.now,
            }
        case "ACCEPTED":
            decide = case.referral.timer("decide")
            return {
                "accepted_at": facts.now,
                "assigned_worker": case.command.assigned_worker or case.referral.assigned_worker,
                "decide_due_at": decide.due_at if decide else None,
            }
        case "ON_HOLD":
            return {"review_date": case.command.review_date}
        case "CLOSED":
            return {"closed_at": facts.now}
        case "ENTERED_IN_ERROR":
            return {"in_error": True}
        case "WAITLISTED" if facts.noted:
            return {"position": facts.noted.position}
        case "DECLINED" | "REROUTED" | "EXPIRED" if aftermath.goes_on(case):
            return {"successor_id": successor_id(case.referral.referral_id)}
    return {}


def _seat(moved: Referral, case: Case) -> dict[str, Any]:
    """What becomes of the place at the offer, where places are counted."""
    place = moved.place
    if place is None or not place.counted or not case.row or not case.row.to or case.row.command in KEEP_THE_SEAT:
        return {}
    to_the_end = codes.is_taken_to_the_end(moved.need.service)
    match moved.state:
        case "ACKNOWLEDGED":
            held_again = {"seat": "held", "seat_until": _held_until(moved)}
            return held_again if moved.seat == "confirmed" else {}
        case "IN_SERVICE" if case.row.command == "reopen":
            return {"seat": "confirmed" if to_the_end else "given_back", "seat_until": None}
        case "IN_SERVICE" if moved.seat == "confirmed" and case.row.command == "start" and not to_the_end:
            return {"seat": "given_back"}
        case "REQUESTED":
            return {"seat": "asked", "seat_until": _held_until(moved)}
        case "WAITLISTED":
            until = next((timer.due_at for timer in moved.timers if timer.code == "seat_hold"), None)
            return {"seat": "held" if until else "waiting", "seat_until": until}
        case "ACCEPTED" | "IN_SERVICE" | "ON_HOLD":
            return {"seat": "confirmed", "seat_until": None} if moved.seat == "held" else {}
    return {"seat": "given_back", "seat_until": None}


def _is_undecided(moved: Referral) -> bool:
    return moved.state in ("REQUESTED", "ACKNOWLEDGED") and moved.seat in ("asked", "held")


def _held_until(moved: Referral) -> datetime | None:
    """How long a place stays held for who has not decided; after an acceptance that was taken back, while there is
    time to decide. None: until a person decides.
    """
    decide = moved.timer(PLACE_HOLD["until_timer"])
    if decide is None or moved.need.priority in PLACE_HOLD["unless_priority"]:
        return None
    over = (step.at for step in decide.steps if step.percent >= PLACE_HOLD["until_percent"] and not moved.accepted_at)
    return next(over, decide.due_at)


PLACE_HOLD = codes.table("priorities")["place_hold"]
KEEP_THE_SEAT = frozenset({"acknowledge", "confirm_interest"})


def _details(moved: Referral, case: Case) -> dict[str, Any]:
    """What events may say beside the snapshot; each takes the fields that it has."""
    reason, noted = case.reason or {}, case.facts.noted
    given = case.command.model_dump(include={*ReferralFields.model_fields, "text_id"})
    about = {"depends_on": moved.need.depends_on, "position": noted.position if noted else None}
    return (
        given
        | request(moved)
        | about
        | {
            "next": aftermath.next_step(moved, reason),
            "served": reason.get("served"),
            "coordination_withheld": case.facts.lead_withheld,
        }
        | beside.told(moved, case)
    )


def _entry(moved: Referral, case: Case, events: tuple[str, ...]) -> Entry:
    command, reason = case.command, case.reason
    return Entry(
        version=moved.version,
        at=case.facts.now,
        command=command.command,
        by=case.role,
        agency=command.asked.agency,
        state=moved.state,
        events=events,
        reason=reason["code"] if reason else command.lapse_cause if command.command == "lapse_seat" else None,
        text_id=command.text_id,
    )
