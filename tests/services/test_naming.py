"""However many people are kept, who is asked for by name is found by an index: the store says so of each query."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring

from contracts.stated import Tier1, Tier2
from services.chassis.settings import Settings
from services.intake import reading, store
from services.intake.domain import naming
from services.intake.domain.intake import Personal
from tests.builders import INTAKE_ID

ASKED = ("amina", "prova")
PERSON = Personal(INTAKE_ID, "p_1", "pa.comune", "t1", Tier1(name={"given": "Amina", "family": "Prova"}), Tier2())


class Queries(monitoring.CommandListener):
    """Collection and filter of everything that is read."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if found := event.command.get("find"):
            self.asked.append((found, dict(event.command["filter"])))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """The test hears of it."""


@pytest_asyncio.fixture
async def kept(network: Settings) -> AsyncIterator[tuple[Any, Queries]]:
    """One person, met by pa.comune and taken in by pa.accura."""
    queries = Queries()
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True, event_listeners=[queries])
    db = client[network.named("intake")]
    for name in ("personal", "grants"):
        await db[name].create_indexes(store.INDEXES[name])
    person = store.PERSONAL.dump_python(PERSON, mode="json")
    await db.personal.insert_one(person | {"_id": str(INTAKE_ID), "keys": naming.keys_of(ASKED)})
    await db.grants.insert_one({"_id": "r", "intake_id": str(INTAKE_ID), "agency": "pa.accura", "ended": None})
    yield db, queries
    await client.drop_database(db.name)
    client.close()


async def test_who_is_asked_for_by_name_is_found_by_an_index(kept: tuple[Any, Queries]) -> None:
    db, queries = kept

    found = [await reading.read_named(db, agency, naming.asked_keys(ASKED)) for agency in ("pa.comune", "pa.accura")]
    none = [
        *await reading.read_named(db, "pa.penc", naming.asked_keys(ASKED)),
        *await reading.read_named(db, "pa.comune", naming.asked_keys(("giovanni",))),
    ]

    plans = [(of, await _plan(db, name, of)) for name, of in queries.asked]
    assert found == [[PERSON], [PERSON]] and none == []
    assert {name for name, _ in queries.asked} == {"personal", "grants"}
    assert not [of for of, plan in plans if "COLLSCAN" in plan]


async def _plan(db: Any, collection: str, wanted: dict[str, Any]) -> str:
    told = await db.command({"explain": {"find": collection, "filter": wanted}, "verbosity": "queryPlanner"})
    return str(told["queryPlanner"]["winningPlan"])
