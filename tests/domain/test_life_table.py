"""Every cell of the state table: each state meets each command from each role, and does what the table says."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.beside import TimerCleared, TimerStarted
from contracts.commands import DraftReferral, NotePlace, OpenReferral, ReferralCommand
from contracts.directory import Waitlist
from contracts.events import ReferralEvent
from contracts.refusals import Refusal
from contracts.values import Asked
from services.referral.domain import guards, life, table
from services.referral.domain.appointments import Appointment
from services.referral.domain.receipts import Receipt
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Search
from tests.builders import (
    NOW,
    REFERRAL_ID,
    a_command,
    a_decision,
    a_need,
    a_referral,
    an_agency,
    an_offer,
    the_facts,
)

LIFE = codes.table("transitions")
ROWS = codes.commands_on_referrals()
RUNNING: dict[str, list[str]] = codes.table("running")["commands"]
STATES = [state["code"] for state in LIFE["states"]]
TIMERS = {state["code"]: set(state["timers_required"]) for state in LIFE["states"]}
COMMANDS = sorted({row["command"] for row in ROWS})
SUPERVISED = {row["command"] for row in ROWS if row.get("supervised")}
SPEAKERS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "sender": ("pa.comune", ()),
    "receiver": ("pa.accura", ()),
    "supervisor": ("pa.accura", ("supervisor",)),
    "coordinator": ("pa.lead", ("coordinator",)),
    "coordinator_elsewhere": ("rm.lead", ("coordinator",)),
    "stranger": ("pa.legale", ()),
    "system": (None, ()),
}
"""Who speaks: which agency, and the roles of the person; a supervisor is one of the receiver."""

STRANGERS = ("stranger", "coordinator_elsewhere")
OUTCOMES = {"ACCEPTED": "no_longer_needed", "IN_SERVICE": "served_completed", "ON_HOLD": "served_partial"}
BEGINNINGS = [row for row in LIFE["transitions"] if not row["from"] and row["command"] in RUNNING]

Cell = tuple[str, str, str]


def may(command: str, speaker: str) -> set[str]:
    """The roles in which this speaker may give this command at all."""
    held = {"supervisor": {"receiver"}, "coordinator_elsewhere": set()}.get(speaker, {speaker})
    if command in SUPERVISED and speaker != "supervisor":
        return set()
    return held & set(RUNNING.get(command, []))


def row_of(state: str, command: str, speaker: str) -> dict[str, Any] | None:
    """What the table itself says of a cell (a draft has no receiver yet); the rest of this file asks the product."""
    if state == "DRAFT" and speaker in ("receiver", "supervisor"):
        return None
    if (command, speaker) == ("open", "system"):  # it opens what there is not yet
        return None
    rows = (row for row in ROWS if row["command"] == command and state in met_in(row))
    return next((row for row in rows if may(command, speaker) & set(row["by"])), None)


def met_in(row: dict[str, Any]) -> list[str]:
    """The states in which the referral that the command names may be: for a successor, the one that it follows."""
    states: list[str] = row.get("allowed_in") or row["from"] or row.get("predecessor_states", [])
    return states


def refusal_of(state: str, command: str, speaker: str) -> str:
    if speaker in STRANGERS or (speaker in ("receiver", "supervisor") and state == "DRAFT"):
        return "unknown_referral"
    return "invalid_transition" if may(command, speaker) else "not_authorised"


SUSPENDED = an_agency(status="suspended")
"""Only one command asks whether the receiver is."""

SEATS = {
    "waitlist": ("held", "waitlisted"), "decline_full": ("asked", "refused"), "offer_seat": ("waiting", "promoted"),
    "confirm_seat": ("held", None), "lapse_seat": ("held", "lapsed"),
}  # fmt: skip
"""The place that a command is about, and for the system what the service that counts has just answered."""

OWED = Receipt("deletion_receipt", NOW, NOW + timedelta(days=7))
BESIDE: dict[str, dict[str, Any]] = {
    "unaccept": {"accepted_at": NOW},
    "reopen": {"closed_at": NOW},
    "record_attendance": {"appointments": (Appointment(1, NOW),)},
    "record_no_show": {"appointments": (Appointment(1, NOW),)},
    "cancel_appointment": {"appointments": (Appointment(1, NOW),)},
    "confirm_receipt": {"receipts": (OWED,)},
}
"""What a command finds beside the state."""


def met(state: str, command: str) -> Referral:
    seat, _ = SEATS.get(command, ("none", None))
    referral = a_referral(state, seat=seat, **BESIDE.get(command, {}))
    level = 0 if command == "escalate" else 3
    return replace(referral, timers=tuple(replace(timer, level=level) for timer in referral.timers))


def said_of(referral: Referral, command: str) -> dict[str, Any]:
    """What a command must say that depends on the state."""
    match command:
        case "close" if referral.state in OUTCOMES:
            return {"closure_outcome": OUTCOMES[referral.state]}
        case "escalate" if referral.timers:
            return {"timer": referral.timers[0].code}
    return {}


def ask(state: str, command: str, speaker: str) -> tuple[Referral, ReferralCommand, life.Outcome]:
    referral, (by, roles) = met(state, command), SPEAKERS[speaker]
    asked = a_command(command, by=by, roles=roles, **said_of(referral, command))
    elsewhere = command in ("pass_on", "open")
    onward = Search(referral.need, 1, ("pa.accura",), "pa.salute") if elsewhere else Search(referral.need)
    decision = a_decision(an_offer("pa.salute.primary"), search=onward)
    answer = SEATS.get(command, ("none", None))[1]
    known: dict[str, Any] = {
        "noted": NotePlace(referral_id=REFERRAL_ID, answer=answer) if answer and speaker == "system" else None,
        "offer": an_offer(waitlist=Waitlist(enabled=True)),
        "speaker": an_agency(by, city="roma" if by == "rm.lead" else "palermo") if by else None,
        "receiver": an_agency("pa.accura", status="suspended"),
        "sender": an_agency("pa.comune", status="left"),
        "basis_ended": command == "revoke",
    }
    judge = life.ask_onward if command == "open" else life.decide
    return referral, asked, judge(referral, asked, the_facts(decision=decision, **known))


ALL: list[Cell] = list(product(STATES, COMMANDS, SPEAKERS))
ALLOWED = [cell for cell in ALL if row_of(*cell) and cell[1] != "open"]
REFUSED = [cell for cell in ALL if not row_of(*cell)]


@pytest.mark.parametrize(("state", "command", "speaker"), ALLOWED)
def test_an_allowed_command_leads_where_the_table_says(state: str, command: str, speaker: str) -> None:
    row = row_of(state, command, speaker)
    assert row is not None

    before, asked, (after, said) = ask(state, command, speaker)

    answer, event = said[0], next(e for e in said if f"staffetta.{row['event']}.v1" == e.TYPE)
    assert after.state == row.get("to", state)
    assert after.version == before.version + 1
    assert isinstance(answer, CommandAccepted)
    assert (answer.asked, answer.version, answer.state) == (asked.asked, after.version, after.state)
    assert isinstance(event, ReferralEvent)
    assert (event.version, event.state, event.owner) == (after.version, after.state, after.owner)
    assert event.by in may(command, speaker) & set(row["by"])
    assert (event.at, event.due_at) == (NOW, after.due_at)
    assert set(after.history[-1].events) == {
        life.short(e) for e in said if isinstance(e, ReferralEvent) and not isinstance(e, TimerStarted | TimerCleared)
    }


@pytest.mark.parametrize(("state", "command", "speaker"), ALLOWED)
def test_after_it_exactly_the_timers_of_the_new_state_run(state: str, command: str, speaker: str) -> None:
    row = row_of(state, command, speaker)
    assert row is not None

    before, _, (after, _) = ask(state, command, speaker)

    running = {timer.code for timer in after.timers}
    cleared, started = set(row.get("timers_cleared", ())), set(row.get("timers_started", ()))
    assert running == ({t.code for t in before.timers} - cleared) | started
    assert running == TIMERS[after.state] | ({"seat_hold"} & running)
    assert (after.owner is not None) == (after.due_at is not None) == after.is_open


@pytest.mark.parametrize("state", [state for state in STATES if row_of(state, "open", "sender")])
def test_a_sender_asks_for_the_successor_of_what_is_over_and_that_one_answers(state: str) -> None:
    before, asked, (after, said) = ask(state, "open", "sender")

    (successor,) = said
    assert isinstance(successor, OpenReferral)
    assert (successor.asked, successor.predecessor_id) == (asked.asked, before.referral_id)
    assert (successor.hop, successor.tried) == (before.hop + 1, (*before.tried, "pa.accura"))
    assert after == replace(before, successor_id=successor.referral_id)


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("state", STATES)
def test_every_other_command_is_refused_by_name_and_changes_nothing(state: str, speaker: str) -> None:
    refused = [command for command in COMMANDS if (state, command, speaker) in set(REFUSED)]

    for command in refused:
        with pytest.raises(Refusal) as refusal:
            ask(state, command, speaker)
        assert refusal.value.code == refusal_of(state, command, speaker), command


@pytest.mark.parametrize("speaker", ["receiver", "supervisor"])
@pytest.mark.parametrize("state", [state for state in STATES if state != "DRAFT"])
def test_a_refused_party_learns_the_state_and_what_it_may_do(state: str, speaker: str) -> None:
    taken = {command for command in COMMANDS if row_of(state, command, speaker)}
    refused = next(command for command in RUNNING if may(command, speaker) and command not in taken)
    by, roles = SPEAKERS[speaker]

    with pytest.raises(Refusal) as refusal:
        life.decide(a_referral(state), a_command(refused, by=by, roles=roles), the_facts())

    assert (refusal.value.code, refusal.value.pointer) == ("invalid_transition", "/command")
    assert (refusal.value.state, refusal.value.version) == (state, 3)
    assert set(refusal.value.allowed) == taken


ASKED_BY = {
    "sender": Asked(agency="pa.comune", command_id="c-1"),
    "coordinator": Asked(agency="pa.lead", command_id="c-1", roles=("coordinator",)),
}


@pytest.mark.parametrize(
    ("row", "by"), [(row, by) for row in BEGINNINGS for by in row["by"] if by in RUNNING[row["command"]]],
    ids=lambda value: value if isinstance(value, str) else value["id"],
)  # fmt: skip
def test_a_referral_begins_as_the_table_says(row: dict[str, Any], by: str) -> None:
    successor = row.get("when", {}).get("predecessor_id") == "present"
    before = replace(a_referral("DECLINED"), successor_id=REFERRAL_ID) if successor else None
    agencies: dict[str, Any] = {"speaker": an_agency("pa.lead"), "sender": an_agency("pa.comune", status="left")}
    facts = the_facts(decision=a_decision(), predecessor=before, **agencies if by == "coordinator" else {})

    asked = ASKED_BY.get(by)
    if row["command"] == "create":
        referral, said = life.draft(DraftReferral(referral_id=REFERRAL_ID, need=a_need()), facts, asked)
    else:
        follows = REFERRAL_ID if before else None
        command = OpenReferral(referral_id=REFERRAL_ID, asked=asked, need=a_need(), predecessor_id=follows)
        referral, said = life.open_referral(command, facts)

    assert (referral.state, referral.version) == (row["to"], 1)
    assert {timer.code for timer in referral.timers} == set(row["timers_started"])
    assert [e.by for e in said if isinstance(e, ReferralEvent) and f"staffetta.{row['event']}.v1" == e.TYPE] == [by]


def test_every_guard_of_every_row_that_is_switched_on_is_judged_somewhere() -> None:
    more = {guard for row in table.rows() for _, guards in row.guards_by for guard in guards}
    needed = {guard for row in table.rows() for guard in row.guards} | more

    assert needed <= guards.JUDGED_BEFORE | set(guards.HOLDS)
    assert set(guards.HOLDS) <= needed


def test_the_precedence_is_that_of_the_reference_data_but_for_the_step_at_the_door() -> None:
    steps = [step["check"] for step in codes.table("rejection_codes")["precedence"]["steps"]]

    assert steps[0] == "duplicate"
    assert steps[1:] == list(life.CHECKS)


def test_what_is_switched_on_is_in_the_table_and_for_roles_of_its_row() -> None:
    by: dict[str, set[str]] = {}
    for row in ROWS:
        by.setdefault(row["command"], set()).update(row["by"])

    assert all(set(roles) <= by[command] for command, roles in RUNNING.items())
    assert by.keys() == RUNNING.keys()
