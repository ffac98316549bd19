"""Topics that are made while the gateway is away, or made anew: what agencies say there is heard like anything else."""

import asyncio
import json
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from contracts import topics
from services.chassis.kafka import ensure_topics
from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.networks import database
from tests.processes import PALERMO, ROOT, Processes, load_directory, running

AGENCY = "pa.mobile"


async def test_what_is_said_on_a_topic_that_was_made_anew_is_not_taken_for_what_lay_there_before(
    network: Settings, logs: Path
) -> None:
    """As docs/operating.md has it under Lost position, where Kafka was lost: work goes on from the beginning."""
    name = topics.AGENCY_COMMANDS.of(AGENCY)
    async with running(network, logs, ("gateway", "directory")) as processes, database(network, "gateway") as db:
        assert (await _refused(network, "before"))["value"]["code"] == "malformed_json"
        await _stop(processes)
        await _delete(network, name)
        await ensure_topics(network, [(name, topics.AGENCY_COMMANDS)])
        await db.offsets.update_one({"_id": f"{network.named(name)}:0"}, {"$set": {"next": 0}})
        await processes.start("gateway")

        assert (await _refused(network, "after"))["value"]["code"] == "malformed_json"


async def test_a_topic_that_appeared_while_the_gateway_was_away_is_read_by_who_is_back_within_its_session(
    network: Settings, logs: Path
) -> None:
    """The group gives a worker that is back what it had, and would share out anew only when more topics appear."""
    directory = json.loads((ROOT / "deploy/local/demo" / PALERMO[0]).read_text("utf-8"))
    both = (topics.AGENCY_COMMANDS, topics.AGENCY_FEED)
    async with running(network, logs, ("gateway", "directory"), load=()) as processes:
        await _stop(processes)
        await load_directory(network, PALERMO)
        await ensure_topics(network, [(topic.of(a["code"]), topic) for a in directory["agencies"] for topic in both])
        await processes.start("gateway")

        assert (await _refused(network, "first"))["value"]["code"] == "malformed_json"


async def test_an_agency_whose_topics_the_broker_refuses_stops_no_other_and_has_them_once_it_may(
    network: Settings, logs: Path
) -> None:
    in_the_way = topics.AGENCY_COMMANDS.of(AGENCY.replace(".", "_"))
    await ensure_topics(network, [(in_the_way, topics.AGENCY_COMMANDS)])
    async with running(network, logs, ("gateway", "directory")) as processes:
        processes.again = False

        assert (await _refused(network, "other", "pa.accura"))["value"]["code"] == "malformed_json"
        assert "collides with" in (logs / "gateway-0.log").read_text()

        await _delete(network, in_the_way)
        assert (await _refused(network, "once it may"))["value"]["code"] == "malformed_json"


async def _refused(network: Settings, id: str, code: str = AGENCY) -> Entry:
    """How something that needs no other service is answered."""
    agency = Agency(code, network.kafka_url, f"{network.namespace}-")
    await agency.open()
    try:
        await agency.say("staffetta.intake.submit.v1", b"{", id=id)
        return await agency.answer(id, 30)
    finally:
        await agency.close()


async def _stop(processes: Processes) -> None:
    processes.again = False
    gateway = processes.workers["gateway-0"]
    gateway.terminate()
    await gateway.wait()


async def _delete(network: Settings, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=network.kafka_url)
    await admin.start()
    await admin.delete_topics([network.named(name)])
    while network.named(name) in await admin.list_topics():
        await asyncio.sleep(0.05)
    await admin.close()
