"""An agency that was away reads its feed again from a day or a time, over Kafka or HTTP, and learns what is gone."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.chassis.settings import Settings
from tests.processes import ROOT
from tests.services.two_agencies import Behind, Two, gateway_alone, two_agencies

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG_AGO = "1969-07-20"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Behind]:
    async with gateway_alone(engines, tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def two(behind: Behind) -> AsyncIterator[Two]:
    async with two_agencies(behind) as agencies:
        yield agencies


@pytest.mark.parametrize("over", ["kafka", "http"])
async def test_who_was_away_reads_what_was_said_since(two: Two, over: str) -> None:
    away = await _told(two, 1)
    await _told(two, 2, 3)

    missed = await _feed(two, "--since", away.isoformat(), "--over", over)
    of_old = await _feed(two, "--since", LONG_AGO, "--over", over)
    tomorrow = await _feed(two, "--since", f"{away + timedelta(days=2):%Y-%m-%d}", "--over", over)

    assert [_versions(read) for read in (missed, of_old, tomorrow)] == [[2, 3], [1, 2, 3], []]
    async with two.http(two.sender) as http:
        page = (await http.get("/v1/feed")).json()["entries"]
    assert [json.loads(line) for line in of_old[1].splitlines()] == page


async def test_a_system_of_an_agency_seeks_by_time_as_the_document_says(two: Two) -> None:
    section = (ROOT / "docs/integrating.md").read_text("utf-8").partition("## If you were away")[2]
    known: dict[str, Any] = {}
    exec(section.partition("```python\n")[2].partition("```")[0], known)
    away = await _told(two, 1)
    await _told(two, 2, 3)
    two.sender.stop_reading()

    consumer, feed = two.sender.consumer, two.sender.feed
    await known["seek"](consumer, away)
    first = json.loads((await consumer.getone(feed)).value)["version"]
    await known["seek"](consumer, away + timedelta(days=1))

    assert first == 2
    assert {feed: await consumer.position(feed)} == await consumer.end_offsets([feed])


@pytest.mark.parametrize("over", ["kafka", "http"])
async def test_what_is_kept_no_more_is_said_to_be_gone_and_from_when_all_is_there(two: Two, over: str) -> None:
    await _told(two, 1, 2)
    await _drop(two, before=1)

    status, _, complaint = await _feed(two, "--since", LONG_AGO, "--over", over)
    async with two.http(two.sender) as http:
        gone = await http.get("/v1/feed", params={"since": f"{LONG_AGO}T00:00:00Z"})
        left = await http.get("/v1/feed", params={"since": gone.json()["kept_from"]})
        cursor = await http.get("/v1/feed?after=77")

    kept_from = datetime.fromisoformat(gone.json()["kept_from"])
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")
    assert gone.headers["content-type"] == "application/problem+json"
    assert abs(datetime.now(UTC) - timedelta(days=30) - kept_from) < timedelta(hours=2)
    assert [entry["data"]["version"] for entry in left.json()["entries"]] == [2]
    assert (cursor.status_code, cursor.json()["code"]) == (410, "gone")
    assert status == 1 and f"{kept_from:%Y-%m-%dT%H:}" in complaint


async def test_a_time_without_sense_is_refused_by_its_rule(two: Two) -> None:
    async with two.http(two.sender) as http:
        problems = [
            (await http.get("/v1/feed", params={"since": since})).json()
            for since in ("yesterday", "0.0", "1764201600", "2026-11-20", "2026-11-20T00:00:00")
        ]
        both = (await http.get("/v1/feed?after=1&since=2026-11-20T00:00:00Z")).json()
    typed = [await _feed(two, "--since", since) for since in ("yesterday", "2026-11-31", "2026-11-20T00:00:00")]

    assert {problem["code"] for problem in (*problems, both)} == {"invalid_value"}
    assert all("a time with its offset" in p["detail"] and p["parameters"] == ["since"] for p in problems)
    assert both["detail"] == "give a cursor or a time, not both"
    assert all(status == 2 and "a day, such as 2026-11-20" in complaint for status, _, complaint in typed)


async def _told(two: Two, *versions: int) -> datetime:
    """The sender hears of a referral's versions; when it has."""
    for version in versions:
        await two.behind.say(two.referral(version=version))
    await two.sender.event("referral.sent", version=versions[-1])
    return datetime.now(UTC)


async def _drop(two: Two, before: int) -> None:
    """As a broker does with what is too old."""
    admin = AIOKafkaAdminClient(bootstrap_servers=two.behind.settings.kafka_url)
    await admin.start()
    try:
        feed = TopicPartition(two.behind.settings.named(f"agencies.{two.sender.code}.feed"), 0)
        await admin.delete_records({feed: RecordsToDelete(before)})
    finally:
        await admin.close()


async def _feed(two: Two, *args: str) -> tuple[int, str, str]:
    """The exit code of `staffetta feed --json` for the sender, what it printed, and its complaint."""
    processes = two.behind.processes
    environment = os.environ | {
        "KAFKA_URL": processes.settings.kafka_url, "STAFFETTA_NAMESPACE": processes.settings.namespace,
        "STAFFETTA_GATEWAY_URL": processes.url("gateway"), "STAFFETTA_TOKEN": processes.token(two.sender.code),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "feed", "--agency", two.sender.code, *args, "--json",
        cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complaint = await process.communicate()
    return process.returncode or 0, said.decode(), said.decode() + complaint.decode()


def _versions(read: tuple[int, str, str]) -> list[Any]:
    status, said, complaint = read
    assert status == 0, complaint
    return [json.loads(line)["data"]["version"] for line in said.splitlines()]
