"""`staffetta watch` and `staffetta topics` without a relay: what they make of what they are told."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from contracts import topics as contracts
from services.cli import referral, topics, watch
from services.cli.feed import Queue, Row
from services.cli.topics import Offsets
from services.cli.watch import Picture
from services.cli.words import Words
from tests.services.test_cli import staffetta

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
IDS = [f"0000000{n}-0000-4000-8000-000000000000" for n in range(9)]


def a_row(n: int = 0, *, left: timedelta | None = timedelta(hours=3), **known: Any) -> Row:
    given: dict[str, Any] = {
        "referral_id": IDS[n], "code": f"PA-00000{n}", "version": 2, "state": "REQUESTED",
        "since": "2026-11-24T10:00:00Z",
        "service": "health.primary", "priority": "MEDIUM", "offer": "pa.accura.primary",
        "due_at": (NOW + left).isoformat() if left is not None else None,
    }  # fmt: skip
    return Row(**given | known)


def listed(row: Row) -> dict[str, Any]:
    """As `/v1/queues` tells it."""
    coded = {name: {"code": getattr(row, name)} for name in ("state", "service", "priority")}
    plain = ("referral_id", "code", "version", "since", "offer", "due_at")
    return coded | {name: getattr(row, name) for name in plain}


def an_entry(row: Row, type: str = "acknowledged", receiver: str = "pa.accura") -> dict[str, Any]:
    """As the feed tells it."""
    fields = ("referral_id", "code", "version", "state", "service", "priority", "offer", "due_at")
    data = {name: getattr(row, name) for name in fields} | {"at": row.since, "receiver_agency": receiver}
    return {"type": f"staffetta.referral.{type}.v1", "data": data}


def a_queue(*rows: Row) -> Queue:
    queue = Queue("pa.accura")
    assert [row for _, row in queue.begin([listed(row) for row in rows])] == list(rows)
    return queue


# -- what a feed makes of a queue --------------------------------------------------------------------------------------


def test_a_queue_is_in_the_order_of_the_time_left_and_what_cannot_be_late_comes_last() -> None:
    queue = a_queue(a_row(0, left=None), a_row(1), a_row(2, left=timedelta(hours=-1)))

    assert [row.referral_id for row in queue.pressing] == [IDS[2], IDS[1], IDS[0]]


def test_an_event_moves_its_referral_and_the_end_takes_it_away() -> None:
    queue, seen = a_queue(a_row(0)), a_row(0, version=3, state="ACKNOWLEDGED", since="2026-11-24T11:00:00Z")
    closed = a_row(0, version=5, state="CLOSED", left=None)

    moved = queue.take(an_entry(seen))
    after = queue.pressing
    ended = queue.take(an_entry(closed, "closed"))

    assert (moved, after) == (("staffetta.referral.acknowledged.v1", seen), (seen,))
    assert ended == ("staffetta.referral.closed.v1", closed)
    assert queue.pressing == ()


def test_what_is_told_twice_or_late_or_of_others_changes_nothing() -> None:
    queue = a_queue(a_row(0, version=4, state="ACCEPTED"))
    queue.take(an_entry(a_row(0, version=5, state="CLOSED")))

    taken = [
        queue.take(an_entry(a_row(0, version=4, state="ACCEPTED"))),
        queue.take(an_entry(a_row(0, version=5, state="CLOSED"))),
        queue.take(an_entry(a_row(1), receiver="pa.salute")),
        queue.take(an_entry(a_row(2, state="DECLINED"))),
        queue.take({"type": "staffetta.task.opened.v1", "data": {}}),
    ]

    assert taken == [None] * 5
    assert queue.pressing == ()


def test_since_is_when_the_state_began_and_not_the_last_thing_that_happened_in_it() -> None:
    queue = a_queue(a_row(0, state="WAITLISTED", since="2026-11-20T10:00:00Z"))

    queue.take(an_entry(a_row(0, version=3, state="WAITLISTED", since="2026-11-24T10:00:00Z"), "interest_confirmed"))

    assert [row.since for row in queue.pressing] == ["2026-11-20T10:00:00Z"]


def test_after_a_gap_only_what_is_new_is_told() -> None:
    queue = a_queue(a_row(0), a_row(1))

    told = list(queue.begin([listed(a_row(0)), listed(a_row(1, version=3)), listed(a_row(2))]))

    assert told == [(None, a_row(1, version=3)), (None, a_row(2))]


# -- how it is shown ---------------------------------------------------------------------------------------------------


def drawn(picture: Picture, width: int, height: int = 40) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(watch.table(picture, console, Words("en"), NOW))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_table_says_all_that_is_needed_however_narrow_the_terminal(width: int) -> None:
    rows = (a_row(0, left=timedelta(hours=-1)), a_row(1, service="protection.gbv"))

    said = drawn(Picture("pa.accura", rows), width)

    assert max(len(line.rstrip()) for line in said.splitlines()) <= width
    for wanted in ("late by 1 h 00 min", "in 3 h 00 min", "Requested", "Primary health visit", "Reserved service"):
        assert wanted in said
    assert all(id in said for id in IDS[:2])
    assert all(f"PA-00000{n}" in said for n in range(2))


def test_a_queue_says_how_mails_call_each_referral_and_what_became_of_its_place() -> None:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    seat = {"seat": "held", "place_until": "2026-11-25T10:00:00Z", "position": 1}

    referral._queue("pa.accura", [listed(a_row(state="WAITLISTED")) | seat], console, Words("en"))

    assert isinstance(console.file, io.StringIO)
    _title, headings, line = console.file.getvalue().splitlines()
    assert (headings.split()[0], line.split()[0]) == ("Code", "PA-000000")
    assert "held until 25/11/2026 11:00, position 1" in line


def test_what_the_screen_has_no_room_for_is_counted_and_a_fault_is_said() -> None:
    rows = tuple(a_row(n) for n in range(9))

    said = drawn(Picture("pa.accura", rows, "The service gateway does not answer."), 120, height=8)

    assert [id in said for id in IDS] == [True] * 4 + [False] * 5
    assert "+ 5 The service gateway does not answer." in said


@pytest.mark.parametrize(
    ("left", "colour"),
    [
        (timedelta(seconds=-1), "bold red"),
        (timedelta(hours=1), "yellow"),
        (timedelta(hours=3), "green"),
        (None, "green"),
    ],
)
def test_time_that_runs_out_has_its_colour(left: timedelta | None, colour: str) -> None:
    assert watch._colour(a_row(left=left), NOW) == colour


def test_a_relay_that_is_not_there_is_said_at_the_beginning(tmp_path: Path) -> None:
    nowhere = {f"STAFFETTA_{name}_URL": "http://127.0.0.1:9" for name in ("GATEWAY", "REFERRAL")}

    asked = staffetta("watch", "--agency", "pa.penc", cwd=tmp_path, STAFFETTA_TOKEN="t", **nowhere)

    assert asked.returncode == 1
    assert "does not answer" in asked.stderr and "Traceback" not in asked.stderr


# -- topics ------------------------------------------------------------------------------------------------------------

OFFSETS = Offsets(
    begin={("intakes", 0): 0, ("intakes", 1): 10, ("agencies.pa.penc.feed", 0): 0, ("agencies.pa.accura.feed", 0): 2},
    end={("intakes", 0): 5, ("intakes", 1): 30, ("agencies.pa.penc.feed", 0): 7, ("agencies.pa.accura.feed", 0): 3},
    read={"referral": {("intakes", 1): 28}, "gateway": {("intakes", 0): 5, ("intakes", 1): 30}, "idle": {}},
)


def test_a_topic_holds_what_lies_between_its_ends_and_a_group_lags_by_what_it_has_not_read() -> None:
    seen = {row.name: row for row in topics._counted(OFFSETS, None)}

    intakes = seen["intakes"]
    assert (intakes.topics, intakes.partitions, intakes.messages) == (1, 2, 25)
    assert intakes.lag == {"referral": 7, "gateway": 0}
    assert (intakes.owner, intakes.readers) == (contracts.INTAKES.owner, contracts.INTAKES.readers)
    assert (seen["agencies.{agency}.feed"].topics, seen["agencies.{agency}.feed"].messages) == (2, 8)
    assert seen["directory"].topics == 0
    assert len(seen) == len(contracts.TOPICS)


def test_a_group_is_not_behind_in_topics_that_it_has_never_read() -> None:
    read = {"one-agency": {("agencies.pa.penc.feed", 0): 5}}

    seen = {row.name: row for row in topics._counted(replace(OFFSETS, read=read), None)}

    assert seen["agencies.{agency}.feed"].lag == {"one-agency": 2}


def test_of_one_agency_its_own_topics_are_counted() -> None:
    seen = {row.name: row for row in topics._counted(OFFSETS, "pa.penc")}

    assert (seen["agencies.pa.penc.feed"].topics, seen["agencies.pa.penc.feed"].messages) == (1, 7)
    assert seen["agencies.pa.penc.commands"].topics == 0
