"""What is due is looked for by every service that has something to end, also while its store is away."""

import asyncio
import logging
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis.service import Context, Service
from services.chassis.settings import Settings
from services.housing.app import service as housing
from services.intake.app import service as intake
from services.programmes.app import service as programmes
from services.referral.app import service as referral
from tests.processes import free_port


@pytest.mark.parametrize("service", [housing, intake, programmes, referral], ids=lambda service: service.name)
async def test_a_sweep_waits_for_a_store_that_is_away(
    engines: Settings, caplog: pytest.LogCaptureFixture, service: Service
) -> None:
    away: Any = AsyncIOMotorClient(f"mongodb://127.0.0.1:{free_port()}", timeoutMS=200)
    async with AIOKafkaProducer(bootstrap_servers=engines.kafka_url) as producer:
        context = Context(service.name, engines, away.nowhere, producer)
        with caplog.at_level(logging.WARNING), pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(job(context) for job in service.jobs)), 2.5)
    away.close()

    assert [record.getMessage() for record in caplog.records if "wait: ServerSelectionTimeoutError" in record.message]
