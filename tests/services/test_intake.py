"""Intake as it runs: asked on its topic, heard on its topic, read over HTTP, and what it keeps where."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import DropText, KeepText, RecordIntake
from contracts.events import IntakeRecorded
from contracts.sharing import ConfirmBases
from contracts.values import Asked
from services.chassis.settings import Settings
from tests.builders import BORN, a_record, an_intake
from tests.processes import ROOT, Processes, plain_http, running
from tests.services.bus import Bus, bus

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Intake:
    bus: Bus
    processes: Processes
    db: Any

    async def kept(self, collection: str, id: object) -> dict[str, Any] | None:
        return await self.db[collection].find_one({"_id": str(id)})

    async def get(self, id: object, agency: str) -> httpx.Response:
        async with plain_http(self.processes.url("intake")) as client:
            return await client.get(f"/v1/intakes/{id}", headers=self.processes.bearer(agency))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def intake(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Intake]:
    """One for all: each test has intakes of its own."""
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    logs = tmp_path_factory.mktemp("intake")
    async with running(network, logs, ("directory", "intake")) as processes, bus(network, "intake") as talk:
        client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value())
        yield Intake(talk, processes, client[network.named("intake")])
        client.close()


def another(command: RecordIntake, **changes: Any) -> RecordIntake:
    """The same command under an id of its own."""
    return command.model_copy(update={"intake_id": uuid4()} | changes)


async def test_an_intake_is_answered_then_told_and_kept_in_two_parts(intake: Intake) -> None:
    command = another(a_record())
    at = datetime(2026, 10, 27, 9, tzinfo=UTC)

    said = await intake.bus.said(await intake.bus.ask(command, at=at), 2)

    assert [type(m.message) for m in said] == [CommandAccepted, IntakeRecorded]
    assert {m.key for m in said} == {str(command.intake_id).encode()}
    assert {m.correlation_id for m in said} == {str(command.intake_id)}
    assert {m.time for m in said} == {at}
    kept, person = await intake.kept("intakes", command.intake_id), await intake.kept("personal", command.intake_id)
    assert person is not None
    assert person["tier1"]["name"]["family"] == "Prova"
    told = str(kept) + "".join(m.value.decode() for m in said)
    for secret in ("Amina", "Prova", "Sintetico", "needs_doctor", command.submitted.tier0.person_ref):
        assert secret not in told
    assert not BORN.search(told)


async def test_the_same_intake_again_gets_the_same_answer_and_nothing_else(intake: Intake) -> None:
    command = another(a_record())
    first = await intake.bus.said(await intake.bus.ask(command), 2)

    again = await intake.bus.ask(command)
    conflicting = await intake.bus.ask(a_record(gender="male").model_copy(update={"intake_id": command.intake_id}))

    [refused] = await intake.bus.said(conflicting)
    assert isinstance(refused.message, CommandRejected)
    assert (refused.message.code, refused.message.pointer) == ("idempotency_conflict", "/idempotency_key")
    assert [m.message for m in await intake.bus.said(again)] == [first[0].message]


async def test_a_refused_intake_leaves_nothing_behind(intake: Intake) -> None:
    command = another(a_record(city_of_intake="milano"))

    [said] = await intake.bus.said(await intake.bus.ask(command))

    assert isinstance(said.message, CommandRejected)
    assert (said.message.code, said.message.asked) == ("wrong_city", command.asked)
    assert await intake.kept("intakes", command.intake_id) is None
    assert await intake.kept("personal", command.intake_id) is None


async def test_its_sender_reads_what_the_network_was_told_and_others_find_nothing(intake: Intake) -> None:
    command = another(a_record(tier2={"narrative": "=1"}))
    _, told = await intake.bus.said(await intake.bus.ask(command), 2)

    own, other = await intake.get(command.intake_id, "pa.comune"), await intake.get(command.intake_id, "pa.accura")

    assert isinstance(told.message, IntakeRecorded)
    beside = {"flags": ["export_escape"], "reviews": [], "confirmed": [], "erased_at": None}
    assert own.json() == told.message.model_dump(mode="json", exclude={"age_band_until"}) | beside
    assert other.status_code == 404
    assert (await intake.get(uuid4(), "pa.comune")).json().items() >= other.json().items()


async def test_a_text_is_kept_under_its_id_and_nothing_is_said_of_it(intake: Intake) -> None:
    text = KeepText(text_id=uuid4(), referral_id=str(uuid4()), agency="pa.accura", text="Riservato")
    after = another(a_record())

    kept = await intake.bus.ask(text)
    await intake.bus.said(await intake.bus.ask(after), 2)

    async with asyncio.timeout(40):
        while (found := await intake.kept("texts", text.text_id)) is None:
            await asyncio.sleep(0.05)
    assert (found["text"], found["agency"]) == ("Riservato", "pa.accura")
    assert await intake.bus.said(kept, 0) == []


async def test_a_text_that_comes_after_its_refusal_is_not_kept(intake: Intake) -> None:
    text = KeepText(text_id=uuid4(), referral_id=str(uuid4()), agency="pa.accura", text="Riservato")

    await intake.bus.ask(DropText(text_id=text.text_id))
    await intake.bus.ask(text)
    other = text.model_copy(update={"text_id": uuid4()})
    await intake.bus.ask(other)

    async with asyncio.timeout(40):
        while not (await intake.kept("texts", text.text_id) and await intake.kept("texts", other.text_id)):
            await asyncio.sleep(0.05)
    await intake.bus.said(await intake.bus.ask(another(a_record())), 2)
    dropped = await intake.kept("texts", text.text_id)
    assert dropped is not None
    assert dropped.keys() == {"_id", "dropped_at"}


async def test_without_a_key_for_the_pseudonyms_production_does_not_begin() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PSEUDONYM_KEY"} | {"STAFFETTA_ENV": "production"}

    begun = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.intake", env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(begun.communicate(), 90)

    assert begun.returncode == 1
    assert said.decode().startswith("PSEUDONYM_KEY is empty")
    assert "Traceback" not in said.decode()


async def test_what_waits_to_be_confirmed_is_read_with_the_intake_by_its_own_agency(intake: Intake) -> None:
    [stated] = an_intake()["tier0"]["sharing_basis"]
    vital = stated | {"basis_id": "vital", "type": "vital_interest"}
    command = another(a_record(sharing_basis=[stated, vital], priority_reason="Rischio immediato"))
    command = command.model_copy(update={"asked": command.asked.model_copy(update={"actor": "pa.comune:w1"})})
    at = datetime.now(UTC).replace(microsecond=0)

    await intake.bus.said(await intake.bus.ask(command, at=at), 3)
    shown = (await intake.get(command.intake_id, "pa.comune")).json()["reviews"]
    by = Asked(agency="pa.comune", command_id="c-1", actor="pa.comune:w2", roles=("supervisor",))
    confirm = ConfirmBases(intake_id=command.intake_id, asked=by, basis_ids=("vital",))
    await intake.bus.said(await intake.bus.ask(confirm, at=at), 2)
    after = (await intake.get(command.intake_id, "pa.comune")).json()

    assert shown == [
        {
            "basis_ids": ["vital"],
            "due_at": f"{at + timedelta(hours=72):%Y-%m-%dT%H:%M:%SZ}",
            "by": ["pa.comune:w1"],
            "reason": "Rischio immediato",
        }
    ]
    [kept] = after["confirmed"]
    assert (after["reviews"], kept["by"], kept["stated_by"]) == ([], "pa.comune:w2", ["pa.comune:w1"])
    assert (await intake.get(command.intake_id, "pa.accura")).status_code == 404
