"""Load directory files into the directory: all of them make sense, or nothing is sent.

    python -m services.directory.load [--check] FILE...

`staffetta directory load` is the same for people. A file that was loaded before changes nothing: the directory compares
what it is told with what it has.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import PutAgency, PutOffer
from contracts.directory import Agency, Offer
from contracts.values import Asked
from services.chassis.settings import Settings, from_environment
from services.directory import asking
from services.directory.asking import Commands, Outcome, Put
from services.directory.domain import fields, files
from services.directory.domain.faults import Fault


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.directory.load", description=__doc__)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true", help="send nothing; say whether all of it makes sense")
    parser.add_argument("--wait", type=float, default=60, metavar="SECONDS", help="for the answers (60)")
    given = parser.parse_args()
    sys.exit(check(given.file) if given.check else asyncio.run(load(given.file, from_environment(), given.wait)))


def check(paths: Sequence[Path]) -> int:
    commands = understood(paths)
    if commands is not None:
        print(f"The {'file is' if len(paths) == 1 else 'files are'} right: {_counted(list(commands.values()))}")
    return 1 if commands is None else 0


async def load(paths: Sequence[Path], settings: Settings, wait_s: float = 60) -> int:
    """The exit status: 0 when every entry was taken."""
    commands = understood(paths)
    if commands is None:
        return 1
    # what goes wrong is said once, below
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return _told(commands, await asking.ask(commands, settings, wait_s))
    except KafkaError as fault:
        told = f"Kafka does not answer at {settings.kafka_url} ({type(fault).__name__})"
        print(f"{told}: is the relay running, and is KAFKA_URL right?", file=sys.stderr)
        return 1


# -- from the files ---------------------------------------------------------------------------------------------------


def understood(paths: Sequence[Path]) -> Commands | None:
    """What the files ask for; None where something in them makes no sense, which is said."""
    commands, wrong = read({str(path): _parsed(path) for path in paths})
    for name, fault in wrong:
        print(f"{name}: {fault.pointer or '/'}: {fault.rule} ({fault.code})", file=sys.stderr)
    if wrong:
        print(f"{_many(len(wrong), 'fault')}: nothing was loaded", file=sys.stderr)
    return None if wrong else commands


def read(by_name: Mapping[str, Any]) -> tuple[Commands, list[files.Wrong]]:
    """by_name: what each file holds. Agencies come first, so that an offer finds its agency.

    Each load asks under ids of its own: going back to an older file is a change.
    """
    wrong = [(name, fault) for name, file in by_name.items() for fault in files.check_file(file)]
    agencies, offers = _entries(by_name, "agencies", Agency, wrong), _entries(by_name, "offers", Offer, wrong)
    wrong += files.check_entries(agencies, offers)
    puts: list[Put] = [PutAgency(asked=_asked(), agency=agency.entry) for agency in agencies]
    puts += [PutOffer(asked=_asked(), offer=offer.entry) for offer in offers]
    return {str(put.asked.command_id): put for put in puts}, wrong


def _asked() -> Asked:
    return Asked(command_id=str(uuid4()))


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as fault:
        raise SystemExit(f"{path}: cannot be read: {fault.strerror}") from None
    except ValueError as fault:
        raise SystemExit(f"{path}: is not JSON: {fault}") from None


def _entries(
    by_name: Mapping[str, Any], part: str, kind: type[files.Entry], wrong: list[files.Wrong]
) -> list[files.Found[files.Entry]]:
    """What is readable; the faults of the rest go to `wrong`, and fields that nobody knows too."""
    made = []
    for name, file in by_name.items():
        stated = file.get(part) if isinstance(file, dict) else None
        for i, entry in enumerate(stated if isinstance(stated, list) else []):
            wrong += [(name, fault.inside(f"/{part}/{i}")) for fault in fields.check(entry, kind)]
            try:
                made.append(files.Found(name, f"/{part}/{i}", kind.model_validate(entry)))
            except ValidationError as unreadable:
                wrong += [(name, fault.inside(f"/{part}/{i}")) for fault in _unreadable(unreadable)]
    return made


def _unreadable(found: ValidationError) -> Iterator[Fault]:
    for error in found.errors(include_url=False, include_context=False, include_input=False):
        code = "missing_field" if error["type"] == "missing" else "invalid_value"
        yield Fault(code, "".join(f"/{part}" for part in error["loc"]), error["msg"])


# -- from the directory -----------------------------------------------------------------------------------------------


def _told(commands: Commands, outcome: Outcome) -> int:
    """Say what became of the load; the exit status."""
    taken: list[Put] = []
    became: Counter[str] = Counter()
    for id, answer in outcome.answers.items():
        name = asking.name(commands[id])
        if isinstance(answer, CommandRejected):
            print(f"{name}: {answer.pointer or '/'}: {answer.message} ({answer.code})", file=sys.stderr)
        elif isinstance(answer, CommandAccepted):
            taken.append(commands[id])
            became[_became(outcome.before.get(name), answer.version)] += 1
    kinds = ", ".join(f"{became[kind]} {kind}" for kind in ("new", "changed", "unchanged") if became[kind])
    print(f"{_counted(taken)} are in the directory{kinds and ': '}{kinds}")
    if silent := len(commands) - len(outcome.answers):
        print(f"{_many(silent, 'entry', 'entries')} without an answer: is directory running?", file=sys.stderr)
    return 0 if len(taken) == len(commands) else 1


def _became(before: int | None, after: int | None) -> str:
    """By the versions of an entry, of which each change is one more."""
    if before is None:
        return "new"
    return "unchanged" if before == after else "changed"


def _counted(puts: Sequence[Put]) -> str:
    agencies = sum(isinstance(put, PutAgency) for put in puts)
    return f"{_many(agencies, 'agency', 'agencies')} and {_many(len(puts) - agencies, 'offer')}"


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


if __name__ == "__main__":
    main()
