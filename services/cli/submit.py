"""Intakes from a file, each said as its own agency's system would, over Kafka, and every answer shown."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.faults import CannotDo
from services.cli.session import Session
from services.cli.words import NOTHING, Words

if TYPE_CHECKING:
    from rich.console import Console

    from services.cli.wire import Entry, Wire

TYPE = "staffetta.intake.submit.v1"
MOST_BYTES = 1_000_000
"""Of a line that a broker takes; the relay itself answers one that is too large for it."""
Name = tuple[str, str]


@dataclass(slots=True)
class Line:
    """number: in the file, from 1. Its answer is known by (agency, idempotency key)."""

    number: int
    agency: str
    key: str
    body: dict[str, Any]

    @property
    def name(self) -> Name:
        return self.agency, self.key


@dataclass(slots=True)
class Answers:
    """What is awaited and what came. What is said twice has one answer; other content under one key has its own."""

    lines: list[Line]
    came: dict[Name, list["Entry"]] = field(default_factory=dict)
    awaited: dict[Name, int] = field(init=False)

    def __post_init__(self) -> None:
        said = {(line.name, json.dumps(line.body, sort_keys=True)) for line in self.lines}
        names = [name for name, _ in said]
        self.awaited = {name: names.count(name) for name in names}

    @property
    def wanted(self) -> int:
        return sum(self.awaited.values())

    @property
    def got(self) -> int:
        return sum(min(len(entries), self.awaited[name]) for name, entries in self.came.items())

    @property
    def missing(self) -> list[Name]:
        return [name for name, wanted in self.awaited.items() if len(self.came.get(name, [])) < wanted]

    def take(self, entry: "Entry") -> bool:
        """Whether this is an answer that was waited for."""
        name = (entry.agency, entry.command_id or "")
        if name not in self.awaited:
            return False
        self.came.setdefault(name, []).append(entry)
        return True


def read(file: Path) -> list[Line]:
    """Only what is needed to send a line is looked at here: the relay judges the rest, and answers."""
    try:
        text = file.read_text("utf-8")
    except OSError as fault:
        raise CannotDo(f"{file} cannot be read: {fault.strerror}.", status=2) from None
    except UnicodeDecodeError:
        raise CannotDo(f"{file} is not UTF-8 text.", "Each line is one intake as JSON.", status=2) from None
    lines = [_line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise CannotDo(f"{file} holds no intake.", "Each line is one intake as JSON.", status=2)
    return lines


def _line(number: int, text: str) -> Line:
    try:
        body = json.loads(text)
        line = Line(number, str(body["tier0"]["sender_agency"]), str(body["idempotency_key"]), body)
    except (ValueError, KeyError, TypeError):
        raise _unfit(number, "A line is one JSON object with idempotency_key and tier0.sender_agency.") from None
    if len(text.encode()) > MOST_BYTES:
        raise _unfit(number, "An intake has 256 kB at most.")
    if not _is_name(line.key):
        raise _unfit(number, "Its idempotency_key, by which its answer is known, has 1 to 128 characters in one line.")
    return line


def _unfit(number: int, remedy: str) -> CannotDo:
    return CannotDo(f"Line {number} is no intake that could be sent; nothing was sent.", remedy, status=2)


def _is_name(key: str) -> bool:
    """Whether the relay can answer under it."""
    from pydantic import TypeAdapter, ValidationError

    from contracts.values import Ref

    try:
        TypeAdapter[str](Ref).validate_python(key)
    except ValidationError:
        return False
    return True


def submit(session: Session, file: Path, wait_s: float) -> None:
    """Send every line and wait for the answers; fails when one is missing or a refusal."""
    answers = Answers(read(file))
    asyncio.run(_play(session, answers, wait_s))
    session.tell(_as_data(answers), lambda console, words: _page(answers, console, words))
    if missing := answers.missing:
        raise CannotDo(
            f"{len(missing)} answers did not come within {wait_s:g} s.",
            "Nothing is lost: submit the file again, a line keeps its first answer. staffetta doctor looks for faults.",
        )
    if refused := _counts(answers)["rejected"]:
        raise CannotDo(
            f"{refused} refused.",
            "Mend those lines and submit the file again; what was recorded and is changed needs a key of its own.",
        )


async def _play(session: Session, answers: Answers, wait_s: float) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from services.cli.wire import opened

    where, words = session.endpoints, session.words
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    agencies = {line.agency for line in answers.lines}
    async with opened(where.need_kafka(), where.named, agencies, from_the_beginning=False) as wire:
        # on stderr, so that what stdout says stays whole in a pipe
        with Progress(*columns, console=Console(stderr=True), disable=session.json) as progress:
            sent = progress.add_task(words("submitted"), total=len(answers.lines))
            came = progress.add_task(words("answer"), total=answers.wanted)
            listening = asyncio.create_task(
                _listen(wire, answers, lambda: progress.update(came, completed=answers.got))
            )
            for line in answers.lines:
                await wire.say(line.agency, TYPE, line.body, id=line.key)
                progress.advance(sent)
            await asyncio.wait({listening}, timeout=wait_s)
            await _end(listening)


async def _listen(wire: "Wire", answers: Answers, moved: Any) -> None:
    async for entry in wire.entries():
        if answers.take(entry):
            moved()
        if not answers.missing:
            return


async def _end(task: "asyncio.Task[None]") -> None:
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    elif fault := task.exception():
        raise fault


def _as_data(answers: Answers) -> dict[str, Any]:
    lines = [
        {
            "line": line.number,
            "agency": line.agency,
            "command_id": line.key,
            "answers": [_told(e) for e in _of(answers, line)],
        }
        for line in answers.lines
    ]
    return {"lines": lines} | _counts(answers)


def _told(entry: "Entry") -> dict[str, Any]:
    return {"outcome": "accepted" if entry.accepted else "rejected"} | entry.body


def _of(answers: Answers, line: Line) -> list["Entry"]:
    return answers.came.get(line.name, [])


def _counts(answers: Answers) -> dict[str, int]:
    entries = [entry for came in answers.came.values() for entry in came]
    accepted = sum(entry.accepted for entry in entries)
    return {
        "submitted": len(answers.lines), "accepted": accepted, "rejected": len(entries) - accepted,
        "duplicates": len(answers.lines) - answers.wanted, "missing": len(answers.missing),
    }  # fmt: skip


def _page(answers: Answers, console: "Console", words: Words) -> None:
    from rich.table import Table

    table = Table(
        words("line"), words("sender"), words("key"), words("answer"), words("journey"), box=None, pad_edge=False
    )
    for line in answers.lines:
        outcomes = _of(answers, line)
        told = "; ".join(_outcome(entry, words) for entry in outcomes) or f"[bold red]{words('missing')}[/]"
        journey = next((str(e.body["intake_id"]) for e in outcomes if e.body.get("intake_id")), NOTHING)
        table.add_row(str(line.number), line.agency, line.key, told, journey)
    console.print(table)
    console.print(summary(_counts(answers), words))


def _outcome(entry: "Entry", words: Words) -> str:
    if entry.accepted:
        flags: Iterable[str] = entry.body.get("flags") or ()
        return " ".join(
            [f"[green]{words('accepted')}[/]", *(f"({words.of('rejection_codes', flag)})" for flag in flags)]
        )
    code, pointer = str(entry.body.get("code")), entry.body.get("pointer")
    return f"[red]{words('rejected')}[/]: {code}, {words.of('rejection_codes', code)}" + (
        f" ({pointer})" if pointer else ""
    )


def summary(counts: Mapping[str, int], words: Words) -> str:
    return ", ".join(f"{count} {words(name)}" for name, count in counts.items() if count or name == "submitted")
