"""Twenty agencies' systems submit, answer and read their feeds, with nothing but aiokafka and `cloudevents`."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

from services.chassis.settings import Settings
from tests.agency import Entry, Working, disorder
from tests.builders import an_intake
from tests.processes import ROOT, SIXTEEN, running
from tests.verified import assert_verified, come_to_rest

ASKED = ("health.primary", "housing.emergency_bed")
INTAKES = 3


def twenty() -> list[tuple[str, str]]:
    """(agency, city) of twenty agencies with a system of their own."""
    found = []
    for name in SIXTEEN:
        directory = json.loads((ROOT / "deploy/local/demo" / name).read_text())
        found += [(a["code"], a["city"]) for a in directory["agencies"] if a["delivery"] == "event_topic"]
    return found[:20]


async def test_twenty_agencies_get_one_answer_to_each_command_in_order_with_its_events(
    network: Settings, logs: Path
) -> None:
    async with AsyncExitStack() as stack:
        agencies = await _at_work(stack, network, logs)
        intakes = {(code, n): _intake(code, city, n) for code, city in twenty() for n in range(INTAKES)}

        await _submit(agencies, intakes)
        await come_to_rest(network, list(agencies.values()))

        for agency in agencies.values():
            assert agency.said.keys() == {id for id in agency.said if _accepted_once(agency, id)}
            assert disorder(agency.entries) == []
        assert len(_closed(agencies)) >= 40

        before = {code: len(agency.entries) for code, agency in agencies.items()}
        await _submit(agencies, intakes)
        await _say_all_again(agencies)
        await come_to_rest(network, list(agencies.values()))

        assert sum(a.repeats for a in agencies.values()) == sum(len(a.said) for a in agencies.values())
        assert {code: len(agency.entries) for code, agency in agencies.items()} == before
        await assert_verified(network)


async def _at_work(stack: AsyncExitStack, network: Settings, logs: Path) -> dict[str, Working]:
    await stack.enter_async_context(running(network, logs, load=SIXTEEN))
    agencies = {code: Working(code, network.kafka_url, f"{network.namespace}-") for code, _ in twenty()}
    for agency in agencies.values():
        await agency.open()
        stack.push_async_callback(agency.close)
    working = [asyncio.create_task(a.work()) for a in agencies.values()]
    stack.callback(lambda: [w.cancel() for w in working])
    return agencies


async def _submit(agencies: dict[str, Working], intakes: dict[tuple[str, int], Entry]) -> None:
    for (code, _), intake in intakes.items():
        await agencies[code].submit(intake)


async def _say_all_again(agencies: dict[str, Working]) -> None:
    """The very same commands."""
    for agency in agencies.values():
        for id, (command, fields) in list(agency.said.items()):
            if command != "submit":
                await agency.command(command=command, id=id, **fields)


def _accepted_once(agency: Working, command_id: str) -> bool:
    return [a["type"] for a in agency.answers(command_id)] == ["staffetta.command.accepted.v1"]


def _closed(agencies: dict[str, Working]) -> set[str]:
    entries = [e for a in agencies.values() for e in a.entries]
    return {e["key"] for e in entries if e["type"] == "staffetta.referral.closed.v1"}


def _intake(code: str, city: str, n: int) -> Entry:
    intake = an_intake(f"{code}/relay-{n}", sender=code, services=ASKED, city_of_intake=city, city_of_presence=city)
    intake["tier0"]["sharing_basis"][0]["recipient"] = f"city:{city}"
    return intake
