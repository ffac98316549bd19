"""Referral as it runs: intakes heard on their topic, commands answered in order, and read over HTTP."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.answers import CommandAccepted, CommandRejected
from contracts.beside import TimerEvent
from contracts.events import ReferralEvent
from contracts.journeys import CompleteTask, TaskOpened
from contracts.notifications import public_code
from contracts.values import Asked, Message
from services.chassis.settings import Settings
from services.referral.domain.needs import referral_id
from services.referral.domain.referral import successor_id
from tests.builders import a_basis, a_command, a_recorded_intake
from tests.processes import Processes, plain_http, running
from tests.services.bus import Bus, bus

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOR_ACCURA = (a_basis(), a_basis("pa.accura"), a_basis("pa.salute"))


@dataclass
class Referrals:
    bus: Bus
    processes: Processes
    db: Any

    async def told(self, journey_id: UUID, *kinds: str, seconds: float = 60) -> list[Message]:
        """What was said of a journey, once each of these types was said (as often as it is named)."""
        wanted = Counter(f"staffetta.{kind}.v1" for kind in kinds)
        async with asyncio.timeout(seconds):
            while True:
                heard = [m for m in self.bus.heard if m.correlation_id == str(journey_id)]
                if not wanted - Counter(m.headers["ce_type"] for m in heard):
                    return [m.message for m in heard if m.message]
                await asyncio.sleep(0.02)

    async def ask(self, command: str, id: UUID, by: str = "pa.accura", **fields: Any) -> list[Message]:
        """The answer to a command and the events that came with it."""
        asked = await self.bus.ask(a_command(command, by=by, referral_id=id, **fields))
        return [m.message for m in await self.bus.said(asked) if m.message]

    async def get(self, path: str, agency: str | None, *roles: str) -> httpx.Response:
        async with plain_http(self.processes.url("referral")) as client:
            return await client.get(path, headers=self.processes.bearer(agency, *roles))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def referrals(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Referrals]:
    """One network with two workers of referral for all tests; each has intakes and people of its own."""
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with (
        running(network, tmp_path_factory.mktemp("referral"), ("directory", "referral", "programmes")) as processes,
        bus(network, "referral") as talk,
    ):
        await processes.start("referral", "1")
        await processes.ready()
        client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
        yield Referrals(talk, processes, client[network.named("referral")])
        client.close()


def an_intake(*services: Any, **known: Any) -> Any:
    id = uuid4()
    given = {"intake_id": id, "person_ref": f"p-{id}", "sharing_basis": FOR_ACCURA, "withhold": ("pa.ponte",)}
    return a_recorded_intake(*services, **given | known)


async def test_an_intake_becomes_a_referral_whose_commands_are_answered_in_order_with_their_events(
    referrals: Referrals,
) -> None:
    intake = an_intake()
    first = referral_id(intake.intake_id, 0)

    await referrals.bus.ask(intake)
    await referrals.told(intake.intake_id, "referral.seat_held")
    for command in ("acknowledge", "accept", "start"):
        await referrals.ask(command, first)
    refused = await referrals.ask("accept", first)
    await referrals.ask("close", first, closure_outcome="served_completed")
    await referrals.told(intake.intake_id, "referral.closed")

    assert isinstance(refused[0], CommandRejected)
    assert refused[0].code == "invalid_transition"
    heard = [m for m in referrals.bus.heard if m.key == str(first).encode() and not isinstance(m.message, TimerEvent)]
    assert [m.headers["ce_type"].removeprefix("staffetta.").removesuffix(".v1") for m in heard] == [
        "command.accepted", "routing.decided", "referral.sent",
        "referral.seat_held",
        "command.accepted", "referral.acknowledged",
        "command.accepted", "referral.accepted",
        "command.accepted", "referral.started",
        "command.rejected",
        "command.accepted", "referral.closed",
    ]  # fmt: skip
    assert [m.message.version for m in heard if isinstance(m.message, ReferralEvent)] == [1, 1, 2, 3, 4, 5, 6]
    assert {m.correlation_id for m in heard} == {str(intake.intake_id)}
    assert await referrals.db.links.count_documents({"referral_id": str(first)}) == 0
    assert await referrals.db.parked.count_documents({}) == 0


async def test_what_people_may_read_of_it(referrals: Referrals) -> None:
    intake, nobody = an_intake(sender_ref="T-1"), an_intake("housing.rent_support")
    first, unmet = (f"/v1/referrals/{referral_id(i.intake_id, 0)}" for i in (intake, nobody))
    await referrals.bus.ask(intake)
    await referrals.bus.ask(nobody)
    await referrals.told(intake.intake_id, "referral.seat_held")
    await referrals.told(nobody.intake_id, "task.opened")

    shown = (await referrals.get(first, "pa.comune")).json()
    assert (shown["state"]["code"], shown["owner"], shown["version"]) == ("REQUESTED", "pa.accura.clinic", 2)
    assert [timer["code"] for timer in shown["timers"]] == ["acknowledge", "decide"]
    assert shown["timeline"][0]["events"] == ["routing.decided", "referral.sent"]

    why = (await referrals.get(f"{first}/explanation", "pa.comune")).json()
    assert why["first"] == why["candidates"][0]["offer"] == "pa.accura.primary"
    assert why["candidates"][0]["rules"][3] == {
        "code": "withheld",
        "label": {"it": "La persona non ha escluso l'ente", "en": "The person has not excluded the agency"},
        "answer": "yes",
    }
    assert why["facts"]["withhold"] == ["pa.ponte"]
    again = (await referrals.get(f"{first}/explanation?replay=true", "pa.comune")).json()
    assert again == why | {"replay": {"same": True, "differs": []}}
    for_receiver = (await referrals.get(f"{first}/explanation", "pa.accura")).text
    assert "pa.ponte" not in for_receiver
    assert "T-1" not in for_receiver
    why_nobody = (await referrals.get(f"{unmet}/explanation", "pa.comune")).json()
    assert (why_nobody["first"], why_nobody["why_nobody"]["code"]) == (None, "no_offer")

    queue = (await referrals.get("/v1/queues?agency=pa.accura", "pa.accura")).json()
    line = next(line for line in queue if line["referral_id"] == shown["referral_id"])
    assert (line["service"]["code"], line["priority"]["code"]) == ("health.primary", "MEDIUM")
    behind = f"/v1/queues?agency=pa.accura&after={quote(queue[-1]['due_at'])}~{queue[-1]['referral_id']}"
    assert (await referrals.get(behind, "pa.accura")).json() == []
    assert (await referrals.get("/v1/queues?agency=pa.accura&after=1", "pa.accura")).status_code == 422
    tasks = (await referrals.get("/v1/tasks?agency=pa.comune", "pa.comune")).json()
    assert [t["kind"] for t in tasks if t["referral_id"] == why_nobody["referral_id"]] == ["no_candidate"]

    for of, reader in ((shown, "pa.accura"), (why_nobody, "pa.comune")):
        code = public_code(UUID(of["referral_id"]), "palermo")
        named = {"code": code, "referral_id": of["referral_id"]}
        assert of is why_nobody or of["code"] == code
        assert (await referrals.get(f"/v1/referrals?code={code}", reader)).json() == [named]
        assert (await referrals.get(f"/v1/referrals?code={code}", "pa.legale")).json() == []

    for path in (first, f"{first}/explanation", "/v1/queues?agency=pa.accura", "/v1/tasks?agency=pa.comune"):
        forbidden, whole = await referrals.get(path, "pa.legale"), await referrals.get(path, None, "network")
        unknown = await referrals.get(f"/v1/referrals/{uuid4()}", "pa.legale")
        assert whole.status_code == 200
        assert (forbidden.status_code, forbidden.content) == (404, unknown.content)
        assert forbidden.headers["content-type"] == "application/problem+json"


async def test_a_declined_need_goes_on_and_a_late_answer_learns_who_has_it(referrals: Referrals) -> None:
    intake = an_intake()
    first = referral_id(intake.intake_id, 0)
    await referrals.bus.ask(intake)
    await referrals.told(intake.intake_id, "referral.seat_held")

    await referrals.ask("decline", first, decline_reason="no_capacity")
    await referrals.told(intake.intake_id, "referral.sent", "referral.sent", "unmet_need.recorded")
    (late,) = await referrals.ask("accept", first)

    assert isinstance(late, CommandRejected)
    assert (late.code, late.successor_id, late.successor_agency) == ("superseded", successor_id(first), "pa.salute")


async def test_after_a_decline_its_sender_has_somebody_else_asked_and_the_new_referral_answers(
    referrals: Referrals,
) -> None:
    intake = an_intake()
    over = referral_id(intake.intake_id, 0)
    await referrals.bus.ask(intake)
    await referrals.told(intake.intake_id, "referral.sent")
    await referrals.ask("decline", over, decline_reason="missing_documents", documents=["stp"])
    await referrals.told(intake.intake_id, "task.opened")

    onward = a_command("open", by="pa.comune", referral_id=over)
    await referrals.bus.ask(onward)
    said = await referrals.told(intake.intake_id, "referral.sent", "referral.sent", "task.done")
    (late,) = await referrals.ask("open", over, by="pa.comune")

    (answer,) = [m for m in said if isinstance(m, CommandAccepted) and m.asked == onward.asked]
    assert (answer.subject, answer.state, answer.version) == (str(successor_id(over)), "REQUESTED", 1)
    before, after = [await referrals.db.referrals.find_one({"_id": str(id)}) for id in (over, successor_id(over))]
    assert (before["state"], before["version"], after["place"]["agency"]) == ("DECLINED", 2, "pa.salute")
    assert isinstance(late, CommandRejected)
    assert (late.code, late.successor_id) == ("superseded", successor_id(over))


async def test_two_who_speak_at_the_same_instant_are_judged_one_after_the_other(referrals: Referrals) -> None:
    intakes = [an_intake() for _ in range(5)]
    for intake in intakes:
        await referrals.bus.ask(intake)
    for intake in intakes:
        await referrals.told(intake.intake_id, "referral.seat_held")

    ids = [referral_id(intake.intake_id, 0) for intake in intakes]
    said = await asyncio.gather(*(referrals.ask("accept", id) for id in ids for _ in range(2)))

    for pair in zip(said[::2], said[1::2], strict=True):
        accepted, refused = sorted((one[0] for one in pair), key=lambda answer: isinstance(answer, CommandRejected))
        assert isinstance(accepted, CommandAccepted)
        assert isinstance(refused, CommandRejected)
        assert (refused.code, refused.state) == ("invalid_transition", "ACCEPTED")


async def test_a_stranger_cannot_tell_a_referral_of_others_from_one_that_does_not_exist(referrals: Referrals) -> None:
    intake = an_intake()
    await referrals.bus.ask(intake)
    await referrals.told(intake.intake_id, "referral.seat_held")

    answers = []
    for id in (referral_id(intake.intake_id, 0), uuid4()):
        asked = await referrals.bus.ask(a_command("accept", by="pa.legale", referral_id=id))
        (refused,) = await referrals.bus.said(asked)
        own = {"ce_id", "ce_time", "ce_subject", "ce_causationid"}
        answers.append(
            (refused.value.replace(str(id).encode(), b"ID"), {k: v for k, v in refused.headers.items() if k not in own})
        )

    assert b"unknown_referral" in answers[0][0]
    assert answers[0] == answers[1]


async def test_a_task_is_done_once_and_by_its_own_agency(referrals: Referrals) -> None:
    intake = an_intake()
    await referrals.bus.ask(intake)
    await referrals.told(intake.intake_id, "referral.seat_held")
    await referrals.ask("decline", referral_id(intake.intake_id, 0), decline_reason="language_not_covered")
    told = await referrals.told(intake.intake_id, "task.opened")
    task = next(m for m in told if isinstance(m, TaskOpened))

    answers = []
    for agency in ("pa.accura", "pa.comune", "pa.comune"):
        done = CompleteTask(task_id=task.task_id, asked=Asked(agency=agency, command_id="c"))
        answers += [(await referrals.bus.said(await referrals.bus.ask(done)))[0].message]

    assert [getattr(a, "code", "accepted") for a in answers] == ["unknown_referral", "accepted", "invalid_transition"]


async def test_many_intakes_of_one_person_at_once_make_one_open_referral(referrals: Referrals) -> None:
    people = [f"p-{uuid4()}" for _ in range(8)]
    intakes = [an_intake(person_ref=person) for person in people for _ in range(5)]

    await asyncio.gather(*(referrals.bus.ask(intake) for intake in intakes))
    answers = [await referrals.told(intake.intake_id, "routing.decided") for intake in intakes]

    linked = [m for told in answers for m in told if isinstance(m, CommandAccepted) and m.linked_referral_id]
    opened = [doc async for doc in referrals.db.referrals.find({"need.person_ref": {"$in": people}})]
    assert Counter(doc["need"]["person_ref"] for doc in opened) == Counter(people)
    assert {str(m.linked_referral_id) for m in linked} == {doc["_id"] for doc in opened}
    assert len(linked) == len(intakes) - len(people)
    assert await referrals.db.parked.count_documents({}) == 0
