"""What operators see of a worker: log lines that say whose they are, an outbox that is stuck, an inbox that expires."""

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from contracts import topics
from services.chassis import ledger
from services.chassis.messages import Incoming, Outgoing
from services.chassis.outbox import STUCK_S, Outbox
from services.chassis.settings import Settings
from services.chassis.telemetry import JsonLines, belongs_to, processing


def incoming(**headers: str) -> Incoming:
    at, id = datetime(2026, 10, 27, tzinfo=UTC), UUID(int=7)
    return Incoming(id, topics.REFERRALS, "referrals", 3, 14, b"k", b"{}", headers, at)


def line(**extra: object) -> dict[str, Any]:
    record = logging.LogRecord("n", logging.INFO, "", 1, "done", (), None)
    record.__dict__ |= extra
    said: dict[str, Any] = json.loads(JsonLines("referral", "0").format(record))
    return said


def test_a_log_line_says_which_journey_it_is_about_as_long_as_a_message_is_handled() -> None:
    before = line().get("correlation_id")
    with processing(incoming(ce_correlationid="journey-1")):
        inside = line(**incoming().where)
        belongs_to("journey-2")
        told = line()

    assert (inside["correlation_id"], inside["topic"], inside["partition"]) == ("journey-1", "referrals", 3)
    assert told["correlation_id"] == "journey-2"
    assert line().get("correlation_id") == before


def test_a_log_line_holds_our_words_and_known_fields_and_no_others() -> None:
    assert "name" not in line(name_of_person="Amina", value="Prova") and "Prova" not in json.dumps(line(value="Prova"))


async def test_an_outbox_that_the_broker_leaves_waiting_is_stuck_until_it_is_answered(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def owns(_sources: object) -> bool:
        return True

    outbox = Outbox(network, owns)
    await outbox.producer.start()
    monkeypatch.setattr(outbox, "send", lambda _rows: answered.wait())
    outbox.begin({("t", 0): [Outgoing("t", b"", b"", [])]}, time.monotonic() - STUCK_S - 1)
    await asyncio.sleep(0)
    waiting = outbox.stuck
    answered.set()
    await outbox.finished()
    await outbox.producer.stop()

    assert (waiting, outbox.stuck) == (True, False)


async def test_the_store_lets_the_inbox_expire_after_all_retention(network: Settings) -> None:
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value())
    inbox = client[network.named("seen")].inbox
    await inbox.create_indexes(ledger.INDEXES["inbox"])
    expires = [i["expireAfterSeconds"] for i in (await inbox.index_information()).values() if "expireAfterSeconds" in i]
    await client.drop_database(network.named("seen"))
    client.close()

    kept = [t.retention_days for t in topics.TOPICS if t.retention_days]
    assert expires == [ledger.INBOX_DAYS * 86_400]
    assert max(kept) < ledger.INBOX_DAYS
