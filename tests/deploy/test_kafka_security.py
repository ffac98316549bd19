"""A broker that takes only whom it knows, over TLS: the relay runs on it, and nobody else gets in."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from deploy.local import kafka
from deploy.local.engine import free_port
from services.chassis.settings import Settings, from_environment
from services.cli import doctor
from tests.agency import Agency
from tests.builders import an_intake
from tests.certificates import a_certificate
from tests.processes import running

pytestmark = [pytest.mark.own_engines, pytest.mark.asyncio(loop_scope="module")]

USER, PASSWORD = "staffetta", "of-tests"
LOGIN = "org.apache.kafka.common.security"
KNOWN = f'required username="{USER}" password="{PASSWORD}"'


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
            f'{LOGIN}.plain.PlainLoginModule {KNOWN} user_{USER}="{PASSWORD}";',
        "listener.name.known.scram-sha-512.sasl.jaas.config": f"{LOGIN}.scram.ScramLoginModule required;",
        "listener.name.mutual.ssl.client.auth": "required",
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


async def test_an_intake_becomes_a_referral_over_a_broker_that_knows_who_speaks(
    broker: Broker, told: pytest.MonkeyPatch, engines: Settings, tmp_path: Path
) -> None:
    told.setenv("KAFKA_URL", broker.known)
    told.setenv("MONGO_URL", engines.mongo_url.get_secret_value())
    network = from_environment().model_copy(update={"environment": "test", "namespace": f"t{uuid4().hex[:10]}"})
    async with running(network, tmp_path, ("gateway", "intake", "directory", "referral")):
        sender = Agency("pa.comune", broker.open, f"{network.namespace}-")
        await sender.open()
        id = await sender.submit(an_intake())
        answer, sent = await sender.answer(id), await sender.event("referral.sent")
        await sender.close()

    assert (answer["type"], sent["value"]["state"]) == ("staffetta.command.accepted.v1", "REQUESTED")


@pytest.mark.parametrize(("door", "known", "is_let_in"), [
    ("known", {}, True),
    ("known", {"MECHANISM": "PLAIN"}, True),
    ("known", {"PASSWORD": "of another"}, False),
    ("known", {"CA": ""}, False),
    ("known", {"SECURITY": "PLAINTEXT"}, False),
    ("mutual", {"SECURITY": "SSL", "CERTIFICATE": "ours"}, True),
    ("mutual", {"SECURITY": "SSL"}, False),
])  # fmt: skip
async def test_who_proves_who_it_is_is_let_in_and_nobody_else(
    broker: Broker, told: pytest.MonkeyPatch, door: str, known: dict[str, str], is_let_in: bool
) -> None:
    for name, value in known.items():
        told.setenv(f"KAFKA_{name}", str(broker.certificate) if value == "ours" else value)

    found = await asyncio.to_thread(doctor.kafka, getattr(broker, door))

    assert (found.well, PASSWORD in str(found)) == (is_let_in, False)


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
