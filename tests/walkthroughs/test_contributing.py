"""Who follows CONTRIBUTING.md to the letter, in a copy of the tree, ends green."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.walkthroughs.steps import Step, run, walkthrough

LINT = "\n".join(f".venv/bin/{linter}" for linter in ("ruff check", "ruff format --check", "lint-imports"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what is in the repository; its environment is the one that runs this test."""
    copy = tmp_path / "staffetta"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "node_modules"))
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


@pytest.mark.parametrize("title", ["Add an event", "Add a handler", "Add a service", "Add a page", "Add a city"])
def test_who_follows_the_steps_ends_green(tree: Path, title: str) -> None:
    steps = walkthrough((ROOT / "CONTRIBUTING.md").read_text("utf-8"), title)

    for step in steps:
        step.follow(tree)

    assert steps[-1].sentence == "Run:"
    run(tree, LINT)


SECTION = """## Add a line

New file `a.txt`:

```text
one
```

In `a.txt`, below `one`:

```text
three
```

In `a.txt`, in place of `three`:

```text
two
```

In `a.txt`, at the end:

```text
three
```

Run:

```sh
test "$(wc -l < a.txt)" -eq 3
```

## Something else
"""


def test_each_step_does_what_its_sentence_says(tmp_path: Path) -> None:
    for step in walkthrough(SECTION, "Add a line"):
        step.follow(tmp_path)

    assert (tmp_path / "a.txt").read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize("step", [
    Step("Somewhere in `a.txt`:", "one\n"),
    Step("New file `a.txt`:", "one\n"),
    Step("In `a.txt`, below `two`:", "three\n"),
    Step("In `a.txt`, in place of `on`:", "two\n"),
    Step("Run:", "false\ntrue\n"),
])  # fmt: skip
def test_a_step_that_cannot_be_followed_is_an_error(tmp_path: Path, step: Step) -> None:
    (tmp_path / "a.txt").write_text("one\n")

    with pytest.raises(AssertionError):
        step.follow(tmp_path)


def test_a_block_that_nobody_would_follow_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no sentence above it"):
        walkthrough("## Add a line\n\n```text\none\n```\n", "Add a line")
