"""What the guarantee costs: the same events through one hop in five styles, in one run.

Rates are taken between a tenth and the whole of the events, so that starting up does not count.
"""

import asyncio
import os
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, uuid4, uuid5

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table

from services.chassis import kafka, messages
from services.chassis.settings import Settings, from_environment
from tests.bench.rows import IN, OUT, Hop

EVENTS = {"raw": 20_000, "unguarded": 6_000, "default": 1_500, "careful": 400, "chassis": 6_000, "traced": 6_000}
AGGREGATES, EVENT_BYTES, ROUNDS = 2_000, 595, 3


@dataclass(frozen=True)
class Measured:
    """events a second; CPU seconds for 1,000 events of worker and store; resident memory of the worker in MB."""

    rate: float
    worker_cpu: float
    store_cpu: float
    memory: float


async def fill(settings: Settings, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, acks="all", linger_ms=5)
    await producer.start()
    padding = "x" * (EVENT_BYTES - len(Hop(aggregate="case-1000", number=1000).model_dump_json()))
    for n in range(count):
        key = f"case-{n * 7919 % AGGREGATES}"
        headers = messages.headers(
            id=uuid5(NAMESPACE_OID, f"{settings.namespace}/{n}"), source="/bench", type=Hop.TYPE, subject=key,
            time=datetime(2026, 11, 24, tzinfo=UTC), correlation_id=key, causation_id="", sequence=None,
            traceparent=None,
        )  # fmt: skip
        value = Hop(aggregate=key, number=n, padding=padding).model_dump_json().encode()
        await producer.send(settings.named(IN.name), value, key=key.encode(), headers=headers)
    await producer.stop()


async def measure(settings: Settings, row: str, store: psutil.Process | None) -> Measured:
    own = settings.model_copy(update={"namespace": f"hop{uuid4().hex[:8]}"})
    await kafka.ensure_topics(own, [(t.name, t) for t in (IN, OUT)])
    count = EVENTS[row]
    await fill(own, count)
    environment = os.environ | {"STAFFETTA_NAMESPACE": own.namespace, "STAFFETTA_ENV": "test", "HTTP_PORT": "0"}
    sink = await asyncio.start_server(_swallow, "127.0.0.1", 0)
    if row == "traced":
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{sink.sockets[0].getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.rows", row, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        return await _watch(own, psutil.Process(process.pid), store, count)
    finally:
        process.kill()
        await process.wait()
        sink.close()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An OTLP collector that says thank you and keeps nothing."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:"))
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _watch(settings: Settings, worker: psutil.Process, store: psutil.Process | None, count: int) -> Measured:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
    await consumer.start()
    at = [TopicPartition(settings.named(OUT.name), p) for p in range(OUT.partitions)]
    try:
        first = await _reached(consumer, at, count // 10)
        began, cpu = time.monotonic(), (_cpu(worker), _cpu(store))
        last = await _reached(consumer, at, count)
        took, done = time.monotonic() - began, last - first
        spent = (_cpu(worker) - cpu[0], _cpu(store) - cpu[1])
        return Measured(done / took, spent[0] / done * 1000, spent[1] / done * 1000, worker.memory_info().rss / 2**20)
    finally:
        await consumer.stop()


async def _reached(consumer: AIOKafkaConsumer, at: list[TopicPartition], wanted: int) -> int:
    until = time.monotonic() + 120
    while (there := sum((await consumer.end_offsets(at)).values())) < wanted:
        if time.monotonic() > until:
            raise TimeoutError(f"{there} of {wanted} events came through")
        await asyncio.sleep(0.02)
    return there


def _cpu(process: psutil.Process | None) -> float:
    return sum(process.cpu_times()[:2]) if process else 0.0


def store_process(settings: Settings) -> psutil.Process | None:
    """The process behind MONGO_URL, when it runs on this machine."""
    port = int(settings.mongo_url.get_secret_value().rsplit(":", 1)[1].split("/")[0])
    for connection in psutil.net_connections("tcp"):
        if connection.status == "LISTEN" and connection.laddr.port == port and connection.pid:
            return psutil.Process(connection.pid)
    return None


async def main() -> None:
    settings, found = from_environment(), {row: list[Measured]() for row in EVENTS}
    store = store_process(settings)
    for n in range(ROUNDS):
        for row in EVENTS:
            found[row].append(await measure(settings, row, store))
            print(f"round {n + 1} of {ROUNDS}: {row} {found[row][-1].rate:,.0f} events/s", file=sys.stderr)
    show(found)


def show(found: dict[str, list[Measured]]) -> None:
    ours = statistics.median(m.rate for m in found["chassis"])
    table = Table("row", "events/s min", "median", "max", "chassis is", "worker CPU s/1,000", "store CPU s/1,000", "MB")
    for row, measured in found.items():
        rates = sorted(m.rate for m in measured)
        median = statistics.median(rates)
        cpu, store, memory = (
            statistics.median(getattr(m, f) for m in measured) for f in ("worker_cpu", "store_cpu", "memory")
        )
        table.add_row(row, f"{rates[0]:,.0f}", f"{median:,.0f}", f"{rates[-1]:,.0f}", f"{ours / median:.2f} x",
                      f"{cpu:.3f}", f"{store:.3f}", f"{memory:.0f}")  # fmt: skip
    Console(width=110).print(table)


if __name__ == "__main__":
    asyncio.run(main())
