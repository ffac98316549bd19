"""The one interpreter of `transitions.json`: it judges every command on a referral and carries out the row it finds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contracts import catalogue
from contracts.commands import DraftReferral, OpenReferral, ReferralCommand, ReferralFields
from contracts.events import CommandAccepted, RoutingDecided
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.referral.domain import aftermath, clocks, fields, guards, receipts, routing, table
from services.referral.domain.case import Case, Facts, Fault, meet
from services.referral.domain.referral import Entry, Referral, entered, request, run_timers, snapshot, successor_id

Outcome = tuple[Referral, list[Message]]


def decide(referral: Referral, command: ReferralCommand, facts: Facts) -> Outcome:
    """The referral after the command, with the answer, the events and what is asked of others, in this order.

    Raises Refusal with the first code of the precedence that applies; then nothing has changed.
    """
    if command.command == receipts.CONFIRM:
        return receipts.confirm(referral, command, facts)
    case = meet(referral, command, facts)
    faults = (CHECKS[name](case) for name in table.PRECEDENCE if name in CHECKS)
    if fault := next((fault for fault in faults if fault), None):
        raise _refusal(case, fault)
    return _carry_out(case)


def open_referral(command: OpenReferral, facts: Facts) -> Outcome:
    """A referral that goes out at once: for a need, or as the successor of another. Raises Refusal."""
    row = table.first_row("open", successor=command.predecessor_id is not None)
    new = Referral(
        command.referral_id, command.need, hop=command.hop, tried=command.tried, predecessor_id=command.predecessor_id
    )
    return _begin(new, row, facts)


def draft(command: DraftReferral, facts: Facts) -> Outcome:
    """A referral that waits until another service of the same person was given."""
    return _begin(Referral(command.referral_id, command.need), table.first_row("create"), facts)


def answer(referral: Referral, asked: Asked) -> CommandAccepted:
    """A command was carried out; this is where the referral stands."""
    return CommandAccepted(
        asked=asked, subject=str(referral.referral_id), version=referral.version, state=referral.state
    )


# -- the steps of the precedence ---------------------------------------------------------------------------------------


def _party(case: Case) -> Fault | None:
    if not case.roles:
        return Fault("unknown_referral", "/referral_id")
    may = {role for row in table.rows_of(case.command.command) for role in row.by}
    return None if may & case.roles else Fault("not_authorised", "/agency")


def _superseded(case: Case) -> Fault | None:
    return Fault("superseded", "/referral_id") if case.facts.latest else None


def _transition(case: Case) -> Fault | None:
    return None if case.row else Fault("invalid_transition", "/command")


def _version(case: Case) -> Fault | None:
    expected = case.command.expected_version
    agrees = expected is None or expected == case.referral.version
    return None if agrees else Fault("version_conflict", "/expected_version")


def _guards(case: Case) -> Fault | None:
    return _nobody(case) or guards.fault(case)


def _nobody(case: Case) -> Fault | None:
    """A referral that is sent needs somebody to go to; the filter that stood in the way may have its own refusal."""
    decision = case.facts.decision
    if case.row is None or case.row.to != "REQUESTED" or (decision and decision.first):
        return None
    return Fault(routing.REFUSED_BY.get(str(decision.why), "no_candidate") if decision else "no_candidate")


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
    speaker, facts = case.facts.speaker, case.facts
    day = facts.calendar.day_of(facts.now)
    return "sender" in case.roles or bool(speaker and routing.is_covered(case.referral.need, speaker, day))


# -- carrying out a row ------------------------------------------------------------------------------------------------


def _begin(new: Referral, row: table.Row, facts: Facts) -> Outcome:
    own = ReferralCommand(referral_id=new.referral_id, command=row.command, role="system")
    case = Case(new, own, facts, row)
    if fault := _guards(case):
        raise case.refusal(fault)
    return _carry_out(case)


def _carry_out(case: Case) -> Outcome:
    row, facts, command = case.row, case.facts, case.command
    assert row is not None, "only a command that passed every check is carried out"
    moved = replace(case.referral, version=case.referral.version + 1, state=row.to, **_kept(case))
    moved = replace(moved, timers=run_timers(moved, row, facts.now, facts.calendar))
    moved = replace(moved, **_seat(moved, case))
    known = snapshot(moved, facts.now, case.role)
    decided = [RoutingDecided(**known | routing.explained(facts.decision))] if row.to == "REQUESTED" else []
    event = catalogue.BY_TYPE[f"staffetta.{row.event}.v1"](**known | _details(moved, case))
    moved = replace(moved, owed=receipts.demand(moved, case))
    owed = receipts.requested(moved, facts.now, case.role)
    events = ("routing.decided",) * len(decided) + (row.event,) + ("receipt.requested",) * len(owed)
    moved = entered(moved, _entry(moved, case, events))
    return moved, [answer(moved, command.asked), *decided, event, *owed, *aftermath.follow(moved, case)]


def _kept(case: Case) -> dict[str, Any]:
    """What the referral remembers of the command."""
    row, facts = case.row, case.facts
    match row.to if row else None:
        case "REQUESTED" if facts.decision:
            return {"place": facts.decision.first, "rule_set": facts.decision.rule_set, "sent_at": facts.now}
        case "ACCEPTED":
            return {"accepted_at": facts.now, "assigned_worker": case.command.assigned_worker}
        case "WAITLISTED" if facts.noted:
            return {"position": facts.noted.position}
        case "DECLINED" | "REROUTED" if aftermath.goes_on(case):
            return {"successor_id": successor_id(case.referral.referral_id)}
    return {}


def _seat(moved: Referral, case: Case) -> dict[str, Any]:
    """What becomes of the place at the offer, where places are counted."""
    place, facts = moved.place, case.facts
    if place is None or not place.counted or (case.row and case.row.command in KEEP_THE_SEAT):
        return {}
    match moved.state:
        case "REQUESTED":
            until = clocks.place_held_until(moved.need.priority, facts.now, facts.calendar)
            return {"seat": "asked", "seat_until": until}
        case "WAITLISTED":
            until = next((timer.due_at for timer in moved.timers if timer.code == "seat_hold"), None)
            return {"seat": "held" if until else "waiting", "seat_until": until}
        case "ACCEPTED" | "IN_SERVICE" | "ON_HOLD":
            return {"seat": "confirmed", "seat_until": None} if moved.seat == "held" else {}
    return {"seat": "given_back", "seat_until": None}


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
            "next": reason.get("next"),
            "served": reason.get("served"),
        }
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
        reason=reason["code"] if reason else None,
        text_id=command.text_id,
    )
