"""A broker that takes only whom it knows, over TLS, and grants them what they need: the relay runs on it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError

from contracts.topics import CAPACITY, TOPICS
from deploy.local import kafka
from deploy.local.engine import free_port
from services.chassis import kafka as topics
from services.chassis import reaching
from services.chassis.settings import Settings, from_environment
from services.cli import doctor, wire
from services.cli.wire import Entry, Wire
from tests import nursery, rights
from tests.builders import an_intake
from tests.certificates import a_certificate
from tests.networks import forget
from tests.nursery import SERVICES
from tests.processes import PALERMO, Processes, load_directory

pytestmark = [pytest.mark.own_engines, pytest.mark.asyncio(loop_scope="module")]

USER, PASSWORD = "staffetta", "of-tests"
LOGIN = "org.apache.kafka.common.security"
KNOWN = f'required username="{USER}" password="{PASSWORD}"'
AFTERWARDS = (("again", "services.intake.again"), ("ops", "services.cli", "verify"))
"""Who runs which tool, and how, once all is said."""
AGENCIES = {"pa.comune": "comune", "pa.accura": "accura"}
USERS = " ".join(
    f'user_{name}="{PASSWORD}"' for name in (USER, *SERVICES, "loader", "again", "ops", *AGENCIES.values())
)


@dataclass
class Broker:
    """open: its door for whoever reaches it, as the local one's. known: for whom it knows. mutual: for certificates."""

    open: str
    known: str
    mutual: str
    certificate: Path


def doors(pem: Path, ports: dict[str, int], controller: int) -> str:
    """What is added to the properties of the local broker; the last word of each name counts."""
    at = [f"{name}://127.0.0.1:{port}" for name, port in ports.items()]
    authority = pem.with_suffix(".ca")
    authority.write_text(pem.read_text()[pem.read_text().index("-----BEGIN CERTIFICATE") :])
    told: dict[str, Any] = {
        "listeners": ",".join([*at, f"CONTROLLER://127.0.0.1:{controller}"]), "advertised.listeners": ",".join(at),
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,KNOWN:SASL_SSL,MUTUAL:SSL",
        "listener.name.known.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.known.plain.sasl.jaas.config":
            f"{LOGIN}.plain.PlainLoginModule {KNOWN} {USERS};",
        "listener.name.known.scram-sha-512.sasl.jaas.config": f"{LOGIN}.scram.ScramLoginModule required;",
        "listener.name.mutual.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{USER};User:ANONYMOUS;User:CN=127.0.0.1",
    }  # fmt: skip
    for name in ("known", "mutual"):
        told |= {f"listener.name.{name}.ssl.{store}.type": "PEM" for store in ("keystore", "truststore")}
        told |= {f"listener.name.{name}.ssl.keystore.location": pem}
        told |= {f"listener.name.{name}.ssl.truststore.location": authority}
    return "".join(f"{name}={value}\n" for name, value in told.items())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    folder = tmp_path_factory.mktemp("broker")
    pem, plain, format = a_certificate(folder / "broker.pem"), kafka._properties, kafka._format
    ports = {"PLAINTEXT": free_port(), "KNOWN": free_port(), "MUTUAL": free_port()}

    def with_doors(data: Path, port: int, controller: int) -> str:
        return plain(data, port, controller) + (doors(pem, ports, controller) if port == ports["PLAINTEXT"] else "")

    def with_users(java: list[str], properties: Path, log: Path) -> None:
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        _run_with(format, ("--add-scram", user))(java, properties, log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka, "_properties", with_doors)
        patch.setattr(kafka, "_format", with_users)
        running = kafka.start_kafka(folder, ports["PLAINTEXT"])
        open, known, mutual = (f"127.0.0.1:{port}" for port in ports.values())
        yield Broker(open, known, mutual, pem)
        running.stop()


