"""`staffetta conform` against a relay that runs: all is kept; what is broken is found; nothing is left open."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.chassis.settings import Settings
from tests.builders import an_intake
from tests.processes import ROOT
from tests.services.desk import Desk, at_a_desk
from tests.verified import assert_verified

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with at_a_desk(engines, tmp_path_factory.mktemp("relay")) as desk:
        yield desk


async def test_a_relay_that_runs_well_keeps_every_promise_and_nothing_stays_open(desk: Desk) -> None:
    intake = an_intake(f"pa.comune/{uuid4().hex}/1")
    intake["tier0"]["services"] = [{"service": "health.primary", "offer": "pa.salute.primary"}]
    intake["tier0"]["sharing_basis"][0]["recipient"] = "pa.salute"
    await desk("submit", desk.file(intake))
    foreign = (await _queue_of(desk, "pa.salute"))[0]["referral_id"]

    tried = await desk(
        "conform", "--agency", "pa.accura", "--offer", "pa.accura.primary", "--partner", "pa.salute",
        "--foreign", foreign, "--json",
    )  # fmt: skip

    assert [check for check in tried.json["checks"] if check["outcome"] != "passed"] == []
    assert (tried.status, tried.json["left_open"]) == (0, []), tried.complaint
    assert len(tried.json["checks"]) >= 30
    assert (await desk("queue", "--agency", "pa.accura", "--json")).json == []
    await assert_verified(desk.relay.settings)


async def test_what_takes_another_agency_is_not_tried_and_says_so_in_italian(desk: Desk) -> None:
    tried = await desk("conform", "--agency", "pa.mobile", "--lang", "it")

    assert tried.status == 0, tried.said + tried.complaint
    assert tried.said.count("non provata ") == 2
    assert "serve un altro ente: --partner" in tried.said and "NON MANTENUTA" not in tried.said
    assert "Nulla resta aperto" in tried.said


async def test_an_agency_that_offers_nothing_tries_what_it_can_and_its_tasks_are_done(desk: Desk) -> None:
    section = (ROOT / "docs/operating.md").read_text("utf-8").partition("## Add an agency")[2]
    known = json.loads(section.partition("```json\n")[2].partition("```")[0])
    (desk.folder / "agency.json").write_text(json.dumps(known | {"offers": []}), "utf-8")
    await desk("directory", "load", "agency.json")
    agency = known["agencies"][0]["code"]
    async with asyncio.timeout(60):
        while (await desk("topics", "--agency", agency)).status:
            await asyncio.sleep(0.2)

    tried = await desk("conform", "--agency", agency, "--json")

    outcomes = {check["code"]: (check["outcome"], check["why"]) for check in tried.json["checks"]}
    assert (tried.status, tried.json["left_open"]) == (0, []), tried.said
    assert outcomes["contact_before"] == outcomes["late_ended"] == outcomes["at_once"] == ("not_tried", "no_offer")
    assert outcomes["accepted"][0] == outcomes["nothing_else"][0] == outcomes["feed_since"][0] == "passed"
    await assert_verified(desk.relay.settings)


async def test_answers_that_come_twice_are_found(desk: Desk) -> None:
    async with _who_answers_twice(desk.relay.settings, "pa.legale"):
        tried = await desk("conform", "--agency", "pa.legale", "--json")

    broken = {check["code"]: check for check in tried.json["checks"] if check["outcome"] == "failed"}
    assert tried.status == 1
    assert "intake.submit: 2" in broken["answered_once"]["seen"]
    assert "answered_once" in tried.complaint


async def test_an_agency_or_an_offer_that_nobody_knows_is_named(desk: Desk) -> None:
    nobody, nothing = (
        await desk("conform", "--agency", "pa.nobody"),
        await desk("conform", "--agency", "pa.penc", "--offer", "pa.accura.primary"),
    )

    assert nobody.status == 1 and "pa.nobody" in nobody.complaint
    assert nothing.status == 2 and "pa.penc.it" in nothing.complaint


async def test_ctrl_c_ends_what_was_opened(desk: Desk) -> None:
    trying = await desk.begin("services.cli", "conform", "--agency", "pa.officina")
    await _queue_of(desk, "pa.officina")

    trying.send_signal(signal.SIGINT)
    _, complaint = await trying.communicate()

    assert trying.returncode == 130
    assert b"Nothing is left open" in complaint and b"Traceback" not in complaint
    assert (await desk("queue", "--agency", "pa.officina", "--json")).json == []


async def _queue_of(desk: Desk, agency: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        while not (queue := (await desk("queue", "--agency", agency, "--json")).json):
            await asyncio.sleep(0.2)
    found: list[dict[str, Any]] = queue
    return found


@asynccontextmanager
async def _who_answers_twice(settings: Settings, agency: str) -> AsyncIterator[None]:
    """Puts every answer of an agency's feed there once more, under another id."""
    feed = TopicPartition(settings.named(f"agencies.{agency}.feed"), 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url, auto_offset_reset="latest")
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url)
    await consumer.start()
    await producer.start()
    consumer.assign([feed])
    await consumer.seek_to_end(feed)
    doubling = asyncio.create_task(_double(consumer, producer))
    try:
        yield
    finally:
        doubling.cancel()
        await asyncio.gather(doubling, return_exceptions=True)
        await consumer.stop()
        await producer.stop()


async def _double(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
    done: set[str] = set()
    async for record in consumer:
        headers = dict(record.headers)
        id = headers["ce_id"].decode()
        if id in done or json.loads(record.value).get("asked") is None:
            continue
        again = str(uuid4())
        done |= {id, again}
        headers["ce_id"] = again.encode()
        await producer.send_and_wait(record.topic, record.value, key=record.key, headers=list(headers.items()))
