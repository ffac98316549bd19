"""What the documents say is seen in tests is a test that there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEEN = re.compile(r"\[seen\]\(\.\./(tests/[\w/]+\.py)#(test_\w+)\)")
LINKS = SEEN.findall((ROOT / "docs/integrating.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "test"), LINKS)
def test_what_is_said_to_be_seen_is_a_test(file: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_every_promise_to_who_integrates_is_seen_in_a_test() -> None:
    text = (ROOT / "docs/integrating.md").read_text("utf-8")
    promised = text.partition("## What you can count on")[2].partition("\n## ")[0]
    rows = [line for line in promised.splitlines() if line.startswith("|")][2:]

    assert len(rows) >= 12
    assert all(SEEN.search(row) for row in rows)
