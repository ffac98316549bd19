"""Topics that are made while the gateway is away, or made anew: what agencies say there is heard like anything else."""

import asyncio
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from contracts import topics
from services.chassis.kafka import ensure_topics
from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.networks import database
from tests.processes import Processes, running

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


async def _refused(network: Settings, id: str) -> Entry:
    """How something that needs no other service is answered."""
    agency = Agency(AGENCY, network.kafka_url, f"{network.namespace}-")
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
