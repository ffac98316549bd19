"""Load directory files into the directory: all of them make sense, or nothing is sent.

    python -m services.directory.load [--check] FILE...

A file that was loaded before changes nothing: the directory compares what it is told with what it has.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import ValidationError

from contracts import catalogue, topics
from contracts.commands import PutAgency, PutOffer
from contracts.directory import Agency, Offer
from contracts.events import Answer, CommandAccepted, CommandRejected
from contracts.values import Asked
from services.chassis import kafka, messages
from services.chassis.settings import Settings, from_environment
from services.directory.domain import files
from services.directory.domain.faults import Fault

Put = PutAgency | PutOffer
Commands = dict[str, Put]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.directory.load", description=__doc__)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true", help="send nothing; say whether all of it makes sense")
    parser.add_argument("--wait", type=float, default=60, metavar="SECONDS", help="for the answers (60)")
    given = parser.parse_args()
    if given.check:
        sys.exit(1 if understood(given.file) is None else 0)
    sys.exit(asyncio.run(load(given.file, from_environment(), given.wait)))


async def load(paths: Sequence[Path], settings: Settings, wait_s: float = 60) -> int:
    """The exit status: 0 when every entry was taken."""
    commands = understood(paths)
    return 1 if commands is None else _told(commands, await ask(commands, settings, wait_s))


# -- from the files ---------------------------------------------------------------------------------------------------


def understood(paths: Sequence[Path]) -> Commands | None:
    """What the files ask for; None where something in them makes no sense, which is said."""
    commands, wrong = read({str(path): _parsed(path) for path in paths})
    for name, fault in wrong:
        print(f"{name}: {fault.pointer or '/'}: {fault.rule} ({fault.code})", file=sys.stderr)
    if wrong:
        print(f"{len(wrong)} faults: nothing was loaded", file=sys.stderr)
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
    """What is readable; the faults of the rest go to `wrong`. Fields that the directory has no use for are left out."""
    made = []
    for name, file in by_name.items():
        stated = file.get(part) if isinstance(file, dict) else None
        for i, entry in enumerate(stated if isinstance(stated, list) else []):
            try:
                made.append(files.Found(name, f"/{part}/{i}", kind.model_validate(entry)))
            except ValidationError as unreadable:
                wrong += [(name, fault.inside(f"/{part}/{i}")) for fault in _unreadable(unreadable)]
    return made


def _unreadable(found: ValidationError) -> Iterator[Fault]:
    for error in found.errors(include_url=False, include_context=False, include_input=False):
        code = "missing_field" if error["type"] == "missing" else "invalid_value"
        yield Fault(code, "".join(f"/{part}" for part in error["loc"]), error["msg"])


# -- to the directory -------------------------------------------------------------------------------------------------


def _told(commands: Commands, answers: Mapping[str, Answer]) -> int:
    """Say what became of the load; the exit status."""
    for id, answer in answers.items():
        if isinstance(answer, CommandRejected):
            print(f"{_name(commands[id])}: {answer.pointer or '/'}: {answer.message} ({answer.code})", file=sys.stderr)
    taken = [commands[id] for id, answer in answers.items() if isinstance(answer, CommandAccepted)]
    agencies = sum(isinstance(command, PutAgency) for command in taken)
    print(f"{agencies} agencies and {len(taken) - agencies} offers are in the directory")
    if silent := len(commands) - len(answers):
        print(f"{silent} entries were not answered: is directory running?", file=sys.stderr)
    return 0 if len(taken) == len(commands) else 1


def _name(command: Put) -> str:
    return catalogue.BY_MODEL[type(command)].key_of(command)


async def ask(commands: Commands, settings: Settings, wait_s: float) -> dict[str, Answer]:
    """What the directory answered until all are answered or the time is over."""
    await kafka.ensure_topics(settings, [(t.name, t) for t in (topics.DIRECTORY_COMMANDS, topics.DIRECTORY)])
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
    await producer.start()
    await consumer.start()
    try:
        at = [TopicPartition(settings.named(topics.DIRECTORY.name), p) for p in range(topics.DIRECTORY.partitions)]
        consumer.assign(at)
        await consumer.seek_to_end(*at)
        for id, command in commands.items():
            await _send(producer, settings, id, command)
        await producer.flush()
        return await _answers(consumer, set(commands), wait_s)
    finally:
        await consumer.stop()
        await producer.stop()


async def _send(producer: AIOKafkaProducer, settings: Settings, id: str, command: Put) -> None:
    row, key = catalogue.BY_MODEL[type(command)], _name(command)
    headers = messages.headers(
        id=UUID(id), source="/operators/load", type=row.type, time=datetime.now(UTC), subject=key, correlation_id="",
        causation_id="", sequence=None, traceparent=None,
    )  # fmt: skip
    value = command.model_dump_json().encode()
    await producer.send(settings.named(row.topic.name), value, key=key.encode(), headers=headers)


async def _answers(consumer: AIOKafkaConsumer, ids: set[str], wait_s: float) -> dict[str, Answer]:
    said: dict[str, Answer] = {}
    until = time.monotonic() + wait_s
    while len(said) < len(ids) and time.monotonic() < until:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                answer = messages.read(record, topics.DIRECTORY).message
                if isinstance(answer, Answer) and answer.command_id in ids:
                    said[str(answer.command_id)] = answer
    return said


if __name__ == "__main__":
    main()
