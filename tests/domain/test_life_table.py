"""Every cell of the state table: each state meets each command from each role, and does what the table says."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from contracts import codes
from contracts.commands import DraftReferral, NotePlace, OpenReferral, ReferralCommand
from contracts.directory import Waitlist
from contracts.events import CommandAccepted, ReferralEvent
from contracts.refusals import Refusal
from services.referral.domain import guards, life, table
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Search
from tests.builders import (
    NOW,
    REFERRAL_ID,
    a_command,
    a_decision,
    a_need,
    a_referral,
    an_offer,
    the_facts,
)

LIFE = codes.table("transitions")
RUNNING: dict[str, list[str]] = codes.table("running")["commands"]
STATES = [state["code"] for state in LIFE["states"]]
TIMERS = {state["code"]: set(state["timers_required"]) for state in LIFE["states"]}
COMMANDS = sorted({row["command"] for row in (*LIFE["transitions"], *LIFE["non_transition_commands"])})
SPEAKERS = {"sender": "pa.comune", "receiver": "pa.accura", "stranger": "pa.legale", "system": None}
OUTCOMES = {"ACCEPTED": "no_longer_needed", "IN_SERVICE": "served_completed", "ON_HOLD": "served_partial"}
BEGINNINGS = [row for row in LIFE["transitions"] if not row["from"] and row["command"] in RUNNING]

Cell = tuple[str, str, str]


def row_of(state: str, command: str, role: str) -> dict[str, Any] | None:
    """What the table itself says of a cell (a draft has no receiver yet); the rest of this file asks the product."""
    allowed = role in RUNNING.get(command, []) and (state, role) != ("DRAFT", "receiver")
    rows = (row for row in LIFE["transitions"] if row["command"] == command and state in row["from"])
    return next((row for row in rows if allowed and role in row["by"]), None)


def refusal_of(state: str, command: str, role: str) -> str:
    if role == "stranger" or (role == "receiver" and state == "DRAFT"):
        return "unknown_referral"
    return "invalid_transition" if role in RUNNING.get(command, []) else "not_authorised"


SEATS = {
    "waitlist": ("asked", "waitlisted"), "decline_full": ("asked", "refused"), "offer_seat": ("waiting", "promoted"),
    "confirm_seat": ("held", None), "lapse_seat": ("held", "lapsed"),
}  # fmt: skip
"""The place that a command is about, and for the system what the service that counts has just answered."""


def ask(state: str, command: str, role: str) -> tuple[Referral, ReferralCommand, life.Outcome]:
    seat, answer = SEATS.get(command, ("none", None))
    referral = a_referral(state, seat=seat)
    closing = {"closure_outcome": OUTCOMES[state]} if command == "close" and state in OUTCOMES else {}
    asked = a_command(command, by=SPEAKERS[role], **closing)
    onward = Search(referral.need, 1, ("pa.accura",), "pa.salute") if command == "pass_on" else Search(referral.need)
    decision = a_decision(an_offer("pa.salute.primary"), search=onward)
    noted = NotePlace(referral_id=REFERRAL_ID, answer=answer) if answer and role == "system" else None
    offer = an_offer(waitlist=Waitlist(enabled=True))
    return (
        referral,
        asked,
        life.decide(referral, asked, the_facts(decision=decision, noted=noted, offer=offer, basis_ended=True)),
    )


ALL: list[Cell] = list(product(STATES, COMMANDS, SPEAKERS))
ALLOWED = [cell for cell in ALL if row_of(*cell)]
REFUSED = [cell for cell in ALL if not row_of(*cell)]


@pytest.mark.parametrize(("state", "command", "role"), ALLOWED)
def test_an_allowed_command_leads_where_the_table_says(state: str, command: str, role: str) -> None:
    row = row_of(state, command, role)
    assert row is not None

    before, asked, (after, said) = ask(state, command, role)

    answer, event = said[0], next(e for e in said if f"staffetta.{row['event']}.v1" == e.TYPE)
    assert after.state == row["to"]
    assert after.version == before.version + 1
    assert isinstance(answer, CommandAccepted)
    assert (answer.asked, answer.version, answer.state) == (asked.asked, after.version, after.state)
    assert isinstance(event, ReferralEvent)
    assert (event.version, event.state, event.owner) == (after.version, after.state, after.owner)
    assert (event.by, event.at, event.due_at) == (role, NOW, after.due_at)


@pytest.mark.parametrize(("state", "command", "role"), ALLOWED)
def test_after_it_exactly_the_timers_of_the_new_state_run(state: str, command: str, role: str) -> None:
    row = row_of(state, command, role)
    assert row is not None

    before, _, (after, _) = ask(state, command, role)

    running = {timer.code for timer in after.timers}
    assert running == ({t.code for t in before.timers} - set(row["timers_cleared"])) | set(row["timers_started"])
    assert running == TIMERS[row["to"]] | ({"seat_hold"} & running)
    assert (after.owner is not None) == (after.due_at is not None) == after.is_open


@pytest.mark.parametrize(("state", "command", "role"), REFUSED)
def test_every_other_command_is_refused_by_name_and_changes_nothing(state: str, command: str, role: str) -> None:
    with pytest.raises(Refusal) as refused:
        ask(state, command, role)

    assert refused.value.code == refusal_of(state, command, role)


@pytest.mark.parametrize("state", [state for state in STATES if state != "DRAFT"])
def test_a_refused_party_learns_the_state_and_what_it_may_do(state: str) -> None:
    may = {command for command in COMMANDS if row_of(state, command, "receiver")}
    refused = next(command for command in RUNNING if "receiver" in RUNNING[command] and command not in may)

    with pytest.raises(Refusal) as refusal:
        life.decide(a_referral(state), a_command(refused), the_facts())

    assert (refusal.value.code, refusal.value.pointer) == ("invalid_transition", "/command")
    assert (refusal.value.state, refusal.value.version) == (state, 3)
    assert set(refusal.value.allowed) == may


@pytest.mark.parametrize("row", BEGINNINGS, ids=lambda row: row["id"])
def test_a_referral_begins_as_the_table_says(row: dict[str, Any]) -> None:
    successor = row.get("when", {}).get("predecessor_id") == "present"
    before = replace(a_referral("DECLINED"), successor_id=REFERRAL_ID) if successor else None
    facts = the_facts(decision=a_decision(), predecessor=before)

    if row["command"] == "create":
        referral, said = life.draft(DraftReferral(referral_id=REFERRAL_ID, need=a_need()), facts)
    else:
        command = OpenReferral(referral_id=REFERRAL_ID, need=a_need(), predecessor_id=REFERRAL_ID if before else None)
        referral, said = life.open_referral(command, facts)

    assert (referral.state, referral.version) == (row["to"], 1)
    assert {timer.code for timer in referral.timers} == set(row["timers_started"])
    assert [e.TYPE for e in said if f"staffetta.{row['event']}.v1" == e.TYPE]


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
    by = {row["command"]: set(row["by"]) for row in (*LIFE["transitions"], *LIFE["non_transition_commands"])}

    assert all(set(roles) <= by[command] for command, roles in RUNNING.items())
