"""The sample journeys that need no moved clock end as they are written, over Kafka."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from services.chassis.settings import Settings
from services.referral.domain.needs import referral_id
from tests.agency import Agency
from tests.builders import VALID, Entry, a_draft, an_intake
from tests.journeys.cities import City, a_city, assert_ends_as_written
from tests.journeys.played import JOURNEYS, OFFERS, Played
from tests.processes import plain_http
from tests.verified import assert_verified

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT_ONCE = ("J01", "J02", "J04", "J10", "J12", "J13")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """One Palermo for all: the journeys played here meet at no offer."""
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with a_city(network, tmp_path_factory.mktemp("journeys")) as found:
        yield found


@pytest.mark.parametrize("name", AT_ONCE)
async def test_a_journey_ends_as_it_is_written(city: City, name: str) -> None:
    journey = Played(JOURNEYS[name], city.agencies, city.buses, city.processes)

    await journey.play()

    await assert_ends_as_written(journey)


async def test_with_everything_said_twice_and_workers_killed_the_end_is_the_same(network: Settings, logs: Path) -> None:
    async with a_city(network, logs) as city:
        journeys = [Played(JOURNEYS[name], city.agencies, city.buses, city.processes, twice=True) for name in AT_ONCE]
        killing = asyncio.create_task(city.processes.kill_some(random.Random(5)))
        for journey in journeys:
            await journey.play()
        killing.cancel()
        await city.processes.ready()
        assert city.processes.killed

        for journey in journeys:
            await assert_ends_as_written(journey)
        await assert_verified(city.settings)


async def test_a_caseworker_asks_for_one_more_service_of_a_person_whom_their_desk_has_met(city: City) -> None:
    desk, penc = city.agencies["pa.comune"], city.agencies["pa.penc"]
    met = await _met(desk, "one-more", "pa.salute.mental", household="mother_with_children", household_size=2)
    known = await desk.event("intake.recorded", intake_id=met)
    draft = a_draft(command_id="one-more/1", idempotency_key="one-more", person_ref=known["value"]["person_ref"])

    await desk.say("staffetta.referral.create.v1", draft)
    written = (await desk.answer("one-more/1"))["value"]
    sent = await desk.answer(await desk.command(written["subject"], "send", offer="pa.penc.it"))

    assert (written["state"], sent["value"]["state"]) == ("DRAFT", "REQUESTED")
    asked = await penc.event("referral.sent", referral_id=written["subject"])
    assert (asked["value"]["journey_id"], asked["value"]["offer"]) == (str(met), "pa.penc.it")
    await desk.answer(await desk.command(written["subject"], "withdraw", **VALID["withdraw"]))


async def test_a_supervisor_and_a_coordinator_speak_with_a_token_and_no_system_speaks_for_them(city: City) -> None:
    desk, salute = city.agencies["pa.comune"], city.agencies["pa.salute"]
    referral = await _closed(desk, salute, "with-a-token")
    reopen = {"reason_text": "Torna domani", "referral_id": referral, "agency": "pa.salute", "command": "reopen"}

    by_system = await salute.answer(await salute.command(referral, "reopen", reason_text="Torna domani"))
    async with plain_http(city.processes.url("gateway"), timeout=60) as http:
        without_role = await _post(http, city, "pa.salute", (), reopen | {"command_id": "reopen/1"})
        with_role = await _post(http, city, "pa.salute", ("supervisor",), reopen | {"command_id": "reopen/2"})
        note = {"command_id": "note/1", "referral_id": referral, "command": "add_note", "text": "Sentita la struttura"}
        noted = await _post(http, city, "pa.mobile", ("coordinator",), note | {"agency": "pa.mobile"})
        other = note | {"command_id": "note/2", "agency": "pa.mobile"}
        stranger = await _post(http, city, "pa.mobile", ("supervisor",), other)
        error = note | {"command_id": "error/1", "command": "mark_error_after_accept", "agency": "pa.mobile"}
        wrong = await _post(http, city, "pa.mobile", ("coordinator",), error)

    assert by_system["value"]["code"] == "not_authorised"
    assert (without_role.status_code, without_role.json()["code"]) == (403, "not_authorised")
    assert (with_role.status_code, with_role.json()["answer"]["state"]) == (202, "IN_SERVICE")
    assert noted.json()["answer"]["outcome"] == "accepted"
    assert stranger.json()["answer"]["code"] == "unknown_referral"
    assert wrong.json()["answer"]["state"] == "ENTERED_IN_ERROR"
    await salute.event("receipt.requested", referral_id=referral, obligation="deletion_receipt")


async def test_a_supervisor_who_sends_again_what_their_system_sent_is_answered_and_their_system_not_twice(
    city: City,
) -> None:
    desk, processes = city.agencies["pa.mobile"], city.processes
    intake = an_intake("pa.mobile/sent-twice", sender="pa.mobile", services=("social.assessment",))
    first = await desk.answer(await desk.submit(intake))
    headers = {"ce-type": "staffetta.intake.submit.v1", "ce-id": "by-hand"} | processes.bearer(desk.code, "supervisor")

    async with plain_http(processes.url("gateway"), timeout=30) as http:
        by_hand = (await http.post("/v1/commands", json=intake, headers=headers)).json()["answer"]

    assert (by_hand["outcome"], by_hand["intake_id"]) == ("accepted", first["value"]["intake_id"])
    told = await desk.wait(lambda e: e["value"].get("asked", {}).get("message_id") == "by-hand")
    assert told["value"]["asked"]["roles"] == ["supervisor"]
    assert [e["value"]["asked"]["roles"] for e in desk.answers(intake["idempotency_key"])] == [[], ["supervisor"]]


async def _post(
    http: httpx.AsyncClient, city: City, agency: str, roles: tuple[str, ...], body: Entry
) -> httpx.Response:
    said = {"ce-type": f"staffetta.referral.{body['command']}.v1", "ce-id": body["command_id"]}
    return await http.post("/v1/commands", json=body, headers=said | city.processes.bearer(agency, *roles))


async def _met(desk: Agency, key: str, offer: str, **tier0: Any) -> UUID:
    intake = an_intake(f"{desk.code}/{key}", **tier0)
    intake["tier0"]["services"] = [{"service": OFFERS[offer]["service"], "offer": offer}]
    await desk.submit(intake)
    return UUID((await desk.answer(intake["idempotency_key"]))["value"]["subject"])


async def _closed(desk: Agency, receiver: Agency, key: str) -> str:
    """A referral that its receiver has carried to the end."""
    met = await _met(desk, key, "pa.salute.mental")
    referral = str(referral_id(met, 0))
    await receiver.event("referral.sent", referral_id=referral)
    for command in ("accept", "start", "close"):
        fields = {"first_contact_at": "2026-10-12T09:00:00Z", "contact_mode": "desk"} if command == "start" else {}
        fields |= {"closure_outcome": "served_completed"} if command == "close" else {}
        answer = await receiver.answer(await receiver.command(referral, command, **fields))
        assert answer["value"].get("code") is None, command
    return referral


async def test_after_the_journeys_every_promise_was_kept(city: City) -> None:
    await assert_verified(city.settings)
