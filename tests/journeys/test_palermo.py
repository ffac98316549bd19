"""The main job at full size: 200 people ask for 412 services, and each need ends with an answer or an owner."""

import asyncio
import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.chassis.settings import Settings
from services.referral.domain.needs import referral_id
from tests.domain.test_routing_samples import EXPECTED, told
from tests.journeys.palermo import Palermo, palermo
from tests.verified import assert_verified

pytestmark = pytest.mark.timeout(900)
UNDISTURBED, DISTURBED = slice(0, 100), slice(100, None)
"""Of the lines: in the second part agencies say things twice and workers are killed."""
WHEN_PLAYED_LATER = {"clock_ahead"}
"""A flag of the samples that depends on the hour at which they are played."""


async def test_two_hundred_intakes_are_answered_and_every_need_has_an_answer_or_an_owner_also_with_repeats_and_kills(
    network: Settings, logs: Path
) -> None:
    async with palermo(network, logs) as city:
        await city.submit(UNDISTURBED)
        await city.comes_to_rest()
        await assert_as_the_samples_say(city, EXPECTED["lines"][UNDISTURBED])

        killing = asyncio.create_task(city.processes.kill_some(random.Random(3), times=8))
        await city.submit(DISTURBED, repeated=0.05)
        await killing
        await city.processes.ready(90)
        await city.comes_to_rest()

        await assert_as_the_samples_say(city, EXPECTED["lines"])
        ends = await city.ends()
        assert ends["CLOSED"] > 50, ends
        assert ends["WAITLISTED"] > 0, ends
        await assert_verified(network)


async def assert_as_the_samples_say(city: Palermo, lines: list[dict[str, Any]]) -> None:
    answers = {line["line"]: city.answer(line["line"]) for line in lines}
    for line in lines:
        answer = answers[line["line"]]
        assert answer["outcome"] == line["answer"]["outcome"]
        assert set(answer["flags"]) - WHEN_PLAYED_LATER == set(line["answer"]["flags"]) - WHEN_PLAYED_LATER
        assert answer == answers[line.get("same_answer_as_line", line["line"])]

    decided, routed = await city.decisions(), [line for line in lines if "services" in line]
    sent = 0
    for line in routed:
        intake_id = UUID(answers[line["line"]]["subject"])
        for n, service in enumerate(line["services"]):
            decision = decided.get(referral_id(intake_id, n))
            assert decision or service["opens"] == "DRAFT", f"line {line['line']}: {service['service']}"
            if decision:
                sent += 1
                assert told(decision) == {name: service[name] for name in told(decision)}, f"line {line['line']}"
    assert sent >= sum(service["opens"] != "DRAFT" for line in routed for service in line["services"])
