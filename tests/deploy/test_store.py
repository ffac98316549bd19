"""The local store loses no commit, whatever kills it."""

from pathlib import Path

import pytest
from pymongo import MongoClient

from deploy.local.store import start_store

BATONS = 500
"""Enough that the last are still in memory when the kill comes; fewer pass even where commits are not synced."""


@pytest.mark.own_engines
def test_a_store_that_is_killed_and_started_again_has_all_it_committed(tmp_path: Path) -> None:
    store = start_store(tmp_path)
    try:
        with MongoClient[dict[str, object]](store.url) as client:
            for n in range(BATONS):
                client["relay"]["batons"].insert_one({"_id": n})

            store.kill()
            store.start()

            assert client["relay"]["batons"].count_documents({}) == BATONS
    finally:
        store.stop()
