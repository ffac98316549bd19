"""A caseworker who has queues of their own: what is another desk's of the same agency is not for them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis.settings import Settings
from services.console import gate, store
from services.console.domain.access import Actor
from services.console.gate import Gate

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
DESK, OTHER = "pa.comune.desk", "pa.comune.shelter"


def a_task(queue: str) -> dict[str, Any]:
    known = {"agency": "pa.comune", "cities": ["palermo"], "open": True, "due_at": NOW, "kind": "no_candidate"}
    known |= {"service": "health.primary", "documents": ["stp"]}
    return known | {"_id": f"t-{queue}", "queue": queue, "journey_id": f"j-{queue}", "referral_id": str(UUID(int=1))}


def a_meeting(queue: str) -> dict[str, Any]:
    return {"_id": f"j-{queue}", "sender_agency": "pa.comune", "sender_queue": queue, "sender_ref": f"ref {queue}"}


@pytest_asyncio.fixture
async def db(network: Settings) -> AsyncIterator[Any]:
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
    found = client[network.named("console")]
    await found[store.TASKS].insert_many([a_task(queue) for queue in (DESK, OTHER)])
    await found[store.MEETINGS].insert_many([a_meeting(queue) for queue in (DESK, OTHER)])
    yield found
    await client.drop_database(found.name)
    client.close()


async def of(db: Any, role: str, *queues: str) -> Gate:
    cities = frozenset({"palermo"} if role == "coordinator" else ())
    actor = Actor("s", "n", "pa.comune", frozenset({role}), frozenset(queues), cities)
    return await gate.opened(db, actor, lambda: NOW)


SEES = {
    ("caseworker", DESK): [DESK], ("caseworker", OTHER, DESK): [DESK, OTHER], ("caseworker", "pa.comune.third"): [],
    ("caseworker",): [DESK, OTHER], ("supervisor", DESK): [DESK, OTHER],
}  # fmt: skip


@pytest.mark.parametrize(("who", "queues"), SEES.items(), ids=map("/".join, SEES))
async def test_what_is_to_be_decided_and_who_was_met_is_told_to_the_desk_whose_it_is(
    db: Any, who: tuple[str, ...], queues: list[str]
) -> None:
    at = await of(db, *who)

    assert sorted(todo.row["queue"] for todo in await at.tasks()) == queues
    assert [todo.row["queue"] for queue in (DESK, OTHER) for todo in await at.tasks_of(f"j-{queue}")] == queues
    assert await at.own_meetings([f"j-{queue}" for queue in (DESK, OTHER)]) == {f"j-{queue}" for queue in queues}
    assert [id for queue in (DESK, OTHER) for id in await at.meetings_called(f"ref {queue}")] == [
        f"j-{queue}" for queue in queues
    ]


async def test_what_an_agency_calls_its_meetings_its_own_coordination_does_not_read(db: Any) -> None:
    at = await of(db, "coordinator")

    assert {(todo.row["queue"], todo.ref) for todo in await at.tasks()} == {(DESK, None), (OTHER, None)}


@pytest.mark.parametrize(("role", "read"), [("caseworker", ["stp"]), ("supervisor", ["stp"]), ("coordinator", [])])
async def test_which_documents_are_missing_who_has_to_decide_reads_and_not_the_coordination(
    db: Any, role: str, read: list[str]
) -> None:
    at = await of(db, role)

    assert [todo.row["documents"] for todo in await at.tasks()] == [read, read]
