"""Rights on a broker that grants none by itself, as docs/operating.md says: made from the table of topics."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from contracts.topics import (
    AGENCY_COMMANDS,
    AGENCY_FEED,
    DIRECTORY,
    DIRECTORY_COMMANDS,
    INTAKE_COMMANDS,
    INTAKES,
    TOPICS,
)
from tests.nursery import SERVICES

TOPIC, GROUP, CLUSTER = 2, 3, 4
READ, WRITE, CREATE, DESCRIBE, IDEMPOTENT_WRITE = 3, 4, 5, 8, 12
LITERAL, PREFIXED = 3, 4
ALLOW = 3

Naming = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Right:
    """As the protocol has it, with its numbers."""

    kind: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int = ALLOW


def to(topic: str, user: str, operation: int, pattern: int = LITERAL) -> Right:
    return Right(TOPIC, topic, pattern, f"User:{user}", "*", operation)


def of_services(named: Naming) -> Iterator[Right]:
    """Each service, who loads the directory, who has people erased again, and who verifies, under its own name."""
    for service in SERVICES:
        for topic in TOPICS:
            wanted = {READ: service in topic.readers, WRITE: service in topic.writers, DESCRIBE: True, CREATE: True}
            given = [operation for operation, is_needed in wanted.items() if is_needed]
            if not topic.one_per_agency:
                yield from (to(named(topic.name), service, operation) for operation in given)
            elif service == "gateway":
                yield from (to(named("agencies."), service, operation, PREFIXED) for operation in given)
        yield Right(GROUP, named(service), LITERAL, f"User:{service}", "*", READ)
        if not any(service in topic.writers for topic in TOPICS):
            yield Right(CLUSTER, "kafka-cluster", LITERAL, f"User:{service}", "*", IDEMPOTENT_WRITE)
    yield to(named(DIRECTORY_COMMANDS.name), "loader", WRITE)
    yield to(named(DIRECTORY.name), "loader", READ)
    yield to(named(INTAKE_COMMANDS.name), "again", WRITE)
    yield to(named(INTAKES.name), "again", READ)
    yield to(named(""), "ops", READ, PREFIXED)


def of_agency(named: Naming, code: str, user: str) -> Iterator[Right]:
    yield to(named(AGENCY_COMMANDS.of(code)), user, WRITE)
    yield to(named(AGENCY_FEED.of(code)), user, READ)
    yield Right(GROUP, f"{named(code)}.", PREFIXED, f"User:{user}", "*", READ)


async def grant(url: str, rights: Iterable[Right]) -> None:
    """url: of a door whose people may do everything."""
    admin = AIOKafkaAdminClient(bootstrap_servers=url)
    await admin.start()
    try:
        answers = await asyncio.gather(*(admin._send_request(CreateAclsRequest(*astuple(right))) for right in rights))
    finally:
        await admin.close()
    assert not [a for a in answers if a.to_object()["creation_responses"][0]["error_code"]]
