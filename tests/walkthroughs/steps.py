"""The walk-throughs of CONTRIBUTING.md as steps that a program can follow: the document is what is run.

A step is a sentence and the block below it. There are five sentences; a block below any other is an error.
"""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^(?P<sentence>\S[^\n]*)\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    sentence: str
    text: str

    def follow(self, tree: Path) -> None:
        """Do in the tree what the sentence says; raises AssertionError where that cannot be done."""
        for pattern, do in SENTENCES.items():
            if said := re.fullmatch(pattern, self.sentence):
                return do(tree, self.text, *said.groups())
        raise AssertionError(f"no step begins with: {self.sentence}")


def walkthrough(document: str, title: str) -> list[Step]:
    """Every block of the section, with its sentence."""
    [section] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    found = [Step(block["sentence"], block["text"]) for block in BLOCK.finditer(section)]
    assert 2 * len(found) == section.count("```"), f"a block of {title!r} has no sentence above it"
    return found


def _create(tree: Path, text: str, path: str) -> None:
    file = tree / path
    assert not file.exists(), f"{path} is there already"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _append(tree: Path, text: str, path: str) -> None:
    """In Python two lines apart from what is above."""
    file, apart = tree / path, "\n\n" if path.endswith(".py") else ""
    file.write_text(f"{file.read_text('utf-8')}{apart}{text}", "utf-8")


def _insert(tree: Path, text: str, path: str, line: str) -> None:
    _change(tree / path, line, lambda found: found + text)


def _replace(tree: Path, text: str, path: str, line: str) -> None:
    _change(tree / path, line, lambda found: text)


def _change(file: Path, line: str, change: Callable[[str], str]) -> None:
    """line: as it stands in the file, without its indentation; it stands there once."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    at = [number for number, found in enumerate(lines) if found.strip() == line]
    assert len(at) == 1, f"{file.name} has {len(at)} lines that read: {line}"
    lines[at[0]] = change(lines[at[0]])
    file.write_text("".join(lines), "utf-8")


def run(tree: Path, command: str) -> None:
    """In the tree as a shell would, on the engines of this run; anything but success is shown with all it said."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        ["sh", "-e", "-c", command], cwd=tree, env=told | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}"


SENTENCES: dict[str, Callable[..., None]] = {
    r"New file `([^`]+)`:": _create,
    r"In `([^`]+)`, at the end:": _append,
    r"In `([^`]+)`, below `([^`]+)`:": _insert,
    r"In `([^`]+)`, in place of `([^`]+)`:": _replace,
    r"Run:": run,
}
