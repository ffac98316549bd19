"""The short form of `./dev chaos`: the whole relay, a few kills of everything, and every effect counted."""

from pathlib import Path

import pytest

from deploy.local.kafka import start_kafka
from deploy.local.store import start_store
from tests.chaos.whole import disturb


@pytest.mark.own_engines
async def test_kills_of_services_store_and_broker_lose_double_and_reorder_nothing(tmp_path: Path) -> None:
    kafka, store = start_kafka(tmp_path), start_store(tmp_path)
    try:
        result = await disturb(kafka, store, tmp_path, kills=4, seed=3)
    finally:
        store.stop()
        kafka.stop()

    assert dict(result.kills) == {"service": 4, "store": 1, "broker": 1}
    assert result.intakes > 10
    assert result.commands > 2 * result.intakes
    assert result.faults == []
