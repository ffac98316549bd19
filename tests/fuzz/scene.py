"""The network that is asked: services with people, referrals, tasks and parked messages in them, and who asks."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from contracts.topics import INTAKE_COMMANDS, REFERRAL_COMMANDS
from services.chassis.settings import Settings
from services.cli.verify.network import opened
from tests.builders import an_intake
from tests.processes import RELAY, Processes, plain_http, running

SERVICES = (*RELAY, "notifications")
SENDERS = ("pa.comune", "pa.penc")
SERVICES_ASKED = ("health.primary", "lab.tailoring", "housing.emergency_bed")
ID_FIELDS = ("referral_id", "intake_id", "task_id", "person_ref", "code", "command_id")
VOICES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "a sender": ("pa.comune", ()),
    "a receiver": ("pa.accura", ()),
    "a stranger": ("pa.legale", ()),
    "a caseworker": ("pa.penc", ("caseworker",)),
    "a supervisor": ("pa.comune", ("supervisor",)),
    "a coordinator": ("pa.comune", ("coordinator",)),
    "an agency that nobody knows": ("zz.nobody", ()),
    "the network": (None, ("network",)),
    "an auditor": (None, ("auditor",)),
    "ops": (None, ("ops",)),
}
"""Agency and roles of those who have a token."""


@dataclass
class Scene:
    """urls: by service. known: things that are there, by the name that parameters give them. said: what may be posted.

    headers: of each voice; of some the token is none, or none of ours.
    """

    urls: dict[str, str]
    headers: dict[str, dict[str, str]]
    known: dict[str, list[str]] = field(default_factory=dict)


@asynccontextmanager
async def scene(settings: Settings, folder: Path) -> AsyncIterator[Scene]:
    told = {"SMTP_URL": "smtp://127.0.0.1:1"}  # nobody takes mails: notices stay on their way
    async with running(settings, folder, SERVICES, environment=told) as processes:
        found = Scene({name: processes.url(name) for name in SERVICES}, _voices(processes))
        await _live(settings, processes)
        await _look_around(found, processes)
        yield found


def _voices(processes: Processes) -> dict[str, dict[str, str]]:
    tokens = {name: processes.token(agency, *roles, seconds=86_400) for name, (agency, roles) in VOICES.items()}
    header, claims, signature = tokens["ops"].split(".")
    of_a_stranger = f"{header}.{claims}.{signature[::-1]}"
    late = processes.token(None, "ops", seconds=-3600)
    tokens |= {"forged": of_a_stranger, "late": late, "garbled": "x"}
    return {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()} | {"nobody": {}}


STRANGERS = frozenset({"forged", "late", "garbled", "nobody"})
"""Voices that no service believes."""


async def _live(settings: Settings, processes: Processes) -> None:
    """Intakes, an answer to some of what came of them, and messages that can never work."""
    async with plain_http(processes.url("gateway"), timeout=30) as client:
        for sender in SENDERS:
            stated = an_intake(f"{sender}/fuzz/1", sender=sender, services=SERVICES_ASKED)
            headers = processes.bearer(sender) | {"ce-id": f"{sender}-1", "ce-type": "staffetta.intake.submit.v1"}
            (await client.post("/v1/commands", json=stated, headers=headers)).raise_for_status()
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_url) as producer:
        for topic in (INTAKE_COMMANDS, REFERRAL_COMMANDS):
            for number in range(20):
                await producer.send_and_wait(settings.named(topic.name), b"{", key=f"broken-{number}".encode())
    async with opened(settings) as network:
        await network.settle(30)


async def _look_around(found: Scene, processes: Processes) -> None:
    """What can be known of the network by who reads all that it tells."""
    known: dict[str, set[str]] = {"agency": {"pa.comune", "pa.accura"}, "action": {"replay", "discard"}}
    async with plain_http(timeout=30) as client:
        for agency in ("pa.comune", "pa.accura", "pa.penc", "pa.astalli"):
            feed = await client.get(f"{found.urls['gateway']}/v1/feed", headers=processes.bearer(agency))
            _collect(feed.json(), known)
        offers = (await client.get(f"{found.urls['directory']}/v1/offers")).json()
        known["offer"] = {str(offer["id"]) for offer in offers}
        for name in ("intake", "referral"):
            parked = await client.get(f"{found.urls[name]}/ops/parked", headers=processes.bearer(None, "ops"))
            known.setdefault("message_id", set()).update(one["id"] for one in parked.json())
    known["code"] |= known["agency"]
    known["queue"] = {f"{agency}.desk" for agency in known["agency"]}
    found.known = {name: sorted(values) for name, values in known.items()}


def _collect(told: Any, known: dict[str, set[str]]) -> None:
    for name, value in _fields(told):
        if name in ID_FIELDS and isinstance(value, str):
            known.setdefault(name, set()).add(value)
        if name.endswith("_agency") and isinstance(value, str):
            known["agency"].add(value)


def _fields(told: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(told, dict):
        for name, value in told.items():
            yield name, value
            yield from _fields(value)
    elif isinstance(told, list):
        for one in told:
            yield from _fields(one)
