"""A service is one value; running it opens the store, the broker and the HTTP port, and stops them in order."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaError
from fastapi import APIRouter
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import IndexModel
from pymongo.errors import PyMongoError

from contracts.topics import TOPICS
from services.chassis import failpoints, kafka, ledger, operations, reaching, telemetry
from services.chassis.faults import die
from services.chassis.handlers import Handlers
from services.chassis.ledger import Ledger
from services.chassis.messages import Outgoing
from services.chassis.settings import Settings, from_environment
from services.chassis.sweep import Clock
from services.chassis.worker import Worker
from services.http.server import Server

log = logging.getLogger("staffetta.service")

STORE_TIMEOUT_MS = 10_000
STOP_S = 8


@dataclass(frozen=True, slots=True)
class Context:
    """What an API or a job may use: this service's own database, the broker, and the settings.

    put: says to a topic what no batch owes, and returns when the broker has it; raises KafkaError.
    look_for_topics: what a job calls that has made topics which its service reads.
    """

    service: str
    settings: Settings
    db: Any
    put: Callable[[Outgoing], Awaitable[None]]
    look_for_topics: Callable[[], None] = lambda: None
    clock: Clock = field(default_factory=Clock)


Job = Callable[[Context], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """name: also its database, its consumer group and the owner of its topics. jobs: run beside the loop until stop."""

    name: str
    handlers: Handlers
    api: APIRouter = field(default_factory=APIRouter)
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
    worker = Worker(Ledger(client, db, service.name, service.handlers.routes, settings))
    context = Context(service.name, settings, db, worker.outbox.put, worker.look_for_topics, worker.clock)
    server = Server(
        f"Staffetta {service.name}", (operations.router, service.api),
        host=settings.http_host, port=settings.http_port, context=context, worker=worker,
    )  # fmt: skip
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving, working = asyncio.create_task(server.serve()), asyncio.create_task(_work(service, context, worker))
    await stop.wait()
    working.cancel()
    server.should_exit = True
    try:
        async with asyncio.timeout(STOP_S):
            await asyncio.gather(worker.stop(), serving)
    except TimeoutError:  # the broker or the store is away: end as in a crash, and the next start recovers
        die("stopped without handing over")
    client.close()


async def _work(service: Service, context: Context, worker: Worker) -> None:
    """A job that fails ends the process: the supervisor starts it anew."""
    try:
        await _open(service, context, worker)
        operations.measure(worker)
        ours = [job(worker) for job in (operations.tidy, operations.heed, operations.watch)]
        await asyncio.gather(worker.partitions.catch_up(), *ours, *(job(context) for job in service.jobs))
    except Exception as bug:
        log.exception("a job failed")
        die(f"job: {type(bug).__name__}")


async def _open(service: Service, context: Context, worker: Worker) -> None:
    """Topics, indexes, worker; a broker or store that is not there yet is waited for."""
    topics = {*TOPICS, *(route.topic for route in service.handlers.routes.values())}
    while True:
        try:
            await kafka.ensure_topics(context.settings, [(t.name, t) for t in topics if not t.one_per_agency])
            for collection, indexes in {**ledger.INDEXES, **service.indexes}.items():
                await context.db[collection].create_indexes(list(indexes))
            return await worker.start()
        except (PyMongoError, KafkaError, OSError) as fault:
            log.warning("cannot start yet: %s", await reaching.why(context.settings, fault))
            await asyncio.sleep(0.5)
