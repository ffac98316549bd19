"""A service is one value; running it opens the store, the broker and the HTTP port, and stops them in order."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import APIRouter
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import IndexModel
from pymongo.errors import PyMongoError

from contracts.topics import TOPICS
from services.chassis import failpoints, health, kafka, telemetry
from services.chassis.handlers import Handlers
from services.chassis.ledger import Ledger
from services.chassis.settings import Settings, from_environment
from services.chassis.worker import Worker, die
from services.http.server import Server

log = logging.getLogger("staffetta.service")

STORE_TIMEOUT_MS = 10_000
STOP_S = 8


@dataclass(frozen=True, slots=True)
class Context:
    """What an API or a job may use: this service's own database, the broker, and the settings."""

    service: str
    settings: Settings
    db: Any
    producer: AIOKafkaProducer


Job = Callable[[Context], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """name: also its database, its consumer group and the owner of its topics. jobs: run beside the loop until stop."""

    name: str
    handlers: Handlers
    api: APIRouter | None = None
    indexes: Mapping[str, Sequence[IndexModel]] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()

    def __post_init__(self) -> None:
        self.handlers.check(self.name)


def run(service: Service) -> None:
    """Run one worker of a service until SIGTERM or SIGINT."""
    settings = from_environment()
    telemetry.start(service.name, settings.replica)
    failpoints.arm(settings.failpoint)
    asyncio.run(_run(service, settings))


async def _run(service: Service, settings: Settings) -> None:
    client: Any = AsyncIOMotorClient(
        settings.mongo_url.get_secret_value(), timeoutMS=STORE_TIMEOUT_MS, tz_aware=True, appname=service.name
    )
    db = client[settings.named(service.name)]
    ledger = Ledger(client, db, service.name, service.handlers.routes, settings)
    worker = Worker(settings, service.name, service.handlers, ledger)
    state = health.Health(worker, db)
    context = Context(service.name, settings, db, worker.producer)
    routers = [health.router, service.api] if service.api else [health.router]
    server = Server(f"Staffetta {service.name}", routers, host=settings.http_host, port=settings.http_port,
                    context=context, health=state)  # fmt: skip
    stop = _stop_signal()
    serving = asyncio.create_task(server.serve())
    await _until(_open(service, settings, db, worker), stop)
    jobs = (worker.catch_up(), health.watch(state), health.tend(state), *(job(context) for job in service.jobs))
    beside = [asyncio.create_task(_guard(job)) for job in jobs]
    await stop.wait()
    for task in beside:
        task.cancel()
    server.should_exit = True
    await _within(STOP_S, worker.stop())
    await _within(STOP_S, serving)
    client.close()


async def _within(seconds: float, work: Awaitable[None]) -> None:
    """A stop that waits for a broker or store that is away ends as a crash would: the next start recovers."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        die("stopped without handing over")


async def _open(service: Service, settings: Settings, db: Any, worker: Worker) -> None:
    """Topics, indexes, worker; a broker or store that is not there yet is waited for."""
    while True:
        try:
            topics = {*TOPICS, *(route.topic for route in service.handlers.routes.values())}
            await kafka.ensure_topics(settings, [(t.name, t) for t in topics if not t.one_per_agency])
            for collection, indexes in service.indexes.items():
                await db[collection].create_indexes(list(indexes))
            return await worker.start()
        except (PyMongoError, KafkaError, OSError) as fault:
            log.warning("cannot start yet: %s", type(fault).__name__)
            await asyncio.sleep(0.5)


async def _until(work: Awaitable[None], stop: asyncio.Event) -> None:
    doing, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not doing.done():
        raise SystemExit(0)
    stopping.cancel()


async def _guard(job: Awaitable[None]) -> None:
    """A job that fails ends the process: the supervisor starts it anew."""
    try:
        await job
    except Exception as bug:
        log.exception("a job failed")
        die(f"job: {type(bug).__name__}")


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
