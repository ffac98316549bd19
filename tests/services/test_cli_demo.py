"""The demonstration: its dates, what its agencies say, and how its board tells what became of a need."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.stated import StatedCommand, SubmitIntake
from deploy.local.demo import intakes, script
from deploy.local.demo.board import Board, Need
from services.cli.wire import Entry
from services.cli.words import Words

NOW = datetime(2027, 3, 29, 5, 0, tzinfo=UTC)
DECLINED = {"state": "DECLINED", "hop": 0, "receiver_agency": "pa.accura", "decline_reason": "no_capacity"}
CLOSED = {"state": "CLOSED", "hop": 0, "receiver_agency": "pa.salute", "closure_outcome": "served_completed"}
JOURNEY = "0d4d8f1e-6d6a-4f5c-9b0e-6f3c1f0f8a11"


def test_the_newest_intake_is_of_today_and_none_is_still_to_come() -> None:
    night, morning = NOW.replace(hour=2), NOW.replace(hour=9)

    early, late = (max(_at(i) for i in intakes.of_today(now)) for now in (night, morning))

    assert night - timedelta(days=1) < early <= night
    assert late.astimezone(intakes.ROME).date() == NOW.date() and late <= morning


def test_moved_intakes_keep_their_keys_and_what_lies_between_their_dates() -> None:
    lines = (intakes.FOLDER / "intakes.palermo.jsonl").read_text("utf-8").splitlines()
    before = [json.loads(line) for line in lines]

    after = intakes.shifted(before, NOW)

    assert [i["idempotency_key"] for i in after] == [i["idempotency_key"] for i in before]
    assert _spans(after) == _spans(before)
    assert {(_at(a) - _at(b)).seconds for a, b in zip(after, before, strict=True)} == {0}
    assert len(after) == 10


def test_every_intake_of_the_demonstration_is_one_that_the_door_can_read() -> None:
    for intake in intakes.of_today(NOW):
        SubmitIntake.model_validate_json(json.dumps(intake))


@pytest.mark.parametrize("priority", ["EMERGENCY", "MEDIUM"])
@pytest.mark.parametrize(
    ("receiver", "service", "sender"),
    [
        ("pa.accura", "health.primary", "pa.comune"),
        ("pa.comune", "legal.documents", "pa.salute"),
        ("pa.comune", "legal.documents", "pa.penc"),
        ("pa.comune", "material.transport", "pa.mobile"),
        ("pa.penc", "lab.it", "pa.mobile"),
    ],
)
def test_what_an_agency_says_is_what_the_contract_has(receiver: str, service: str, sender: str, priority: str) -> None:
    sent = {
        "at": "2026-11-24T10:00:00Z", "receiver_agency": receiver, "service": service, "sender_agency": sender,
        "priority": priority,
    }  # fmt: skip

    for step in [*script.steps(sent), *script.sender_steps(sent)]:
        stated = {"command_id": "c", "referral_id": JOURNEY, "command": step.command, "agency": receiver} | step.fields
        StatedCommand.model_validate_json(json.dumps(stated))


def test_a_declined_need_goes_on_until_its_successor_has_ended() -> None:
    board, need = _a_board()

    _tell(board, "referral.sent", state="REQUESTED", hop=0, receiver_agency="pa.accura")
    _tell(board, "referral.declined", **DECLINED)
    waiting = need.ended
    _tell(board, "referral.sent", state="REQUESTED", hop=1, receiver_agency="pa.salute")
    _tell(board, "referral.closed", **CLOSED | {"hop": 1})

    assert not waiting and need.ended and board.all_ended.is_set()
    assert need.answer == "pa.accura: Declined (No capacity) → pa.salute: Closed (Served, completed)"


def test_a_late_event_of_the_referral_before_does_not_take_the_need_back() -> None:
    board, need = _a_board()

    _tell(board, "referral.sent", state="REQUESTED", hop=1, receiver_agency="pa.salute")
    _tell(board, "referral.declined", **DECLINED)

    assert need.state == "REQUESTED"


def test_an_event_that_comes_before_its_intakes_answer_is_not_lost() -> None:
    board, need = _a_board(answered=False)
    _tell(board, "referral.closed", **CLOSED)
    before = need.ended

    _accept(board)

    assert not before and need.ended


def test_what_only_the_sender_can_decide_ends_the_need_for_the_demonstration() -> None:
    board, need = _a_board()

    _tell(board, "referral.declined", **DECLINED | {"decline_reason": "missing_documents"})
    _tell(board, "task.opened", kind="next_step", next="sender_task_documents", agency="pa.comune")

    assert need.ended
    assert need.answer.endswith("task: Task for the sender with the list of documents")


def test_a_need_that_nobody_can_meet_has_ended() -> None:
    board, need = _a_board()

    _tell(board, "routing.no_candidate", reason="withheld")
    _tell(board, "unmet_need.recorded", final=True)

    assert need.ended and need.answer == "unmet need"
    assert need.why == "Candidates: 0; recipient excluded by the person"


def test_the_sample_files_of_the_demonstration_name_agencies_of_the_directory() -> None:
    directory = json.loads(Path(intakes.FOLDER / "directory.palermo.json").read_text("utf-8"))
    known = {agency["code"] for agency in directory["agencies"]}

    assert intakes.agencies(intakes.of_today(NOW)) <= known


def _a_board(*, answered: bool = True) -> tuple[Board, Need]:
    """One intake of pa.comune that asks for one service."""
    tier0 = {"sender_agency": "pa.comune", "sender_ref": "T-1", "services": [{"service": "health.primary"}]}
    board = Board([{"idempotency_key": "k", "tier0": tier0}], Words("en"), lambda _need, _news: None)
    if answered:
        _accept(board)
    return board, board.rows[0]


def _accept(board: Board) -> None:
    board.take(Entry("pa.comune", "a", "command.accepted", {"asked": {"command_id": "k"}, "intake_id": JOURNEY}))


def _tell(board: Board, type: str, **said: Any) -> None:
    known = {"journey_id": JOURNEY, "service": "health.primary", "sender_agency": "pa.comune", "offer": "an.offer"}
    board.take(Entry("pa.comune", type, type, known | said))


def _at(intake: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(intake["occurred_at"])


def _spans(moved: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """How many days each basis begins and ends after its intake."""
    spans = []
    for intake in moved:
        day = _at(intake).date()
        for basis in intake["tier0"]["sharing_basis"]:
            ends = basis["valid_to"] or basis["valid_from"]
            begin, end = (date.fromisoformat(stated) - day for stated in (basis["valid_from"], ends))
            spans.append((begin.days, end.days))
    return spans
