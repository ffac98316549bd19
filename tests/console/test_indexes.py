"""However much is stored, what a page lists is found by an index: the store itself says so of every query."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring

from services.chassis.settings import Settings
from services.console import gate, store
from services.console.domain.access import Actor
from services.console.gate import Gate

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
GROWS = frozenset({
    store.REFERRALS, store.COUNTED, store.LINES, store.TASKS, store.TWINS, store.UNMET, store.TOLD, store.MEETINGS,
    store.GLASS,
})  # fmt: skip
"""What grows with the years; who the agencies are and what they offer is read whole."""
ROW = {
    "_id": "r-1", "code": "PA-7K3M9Q", "journey_id": "j-1", "sender_agency": "pa.comune", "open": True,
    "sender_queue": "pa.comune.desk", "receiver_agency": "pa.comune", "receiver_queue": "pa.comune.desk",
    "shown_to": "pa.comune", "cities": ["palermo"], "sender_ref": "T-1", "sent_at": NOW, "due_at": NOW,
    "read_until": NOW + timedelta(days=1), "state": "SENT", "person_ref": "p_1", "service": "health.primary",
}  # fmt: skip
TWIN = {
    "_id": "p-1", "intake_id": "j-1", "sender_agency": "pa.comune", "sender_queue": "pa.comune.desk",
    "cities": ["palermo"], "state": "suspected", "asked_at": NOW, "due_at": NOW,
    "person_refs": ["p_1", "p_2"], "service": "health.primary",
}  # fmt: skip
TASK = {
    "_id": "t-1", "journey_id": "j-1", "referral_id": str(UUID(int=1)), "agency": "pa.comune", "cities": ["palermo"],
    "open": True, "due_at": NOW, "service": "health.primary", "kind": "no_candidate",
}  # fmt: skip
ACTORS = {
    "a caseworker of one queue": Actor("s", "n", "pa.comune", frozenset({"caseworker"}), frozenset({"pa.comune.desk"})),
    "of two queues": Actor("s", "n", "pa.comune", frozenset({"caseworker"}), frozenset({"pa.comune.desk", "pa.b"})),
    "a supervisor": Actor("s", "n", "pa.comune", frozenset({"supervisor"})),
    "who coordinates a city": Actor("s", "n", "pa.comune", frozenset({"coordinator"}), cities=frozenset({"palermo"})),
    "who coordinates two cities, and reads the network's numbers": Actor(
        "s", "n", None, frozenset({"coordinator", "national"}), cities=frozenset({"palermo", "torino"})
    ),
}


MEETING = {
    "_id": "j-1", "sender_agency": "pa.comune", "sender_queue": "pa.comune.desk", "sender_ref": "T-1",
    "person_ref": "p_1", "excluded": [],
}  # fmt: skip

KEPT = {store.REFERRALS: ROW, store.TWINS: TWIN, store.TASKS: TASK, store.MEETINGS: MEETING}


class Asked(monitoring.CommandListener):
    """The queries that a client asked: collection and filter."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        match event.command:
            case {"find": collection, "filter": wanted}:
                self.queries.append((collection, dict(wanted)))
            case {"aggregate": collection, "pipeline": [{"$match": wanted}, *_]}:
                self.queries.append((collection, dict(wanted)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """The test hears of it."""


@pytest_asyncio.fixture
async def asked(network: Settings) -> AsyncIterator[tuple[Any, Asked]]:
    listener = Asked()
    url = network.mongo_url.get_secret_value()
    client: Any = AsyncIOMotorClient(url, tz_aware=True, event_listeners=[listener])
    db = client[network.named("console")]
    for name in GROWS:
        await db[name].insert_one(KEPT.get(name, {"_id": "x"}))
        if name in store.INDEXES:
            await db[name].create_indexes(store.INDEXES[name])
    yield db, listener
    await client.drop_database(db.name)
    client.close()


async def look_at_everything(at: Gate) -> None:
    for relation in ("receiver", "sender", "coordinator"):
        await at.open_as(relation, 1)
    for reads in (at.tasks(), at.owed(), at.twins(), at.twins_of("j-1"), at.has_twins(), at.pair("p-1"), at.met("j-1")):
        await reads
    await at.tasks_of("j-1")
    await at.own_meetings(["j-1"])
    await at.erased_at("j-1")
    await at.to_erase("j-1")
    await at.search("PA-7K3M9Q")
    await at.meetings_called("PA-7K3M9Q")
    await at.glasses.still_open()
    await at.called("PA-7K3M9Q")
    await at.city_rows(NOW - timedelta(days=90))
    await at.city_unmet(NOW - timedelta(days=90))
    await at.numbers()
    await at.of_intakes(["j-1", "j-2"])
    case = await at.case("r-1")
    assert case
    for of_one in (at.lines(case), at.told(case), at.family(case)):
        await of_one
    await at.glasses.break_for("PA-7K3M9Q", "Ricovero d'urgenza")
    await at.glasses.broken()


@pytest.mark.parametrize("who", ACTORS)
async def test_whatever_a_page_asks_of_what_grows_is_found_by_an_index(asked: tuple[Any, Asked], who: str) -> None:
    db, listener = asked

    await look_at_everything(await gate.opened(db, ACTORS[who], lambda: NOW))

    of_what_grows = [(name, wanted) for name, wanted in listener.queries if name in GROWS]
    coordinates = "coordinator" in ACTORS[who].roles
    assert {name for name, _ in of_what_grows} == (GROWS if coordinates else GROWS - {store.UNMET, store.COUNTED})
    walked = [(name, wanted) for name, wanted in of_what_grows if "COLLSCAN" in await stages(db, name, wanted)]
    assert not walked


async def test_every_page_asks_once_by_id_for_the_glass_that_is_new(asked: tuple[Any, Asked]) -> None:
    db, listener = asked
    at = await gate.opened(db, ACTORS["a supervisor"], lambda: NOW)
    listener.queries.clear()

    await at.glasses.unseen()

    [(collection, wanted)] = listener.queries
    assert (collection, list(wanted)) == (store.SEEN, ["_id"])


async def stages(db: Any, collection: str, wanted: dict[str, Any]) -> set[str]:
    explained = await db.command({"explain": {"find": collection, "filter": wanted}, "verbosity": "queryPlanner"})
    return set(_stages(explained["queryPlanner"]["winningPlan"]))


def _stages(plan: Any) -> list[str]:
    match plan:
        case {"stage": stage}:
            return [stage, *(s for part in plan.values() for s in _stages(part))]
        case dict():
            return [s for part in plan.values() for s in _stages(part)]
        case list():
            return [s for part in plan for s in _stages(part)]
        case _:
            return []
