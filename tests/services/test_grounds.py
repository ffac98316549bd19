"""Sending and the end of a basis at one instant: two workers of referral on one store, each in the other's way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from contracts import catalogue
from contracts.answers import CommandRejected
from contracts.commands import OpenReferral, ReferralCommand
from contracts.events import ReferralSent
from contracts.sharing import KeepSharing, SharingBasisExpired
from contracts.topics import Topic
from contracts.values import Message
from services.chassis.ledger import Ledger
from services.chassis.messages import Incoming
from services.chassis.settings import Settings
from services.referral.domain import needs
from services.referral.handlers import handlers
from tests.builders import NOW, a_basis, a_command, a_recorded_intake, an_agency, an_offer

SALUTE = an_offer("pa.salute.primary", queue="pa.salute.desk")
WITHDRAWN = a_basis("city:palermo", withdrawn_at=NOW)


async def at_once() -> None:
    """What was owed before is on its topics."""


@dataclass
class Worker:
    """One worker without its loop: what it is given is handled in one transaction, and what it says comes back."""

    ledger: Ledger
    partition: int
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)

    async def open(self) -> None:
        await self.ledger.open()
        routes = self.ledger.routes
        self.offsets = {(name, self.partition): 0 for name in routes}
        await self.ledger.claim(dict(self.offsets))

    async def handle(self, message: Message, published: Any = at_once) -> list[Message]:
        incoming = self._read(message, catalogue.BY_MODEL[type(message)].topic)
        here = {incoming.source: incoming.offset}
        said = await self.ledger.process([incoming], here, {incoming.source: incoming.offset + 1}, published)
        self.offsets[incoming.source] += 1
        return [self._said(out) for out in (said or {}).get(incoming.source, [])]

    def _read(self, message: Message, topic: Topic) -> Incoming:
        name = self.ledger.settings.named(topic.name)
        key = catalogue.BY_MODEL[type(message)].key_of(message).encode()
        at = self.offsets[name, self.partition]
        return Incoming(uuid4(), topic, name, self.partition, at, key, b"", {}, NOW, message)

    @staticmethod
    def _said(out: Any) -> Message:
        model = catalogue.BY_TYPE[dict(out.headers)["ce_type"].decode()]
        return model.model_validate_json(out.value)


@pytest.fixture
async def workers(network: Settings) -> AsyncIterator[tuple[Worker, Worker]]:
    clients: list[Any] = [AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True) for _ in range(2)]
    made = [
        Worker(Ledger(client, client[network.named("referral")], "referral", handlers.routes, network), partition)
        for partition, client in enumerate(clients)
    ]
    for worker in made:
        await worker.open()
    yield made[0], made[1]
    for client in clients:
        client.close()


async def a_successor(worker: Worker) -> tuple[OpenReferral, KeepSharing]:
    """Accura was asked and declined: Salute is to be asked; and the end of the one basis that covers both."""
    for entry in (an_agency(), an_agency("pa.salute"), an_offer(), SALUTE):
        await worker.handle(entry)
    intake = a_recorded_intake(intake_id=uuid4(), person_ref=f"p-{uuid4()}")
    for command in needs.set_going(intake):
        await worker.handle(command)
    first = needs.referral_id(intake.intake_id, 0)
    said = await worker.handle(a_command("decline", referral_id=first))
    ended = KeepSharing(journey_id=intake.intake_id, version=2, sharing_basis=(WITHDRAWN,))
    return next(m for m in said if isinstance(m, OpenReferral)), ended


@pytest.mark.parametrize("order", ["sent, then ended", "ended, then sent"])
async def test_of_two_at_one_instant_one_looks_again_and_nothing_stays_open(
    workers: tuple[Worker, Worker], order: str
) -> None:
    opener, ender = workers
    successor, ended = await a_successor(opener)
    both: list[tuple[Worker, Message]] = [(opener, successor), (ender, ended)]
    first, second = both if order == "sent, then ended" else reversed(both)

    written, go = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        written.set()
        await go.wait()

    slow = asyncio.create_task(first[0].handle(first[1], held))
    await written.wait()
    with pytest.raises(PyMongoError) as conflict:
        await second[0].handle(second[1])
    go.set()
    said = await slow + await second[0].handle(second[1])

    assert conflict.value.has_error_label("TransientTransactionError")
    sent = [m for m in said if isinstance(m, ReferralSent)]
    revoked = [m for m in said if isinstance(m, ReferralCommand) and m.command == "revoke"]
    refused = [m for m in said if isinstance(m, CommandRejected)]
    assert [m.referral_id for m in sent] == [m.referral_id for m in revoked]
    assert len(sent) == (1 if order == "sent, then ended" else 0)
    assert [m.code for m in refused] == ([] if sent else ["no_candidate"])


async def test_two_services_of_one_intake_do_not_wait_for_each_other(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    await a_successor(one)
    await one.handle(an_offer("pa.accura.mental", service="health.mental"))
    intake = a_recorded_intake("health.primary", "health.mental", intake_id=uuid4(), person_ref=f"p-{uuid4()}")
    _, *opens = needs.set_going(intake)
    written, go = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        written.set()
        await go.wait()

    slow = asyncio.create_task(one.handle(opens[0], held))
    await written.wait()
    said = await other.handle(opens[1])
    go.set()

    assert [type(m) for m in said + await slow].count(ReferralSent) == 2


async def test_a_change_that_comes_before_the_referral_is_opened_counts_for_it(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    await a_successor(one)
    intake = a_recorded_intake(intake_id=uuid4(), person_ref=f"p-{uuid4()}")
    begin, open_it = needs.set_going(intake)
    over = SharingBasisExpired(
        intake_id=intake.intake_id, version=2, at=NOW, sender_agency="pa.comune", basis_ids=("b1",),
        sharing_basis=(a_basis(valid_to="2026-10-26"),),
    )  # fmt: skip

    await one.handle(begin)
    await one.handle(needs.shared(over))
    said = await other.handle(open_it)

    assert [m.code for m in said if isinstance(m, CommandRejected)] == ["no_candidate"]
