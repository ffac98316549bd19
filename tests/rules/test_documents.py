"""What the documents say is so: what is seen in a test, what a command carries, what a feed tells."""

import re
from pathlib import Path
from typing import Any

import pytest

from contracts import codes, feeds, topics
from contracts.stated import StatedCommand, StatedDraft
from contracts.values import Message
from deploy.documents import life
from deploy.documents.spoken import all_spoken

ROOT = Path(__file__).parents[2]
SEEN = re.compile(r"\[seen\]\(\.\./(tests/[\w/]+\.py)#(test_\w+)\)")
LINKS = SEEN.findall((ROOT / "docs/integrating.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "test"), LINKS)
def test_what_is_said_to_be_seen_is_a_test(file: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


PROMISED = (
    "Every command is answered", "In order", "The same message again", "The same id, other content",
    "At least once to you", "A message that is malformed", "A message that is too large", "A message that is forged",
    "A command out of order", "Two at the same instant", "Two for one place", "A late answer", "Unknown and not yours",
    "The wrong side", "Who the person is", "You were away", "You were away for longer than the feed is kept",
)  # fmt: skip
"""What an agency asks before it trusts us, each a row of what it can count on."""


def test_every_promise_to_who_integrates_is_seen_in_a_test() -> None:
    text = (ROOT / "docs/integrating.md").read_text("utf-8")
    promised = text.partition("## What you can count on")[2].partition("\n## ")[0]
    rows = [line for line in promised.splitlines() if line.startswith("|")][2:]

    assert {row.split("|")[1].strip() for row in rows} >= set(PROMISED)
    assert all(SEEN.search(row) for row in rows)


ROWS_OF = ("After the answer", "When a sharing basis ends", "When a person may be known already")
"""Sections whose tables say what comes of what is said."""


@pytest.mark.parametrize("section", ROWS_OF)
def test_what_comes_of_what_an_agency_says_is_seen_in_a_test(section: str) -> None:
    text = (ROOT / "docs/integrating.md").read_text("utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|") and "---" not in line][1:]

    assert rows
    assert [row for row in rows if not SEEN.search(row)] == []


@pytest.mark.parametrize("row", [row for row in codes.commands_on_referrals() if row["command"] in life.RUNNING],
                         ids=lambda row: row.get("id", row["command"]))  # fmt: skip
def test_what_the_life_of_a_referral_says_a_command_carries_the_door_takes(row: dict[str, Any]) -> None:
    taken = StatedDraft if row["command"] == "create" else StatedCommand

    must, may = life._carried(row)

    named = {name.split(" ")[0] for said in (must, may) for name in said.split(", ") if name}
    assert named <= taken.model_fields.keys()


def test_an_emergency_is_acknowledged_with_when_somebody_called() -> None:
    [row] = [row for row in codes.commands_on_referrals() if row["command"] == "acknowledge"]

    assert life._carried(row)[0] == "phone_call_recorded_at (priority=EMERGENCY)"


@pytest.mark.parametrize("untold", feeds.TOLD_TO_NOBODY)
def test_no_document_says_that_a_feed_tells_what_it_does_not(untold: type[Message]) -> None:
    described = {spoken.ce_type for spoken in all_spoken() if spoken.topic is topics.AGENCY_FEED}

    assert untold.TYPE not in described
    assert "staffetta.timer.fired.v1" in described
