"""The databases as they were some time ago, beside topics that went on: all that was done since is done again."""

from pathlib import Path
from typing import Any

from pymongo import MongoClient

from services.chassis.settings import Settings
from services.cli.verify.network import opened
from tests.journeys.cities import City, a_city, assert_ends_as_written
from tests.journeys.played import JOURNEYS, Played
from tests.verified import assert_verified

AGGREGATES = {
    "intake": ("intakes", "personal", "sharing", "texts", "grants"),
    "referral": ("referrals", "journeys", "tasks", "unmet", "grounds"),
    "housing": ("places",),
    "programmes": ("places",),
}
Databases = dict[str, dict[str, list[Any]]]


async def test_from_databases_of_before_all_that_was_done_since_is_done_again_and_nothing_else(
    network: Settings, logs: Path
) -> None:
    async with a_city(network, logs) as city:
        await _played(city, "J01")
        backup = await _databases(city)
        later = await _played(city, "J04")
        before = await _databases(city)

        await _restore(city, backup)

        after = await _databases(city)
        for service, names in AGGREGATES.items():
            for name in names:
                assert _by_id(after, service, name) == _by_id(before, service, name), f"{service}'s {name}"
        assert _by_id(backup, "referral", "referrals") != _by_id(before, "referral", "referrals")
        await assert_ends_as_written(later)
        await assert_verified(network)


async def _played(city: City, name: str) -> Played:
    journey = Played(JOURNEYS[name], city.agencies, city.buses, city.processes)
    await journey.play()
    return journey


async def _databases(city: City) -> Databases:
    """All of each, at one instant: nothing is under way."""
    async with opened(city.settings) as network:
        await network.settle(60)
    with MongoClient[Any](city.settings.mongo_url.get_secret_value(), tz_aware=True) as client:
        ours = [name for name in client.list_database_names() if name.startswith(f"{city.settings.namespace}-")]
        return {of: {c: list(client[of][c].find()) for c in client[of].list_collection_names()} for of in ours}


async def _restore(city: City, backup: Databases) -> None:
    processes = city.processes
    processes.again = False
    for worker in processes.workers.values():
        worker.terminate()
        await worker.wait()
    with MongoClient[Any](city.settings.mongo_url.get_secret_value()) as client:
        for of, collections in backup.items():
            for name in client[of].list_collection_names():
                client[of][name].delete_many({})
            for name, documents in collections.items():
                if documents:
                    client[of][name].insert_many(documents)
    processes.again = True
    for name in list(processes.workers):
        await processes.start(*name.rsplit("-", 1))
    await processes.ready()


def _by_id(databases: Databases, service: str, collection: str) -> dict[Any, Any]:
    database = next(of for name, of in databases.items() if name.endswith(f"-{service}"))
    return {document["_id"]: document for document in database.get(collection, [])}
