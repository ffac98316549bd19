"""One gateway as it runs, two agencies of a test's own, and the services behind the gateway played by the test."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from contracts import catalogue, topics
from contracts.answers import CommandAccepted
from contracts.commands import KeepText
from contracts.events import ReferralSent
from contracts.values import Message, PersonFacts
from services.chassis import messages
from services.chassis.kafka import ensure_topics
from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.builders import NOW, REFERRAL_ID, a_statement, an_agency, an_intake
from tests.processes import Processes, plain_http, running

SUBMIT = "staffetta.intake.submit.v1"
TESTS = 17


@dataclass
class Behind:
    """One gateway for all tests of a file, and what it asks of the services behind it.

    cities: each with two agencies that no test has used yet, for topics that come one by one make the group rebalance.
    """

    settings: Settings
    processes: Processes
    producer: AIOKafkaProducer
    asked: AIOKafkaConsumer
    cities: list[str] = field(default_factory=lambda: [f"t{n}" for n in range(TESTS)])

    async def say(
        self, message: Message, *, topic: str = "", key: str = "", id: UUID | None = None, cause: str = ""
    ) -> None:
        """As one of our services would."""
        if row := catalogue.BY_MODEL.get(type(message)):
            topic, key = row.topic.name, row.key_of(message)
        headers = messages.headers(
            id=id or uuid4(), source="/services/test", type=message.TYPE, time=NOW, subject=key, causation_id=cause,
            correlation_id="journey-1", sequence=getattr(message, "version", None), traceparent=None,
        )  # fmt: skip
        value, name = message.model_dump_json().encode(), self.settings.named(topic)
        await self.producer.send_and_wait(name, value, key=key.encode(), headers=headers)

    async def until_there_are_topics(self, *agencies: str, seconds: float) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_url)
        await admin.start()
        wanted = {self.settings.named(f"agencies.{code}.{end}") for code in agencies for end in ("commands", "feed")}
        try:
            async with asyncio.timeout(seconds):
                while not wanted <= set(await admin.list_topics()):
                    await asyncio.sleep(0.1)
        finally:
            await admin.close()

    async def first_answer(self, code: str) -> tuple[Entry, float]:
        """Of an agency that is new: its answer, and how many seconds after the directory told of it."""
        began, new = time.monotonic(), Agency(code, self.settings.kafka_url, f"{self.settings.namespace}-")
        await self.say(an_agency(code))
        await self.until_there_are_topics(code, seconds=30)
        await new.open()
        try:
            await new.say(SUBMIT, b"{", id="m-1")
            return await new.answer("m-1"), time.monotonic() - began
        finally:
            await new.close()


@dataclass
class Two:
    """Two agencies of a test's own: one that sends and one that receives."""

    behind: Behind
    sender: Agency
    receiver: Agency

    async def next_asked(self, seconds: float = 20) -> tuple[dict[str, str], Any]:
        """The next thing that the gateway asks of the services behind it for one of the two."""
        async with asyncio.timeout(seconds):
            while True:
                record = await self.behind.asked.getone()
                headers = {k: v.decode() for k, v in record.headers}
                message: Any = catalogue.BY_TYPE[headers["ce_type"]].model_validate_json(record.value)
                if (message.agency if isinstance(message, KeepText) else message.asked.agency) in self.codes:
                    return headers, message

    async def asks_nothing(self, seconds: float = 1) -> bool:
        try:
            await self.next_asked(seconds)
        except TimeoutError:
            return True
        return False

    async def answer(self, headers: dict[str, str], command: Any) -> None:
        """Intake takes an intake, referral accepts a command."""
        topic = "intakes" if "intake" in headers["ce_type"] else "referrals"
        accepted = CommandAccepted(asked=command.asked, subject=headers["ce_subject"], version=4, state="ACCEPTED")
        id = uuid5(UUID(headers["ce_id"]), "answer")
        await self.behind.say(accepted, topic=topic, key=headers["ce_subject"], id=id, cause=headers["ce_id"])

    @property
    def codes(self) -> tuple[str, str]:
        return self.sender.code, self.receiver.code

    def intake(self, key: str = "k-1", **tier0: Any) -> Entry:
        return an_intake(key, **{"sender": self.sender.code} | tier0)

    def statement(self, command: str = "accept", **fields: Any) -> Entry:
        return a_statement(command, **{"by": self.receiver.code} | fields)

    def referral(self, **known: Any) -> ReferralSent:
        """One of the sender's that was sent to the receiver."""
        given: dict[str, Any] = {
            "referral_id": REFERRAL_ID, "journey_id": uuid4(), "version": 1, "at": NOW, "by": "system",
            "state": "REQUESTED", "service": "health.primary", "priority": "MEDIUM", "hop": 0, "predecessor_id": None,
            "sender_agency": self.sender.code, "sender_queue": "desk", "receiver_agency": self.receiver.code,
            "receiver_queue": "clinic", "offer": "o", "owner": "clinic", "due_at": NOW, "reply_by": NOW,
            "person_ref": "p", "person": PersonFacts(), "rule_set": "network-1", "seat": "none",
            "sender_ref": "CASE-77", "priority_reason": "because",
        }  # fmt: skip
        return ReferralSent(**given | known)

    def commands_topic(self, of: Agency) -> str:
        return self.behind.settings.named(f"agencies.{of.code}.commands")

    @asynccontextmanager
    async def http(self, agency: Agency | str | None, replica: str = "0") -> AsyncIterator[httpx.AsyncClient]:
        code = agency.code if isinstance(agency, Agency) else agency
        bearer = self.behind.processes.bearer(code) if code else {}
        url = self.behind.processes.url("gateway", replica)
        async with plain_http(url, headers=bearer, timeout=30) as client:
            yield client


@asynccontextmanager
async def gateway_alone(engines: Settings, folder: Path) -> AsyncIterator[Behind]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    commands = (topics.INTAKE_COMMANDS, topics.REFERRAL_COMMANDS)
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(settings, folder, ("gateway",), load=()))
        await ensure_topics(settings, [(topic.name, topic) for topic in commands])
        producer = await stack.enter_async_context(AIOKafkaProducer(bootstrap_servers=settings.kafka_url))
        asked = AIOKafkaConsumer(
            *(settings.named(topic.name) for topic in commands),
            bootstrap_servers=settings.kafka_url,
            auto_offset_reset="earliest",
        )
        await stack.enter_async_context(asked)
        behind = Behind(settings, processes, producer, asked)
        codes = [code for city in behind.cities for code in _agencies_of(city)]
        for code in codes:
            await behind.say(an_agency(code))
        await behind.until_there_are_topics(*codes, seconds=60)
        yield behind


@asynccontextmanager
async def two_agencies(behind: Behind) -> AsyncIterator[Two]:
    settings = behind.settings
    sender, receiver = (
        Agency(code, settings.kafka_url, f"{settings.namespace}-") for code in _agencies_of(behind.cities.pop())
    )
    async with AsyncExitStack() as stack:
        for agency in (sender, receiver):
            await agency.open()
            stack.push_async_callback(agency.close)
        yield Two(behind, sender, receiver)


def _agencies_of(city: str) -> tuple[str, str]:
    return f"{city}.comune", f"{city}.accura"
