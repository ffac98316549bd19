"""A broker and a store for one run of the tests in containers, on this machine's own address, gone afterwards."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import docker
from docker.errors import DockerException
from pymongo import MongoClient
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from deploy.local import jars, kafka, store
from deploy.local.engine import HOST, free_port
from deploy.local.faults import CannotRun
from deploy.local.lines import progress
from deploy.local.stack import given

MONGO_IMAGE = "mongo:8.0.28"
REPLICA_SET = "staffetta"
PATIENCE_S = 120


def official_kafka() -> str:
    """The official image of the version whose jars the local broker runs."""
    [version] = {jar.coordinates.rpartition(":")[2] for jar in jars.listed() if ":kafka_2.13:" in jar.coordinates}
    return f"apache/kafka:{version}"


def kafka_image() -> str:
    return given(os.environ, "KAFKA_IMAGE") or official_kafka()


def mongo_image() -> str:
    return given(os.environ, "MONGO_IMAGE") or MONGO_IMAGE


@contextmanager
def engines() -> Iterator[dict[str, str]]:
    """KAFKA_URL and MONGO_URL of containers of our own, and what they were made from."""
    if taken := [name for name in ("KAFKA_URL", "MONGO_URL") if given(os.environ, name)]:
        raise CannotRun(f"{taken[0]} already names an engine: unset it, or leave --containers out.")
    _engine_answers()
    # its reaper would listen on every address of this machine, and hold the engine's socket
    testcontainers_config.ryuk_disabled = True
    broker, database = free_port(), free_port()
    with ExitStack() as stack:
        first = _started(_kafka(broker), stack)
        second = _started(_mongo(database), stack)
        url = f"mongodb://{HOST}:{database}/?directConnection=true"
        _until(first, lambda: kafka.answers(broker))
        _until(second, lambda: store.answers(url))
        _until(second, lambda: _is_primary(url, database))
        images = f"{first.image}, {second.image}"
        yield {"KAFKA_URL": f"{HOST}:{broker}", "MONGO_URL": url, "STAFFETTA_CONTAINERS": images}


def _engine_answers() -> None:
    try:
        with closing(docker.from_env()) as client:
            client.ping()
    except DockerException as fault:
        where = os.environ.get("DOCKER_HOST") or "its usual socket"
        raise CannotRun(f"No container engine answers at {where}: start one, or leave --containers out.") from fault


def _kafka(port: int) -> DockerContainer:
    """The same port inside as outside, so that the address which the broker gives its clients holds for itself too."""
    settings = kafka.SETTINGS | {
        "controller.quorum.voters": "1@localhost:9093",
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
    }
    container = DockerContainer(kafka_image()).with_env("KAFKA_HEAP_OPTS", " ".join(kafka.HEAP))
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", str(value))
    return _here(container, port)


def _mongo(port: int) -> DockerContainer:
    """One node that is a replica set: without one there are no transactions."""
    command = ["mongod", "--replSet", REPLICA_SET, "--bind_ip_all", "--wiredTigerCacheSizeGB", "0.25"]
    return _here(DockerContainer(mongo_image()).with_command([*command, "--port", str(port)]), port)


def _here(container: DockerContainer, port: int) -> DockerContainer:
    """Without an address the engine would publish the port on every one that this machine has."""
    container.ports[f"{port}/tcp"] = (HOST, port)  # type: ignore[assignment]  # the engine takes a pair, its types do not
    return container


def _started(container: DockerContainer, until_the_end: ExitStack) -> DockerContainer:
    progress(f"a container of {container.image}\n")
    try:
        return until_the_end.enter_context(container)
    except DockerException as fault:
        raise CannotRun(f"{container.image} cannot be had or started as a container: {fault}") from fault


def _until(container: DockerContainer, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not ready():
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        if wrapped.status != "running" or time.monotonic() > until:
            words = wrapped.logs(tail=5).decode(errors="replace").strip()
            raise CannotRun(f"{container.image} does not answer in its container; its last words:\n{words}")
        time.sleep(0.1)


def _is_primary(url: str, port: int) -> bool:
    """Whether it takes writes; one that is not yet a replica set is made one."""
    with MongoClient[dict[str, object]](url, timeoutMS=10_000) as client:
        said = client.admin.command("hello")
        if "setName" not in said:
            members = [{"_id": 0, "host": f"{HOST}:{port}"}]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        return bool(said.get("isWritablePrimary")) and "setName" in said