def _run_with(format: Callable[..., None], more: tuple[str, ...]) -> Callable[..., None]:
    def run(java: list[str], properties: Path, log: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            plain = subprocess.run
            patch.setattr(subprocess, "run", lambda argv, **how: plain([*argv, *more], **how))
            format(java, properties, log)

    return run


@pytest.fixture
def told(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of who is let in."""
    known = {"SECURITY": "SASL_SSL", "CA": str(broker.certificate), "USER": USER, "PASSWORD": PASSWORD}
    for name, value in known.items():
        monkeypatch.setenv(f"KAFKA_{name}", value)
    return monkeypatch


@pytest.fixture
def network(broker: Broker, told: pytest.MonkeyPatch, engines: Settings) -> Settings:
    """Of whom the broker grants everything; one of its two addresses is nobody's."""
    told.setenv("KAFKA_URL", f"127.0.0.1:1,{broker.known}")
    told.setenv("MONGO_URL", engines.mongo_url.get_secret_value())
    told.setenv("STAFFETTA_NAMESPACE", f"t{uuid4().hex[:10]}")
    told.setenv("STAFFETTA_ENV", "test")
    return from_environment()


@asynccontextmanager
async def the_relay(network: Settings, told: pytest.MonkeyPatch, folder: Path) -> AsyncIterator[Processes]:
    """Every service under its own name."""
    processes = Processes(network, folder, again=False, environment={"KAFKA_MECHANISM": "PLAIN"})
    try:
        for service in SERVICES:
            await processes.start(service, KAFKA_USER=service)
        await processes.ready()
        told.setenv("KAFKA_MECHANISM", "PLAIN")
        told.setenv("KAFKA_USER", "loader")
        await load_directory(network, PALERMO)
        yield processes
    finally:
        await processes.stop()
        await forget(network)


@asynccontextmanager
async def an_agency(network: Settings, told: pytest.MonkeyPatch, code: str) -> AsyncIterator[Wire]:
    told.setenv("KAFKA_USER", AGENCIES[code])
    reached = wire.opened(network.kafka_url, network.named, [code], from_the_beginning=True, patience_s=60)
    async with reached as agency:
        yield agency


async def heard(agency: Wire, type: str) -> Entry:
    async with asyncio.timeout(60):
        return await anext(entry async for entry in agency.entries() if entry.type == type)


async def test_with_the_rights_that_we_write_down_and_no_others_every_service_does_its_work(
    broker: Broker, told: pytest.MonkeyPatch, network: Settings, tmp_path: Path
) -> None:
    await rights.grant(broker.open, rights.of_services(network.named))
    for code, user in AGENCIES.items():
        await rights.grant(broker.open, rights.of_agency(network.named, code, user))

    async with the_relay(network, told, tmp_path) as relay:
        async with an_agency(network, told, "pa.comune") as sender, an_agency(network, told, "pa.accura") as receiver:
            await sender.say("pa.comune", "staffetta.intake.submit.v1", an_intake(), id="i-1")
            sent = await heard(receiver, "referral.sent")
            about = {"referral_id": sent.body["referral_id"], "agency": "pa.accura"}
            for command in ("acknowledge", "accept"):
                value = about | {"command_id": command, "command": command}
                await receiver.say("pa.accura", f"staffetta.referral.{command}.v1", value, id=command)
            accepted = await heard(sender, "referral.accepted")
        await relay.ready()
        ran = [await nursery.run(*what, environment={**os.environ, "KAFKA_USER": user}) for user, *what in AFTERWARDS]
        ended = [name for name, worker in relay.workers.items() if worker.returncode is not None]
        seen = {user: await _shown(network, user) for user in ("referral", "comune", "accura")}

    assert [one.status for one in ran] == [0, 0], ran
    assert (accepted.body["referral_id"], ended, _refused(tmp_path)) == (sent.body["referral_id"], [], [])
    assert seen == {
        "referral": {topic.name for topic in TOPICS if not topic.one_per_agency},
        **{user: {f"agencies.{code}.commands", f"agencies.{code}.feed"} for code, user in AGENCIES.items()},
    }


def _refused(logs: Path) -> list[str]:
    """What services were not allowed to do."""
    return [line for log in logs.glob("*.log") for line in log.read_text().splitlines() if "Authorization" in line]


def _as(network: Settings, user: str) -> Settings:
    return network.model_copy(update={"kafka_user": user, "kafka_mechanism": "PLAIN"})


async def _shown(network: Settings, user: str) -> set[str]:
    """The topics that the broker shows to this user."""
    admin = AIOKafkaAdminClient(**reaching.broker(_as(network, user)))
    await admin.start()
    try:
        return {name.removeprefix(network.named("")) for name in await admin.list_topics()}
    finally:
        await admin.close()


async def test_a_topic_that_we_may_make_and_not_see_is_named_in_the_log(
    broker: Broker, network: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = network.named(CAPACITY.name)
    await topics.ensure_topics(network, [(CAPACITY.name, CAPACITY)])
    await rights.grant(broker.open, [rights.to(hidden, "housing", rights.CREATE)])
    monkeypatch.setattr(topics, "TOLD_S", 0.5)

    with pytest.raises(TimeoutError):
        await topics.ensure_topics(_as(network, "housing"), [(CAPACITY.name, CAPACITY)])

    await forget(network)
    assert hidden in caplog.text


async def test_a_topic_that_we_see_and_may_not_read_is_named(broker: Broker, network: Settings) -> None:
    unread = network.named(CAPACITY.name)
    await topics.ensure_topics(network, [(CAPACITY.name, CAPACITY)])
    await rights.grant(broker.open, [rights.to(unread, "intake", rights.DESCRIBE)])
    reader = AIOKafkaConsumer(**reaching.broker(_as(network, "intake")), auto_offset_reset="earliest")
    await reader.start()
    reader.assign([TopicPartition(unread, 0)])

    with pytest.raises(TopicAuthorizationFailedError) as fault:
        await asyncio.wait_for(reader.getone(), 30)

    await reader.stop()
    await forget(network)
    assert unread in reaching.kind_of(fault.value)


@pytest.mark.parametrize(("door", "known", "says"), [
    ("known", {}, "topics"),
    ("known", {"MECHANISM": "PLAIN"}, "topics"),
    ("known", {"PASSWORD": "of another"}, "SaslAuthenticationFailed"),
    ("known", {"CA": ""}, "CERTIFICATE_VERIFY_FAILED"),
    ("known", {"SECURITY": "PLAINTEXT"}, "closed"),
    ("mutual", {"SECURITY": "SSL", "CERTIFICATE": "ours"}, "topics"),
    ("mutual", {"SECURITY": "SSL"}, "closed"),
])  # fmt: skip
async def test_who_proves_who_it_is_is_let_in_and_nobody_else_and_is_told_why(
    broker: Broker, told: pytest.MonkeyPatch, door: str, known: dict[str, str], says: str
) -> None:
    for name, value in known.items():
        told.setenv(f"KAFKA_{name}", str(broker.certificate) if value == "ours" else value)

    found = await asyncio.to_thread(doctor.kafka, getattr(broker, door))

    assert (found.well, says in found.found, PASSWORD in str(found)) == (says == "topics", True, False)


@pytest.mark.parametrize(("known", "complaint"), [
    ({"PASSWORD": ""}, "KAFKA_USER and KAFKA_PASSWORD"),
    ({"CA": "/no/such/file"}, "KAFKA_CA"),
    ({"CERTIFICATE": "/no/such/file"}, "KAFKA_CERTIFICATE"),
])  # fmt: skip
async def test_what_cannot_be_meant_is_said_before_anything_starts(
    told: pytest.MonkeyPatch, known: dict[str, str], complaint: str
) -> None:
    for name, value in known.items():
        told.setenv(f"KAFKA_{name}", value)

    with pytest.raises(SystemExit, match=complaint):
        from_environment()


@pytest.mark.parametrize(("name", "held"), [("CA", "of no kind"), ("CERTIFICATE", "without its key")])
async def test_a_file_that_does_not_hold_what_it_should_is_named(
    broker: Broker, told: pytest.MonkeyPatch, tmp_path: Path, name: str, held: str
) -> None:
    file, pem = tmp_path / "file", broker.certificate.read_text()
    file.write_text(held if name == "CA" else pem[pem.index("-----BEGIN CERTIFICATE") :])
    told.setenv(f"KAFKA_{name}", str(file))

    with pytest.raises(SystemExit, match=f"KAFKA_{name}"):
        reaching.broker(from_environment())
