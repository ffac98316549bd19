"""A person erased as the network runs: what goes, what stays, who is told, and that nothing brings it back."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.commands import KeepText
from contracts.erasure import EraseMeeting
from services.chassis.settings import Settings
from tests import nursery
from tests.agency import Agency, Entry
from tests.builders import an_intake
from tests.processes import Processes, plain_http, running
from tests.services.bus import bus
from tests.verified import assert_verified

pytestmark = pytest.mark.asyncio(loop_scope="module")

ERASE = "staffetta.person.erase.v1"
WRITTEN = ("Dorme in stazione", "Nota di chi invia", "Nota di chi riceve", "Stesso documento mostrato")
"""What people wrote of them, beside their names."""


@dataclass
class Person:
    """Somebody whom pa.comune met once, and sent to pa.accura."""

    intake: Entry
    intake_id: str
    ref: str
    referral_id: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.intake["tier1"]["name"].values())


@dataclass
class Network:
    processes: Processes
    sender: Agency
    receiver: Agency
    client: Any

    async def met(self, key: str = "", **tier0: Any) -> Person:
        intake = an_intake(key or f"pa.comune/{uuid4().hex}/1", priority_reason=WRITTEN[0], **tier0)
        intake_id = (await self.submit(intake))["value"]["intake_id"]
        sent = (await self.receiver.event("referral.sent", 60, journey_id=intake_id))["value"]
        return Person(intake, intake_id, sent["person_ref"], sent["referral_id"])

    async def submit(self, intake: Entry, id: str | None = None) -> Entry:
        await self.sender.submit(intake, id=id)
        return await self.sender.answer(intake["idempotency_key"], 60)

    async def say(self, by: Agency, person: Person, command: str, **fields: Any) -> Entry:
        asked = await by.command(person.referral_id, command, **fields)
        return dict((await by.answer(asked, 60))["value"])

    async def erase(self, ref: str, *roles: str, by: str = "pa.comune", id: str = "") -> Entry:
        """As a person of an agency, over HTTP; how it was answered."""
        body = {"command_id": id or uuid4().hex, "agency": by, "person_ref": ref}
        return await self._say(ERASE, body, self.processes.bearer(by, *roles or ("supervisor",)))

    async def as_supervisor(self, agency: str, person: Person, command: str, **fields: Any) -> Entry:
        known = {"command_id": uuid4().hex, "agency": agency, "command": command, "referral_id": person.referral_id}
        bearer = self.processes.bearer(agency, "supervisor")
        return await self._say(f"staffetta.referral.{command}.v1", known | fields, bearer)

    async def note_contact(self, person: Person) -> Entry:
        body = {"command_id": uuid4().hex, "agency": "pa.comune", "intake_id": person.intake_id}
        told = body | {"contact": {"channel": "phone", "value": "+39 091 000000"}}
        return await self._say("staffetta.contact.note.v1", told, self.processes.bearer("pa.comune"))

    async def _say(self, type: str, body: Entry, bearer: dict[str, str]) -> Entry:
        headers = bearer | {"ce-id": body["command_id"], "ce-type": type}
        async with plain_http(self.processes.url("gateway"), timeout=30) as client:
            told = await client.post("/v1/commands", json=body, headers=headers)
            async with asyncio.timeout(60):
                while told.status_code == 202 and told.json()["answer"] is None:
                    told = await client.get(told.json()["location"], headers=headers)
        assert told.status_code in (200, 202, 403), told.text
        return dict(told.json() if told.status_code == 403 else told.json()["answer"])

    async def erased(self, person: Person) -> None:
        """As soon as intake has heard that nobody has the person any more."""
        async with asyncio.timeout(60):
            while (answer := await self.erase(person.ref))["outcome"] == "rejected":
                assert answer["code"] == "invalid_transition"
        await self.sender.event("person.erased", 60, intake_id=person.intake_id)

    async def has_heard(self, person: Person, state: str) -> None:
        """Intake, of where the referral stands: what it is asked before that it may answer otherwise."""
        parties = self.client[self.processes.settings.named("intake")].parties
        async with asyncio.timeout(60):
            while not await parties.find_one({"_id": person.referral_id, "state": state}):
                await asyncio.sleep(0.05)

    async def get(self, path: str, agency: str, service: str = "intake") -> tuple[int, Entry]:
        async with plain_http(self.processes.url(service)) as client:
            told = await client.get(path, headers=self.processes.bearer(agency))
        return told.status_code, dict(told.json())

    async def kept(self, service: str, about: str = "") -> str:
        """All that a service keeps, as text; or what of it names something."""
        db = self.client[self.processes.settings.named(service)]
        docs = [str(doc) for name in await db.list_collection_names() async for doc in db[name].find()]
        return "".join(doc for doc in docs if about in doc)

    async def stop_intake(self) -> None:
        """Until nobody would start it anew either."""
        watching = [task for task in self.processes.watching if not task.done()]
        self.processes.again = False
        self.processes.kill("intake-0")
        await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)

    async def start_intake(self) -> None:
        self.processes.again = True
        await self.processes.start("intake")
        await self.processes.ready()

    async def backup(self) -> dict[str, list[Entry]]:
        """Of intake's database, as it lies while nobody writes."""
        await self.stop_intake()
        db = self.client[self.processes.settings.named("intake")]
        kept = {name: [doc async for doc in db[name].find()] for name in await db.list_collection_names()}
        await self.start_intake()
        return kept

    async def put_back(self, backup: dict[str, list[Entry]], but: tuple[str, ...] = ()) -> None:
        await self.stop_intake()
        db = self.client[self.processes.settings.named("intake")]
        for name in {*await db.list_collection_names()} - {*but}:
            await db[name].delete_many({})
            if backup.get(name):
                await db[name].insert_many(backup[name])

    async def is_asked(self, command_id: str) -> None:
        """The door has passed it on."""
        asked = self.client[self.processes.settings.named("gateway")].asked
        async with asyncio.timeout(60):
            while await asked.find_one({"_id": f"people@pa.comune/command/{command_id}"}) is None:
                await asyncio.sleep(0.05)

    async def is_gone(self, words: tuple[str, ...], service: str = "intake", about: str = "") -> None:
        """What a worker was just asked and said lies with its position until it rests."""
        async with asyncio.timeout(60):
            while (kept := await self.kept(service, about)) and any(word in kept for word in words):
                await asyncio.sleep(0.1)

    async def until(self, path: str, agency: str, status: int) -> Entry:
        async with asyncio.timeout(60):
            while (told := await self.get(path, agency))[0] != status:
                await asyncio.sleep(0.05)
        return told[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with running(settings, tmp_path_factory.mktemp("erasing")) as processes:
        prefix = f"{settings.namespace}-"
        sender, receiver = (Agency(code, settings.kafka_url, prefix) for code in ("pa.comune", "pa.accura"))
        await sender.open()
        await receiver.open()
        client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
        yield Network(processes, sender, receiver, client)
        client.close()
        await sender.close()
        await receiver.close()


async def test_while_somebody_has_the_person_nothing_is_erased_and_the_referral_is_named(network: Network) -> None:
    person = await network.met()
    await network.say(network.receiver, person, "accept")
    await network.until(f"/v1/people/{person.ref}", "pa.accura", 200)

    refused = await network.erase(person.ref)

    assert (refused["code"], refused["status"], refused["pointer"]) == ("invalid_transition", 409, "/person_ref")
    assert (refused["subject"], refused["state"]) == (person.referral_id, "ACCEPTED")
    assert refused["allowed"] == ["withdraw"]
    status, told = await network.get(f"/v1/people/{person.ref}", "pa.accura")
    assert (status, told["tier1"]) == (200, person.intake["tier1"])


async def test_who_has_the_person_since_before_it_was_noted_of_which_meeting_a_referral_came_counts_too(
    network: Network,
) -> None:
    person = await network.met()
    await network.say(network.receiver, person, "accept")
    await network.until(f"/v1/people/{person.ref}", "pa.accura", 200)
    parties = network.client[network.processes.settings.named("intake")].parties
    await parties.update_one({"_id": person.referral_id}, {"$unset": {"journey_id": 1}})

    answer = await network.erase(person.ref)

    assert (answer["code"], answer["subject"]) == ("invalid_transition", person.referral_id)


async def test_only_a_supervisor_of_who_met_the_person_may_ask_for_it(network: Network) -> None:
    person = await network.met()
    body = {"command_id": uuid4().hex, "agency": "pa.comune", "person_ref": person.ref}

    system = (await network.sender.answer(await network.sender.say(ERASE, body, id=body["command_id"]), 60))["value"]
    others = [
        await network.erase(person.ref, "coordinator"),
        await network.erase(person.ref, by="pa.accura"),
        await network.erase("Amina Prova"),
    ]

    assert [told["code"] for told in (system, *others)] == [
        "not_authorised", "not_authorised", "unknown_referral", "unknown_referral",
    ]  # fmt: skip
    kept = await network.kept("intake")
    assert all(name in kept for name in person.names)


async def test_of_a_person_who_is_erased_nothing_is_left_but_codes_and_who_knew_them_is_told_so(
    network: Network,
) -> None:
    person = await network.met()
    await network.say(network.sender, person, "add_note", text=WRITTEN[1])
    await network.say(network.receiver, person, "accept")
    await network.say(network.receiver, person, "add_note", text=WRITTEN[2])
    await network.say(network.receiver, person, "close", closure_outcome="no_longer_needed")
    notes = [e["value"]["text_id"] for e in network.sender.entries if e["value"].get("text_id")][-2:]
    for note in notes:
        await network.until(f"/v1/texts/{note}", "pa.comune", 200)
    before = await network.until(f"/v1/intakes/{person.intake_id}", "pa.comune", 200)

    async with asyncio.timeout(60):  # intake may not have heard yet that it is closed
        while (answer := await network.erase(person.ref))["outcome"] == "rejected":
            assert answer["code"] == "invalid_transition"

    erased = (await network.sender.event("person.erased", 60, intake_id=person.intake_id))["value"]
    assert answer["subject"] == erased["person_ref"] == person.ref
    assert [basis["withdrawn_at"] for basis in erased["sharing_basis"]] == [erased["at"]]
    await network.is_gone((*person.names, person.intake["tier0"]["person_ref"]))
    await network.is_gone((*WRITTEN[1:3], f"'{person.intake_id}', 'text'"))
    after = await network.until(f"/v1/intakes/{person.intake_id}", "pa.comune", 200)
    gone = {"erased_at": erased["at"], "priority_reason": None, "sharing_basis": erased["sharing_basis"]}
    assert after == before | gone
    who_knew = [await network.get(f"/v1/people/{person.ref}", agency) for agency in ("pa.accura", "pa.comune")]
    read = [await network.get(f"/v1/texts/{note}", "pa.comune") for note in notes]
    assert {(status, told["code"]) for status, told in (*who_knew, *read)} == {(410, "person_erased")}
    assert (await network.get(f"/v1/people/{person.ref}", "pa.salute"))[0] == 404
    assert (await network.erase(person.ref))["code"] == "person_erased"
    assert (await network.note_contact(person))["code"] == "person_erased"


async def test_what_was_written_before_and_is_read_only_after_the_erasure_is_not_kept(network: Network) -> None:
    person = await network.met()
    await network.say(network.sender, person, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    await network.erased(person)
    late = KeepText(text_id=uuid4(), referral_id=person.referral_id, agency="pa.comune", text="Letta troppo tardi")

    async with bus(network.processes.settings, "intake") as talk:
        await talk.ask(late)
    async with asyncio.timeout(60):
        while (told := await network.get(f"/v1/texts/{late.text_id}", "pa.comune"))[0] == 404:
            await asyncio.sleep(0.05)

    assert (told[0], told[1].get("code")) == (410, "person_erased")
    assert late.text not in await network.kept("intake")


async def test_under_another_name_that_people_linked_they_are_erased_too_with_why_it_was(network: Network) -> None:
    one = await network.met()
    twin = an_intake(f"pa.comune/{uuid4().hex}/1", services=("legal.documents",)) | {"tier1": one.intake["tier1"]}
    other_id = (await network.submit(twin))["value"]["intake_id"]
    refs = (await network.sender.event("intake.duplicate_suspected", 60, intake_id=other_id))["value"]["person_refs"]
    body = {"command_id": uuid4().hex, "agency": "pa.comune", "decision": "same", "text": WRITTEN[3]}
    await network.sender.say("staffetta.identity.decide.v1", body | {"person_refs": refs}, id=body["command_id"])
    assert (await network.sender.answer(body["command_id"], 60))["value"]["state"] == "SAME"
    await network.say(network.sender, one, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    still = (await network.sender.event("routing.decided", 60, journey_id=other_id))["value"]["referral_id"]

    async with asyncio.timeout(60):  # until intake has heard of both
        while (refused := await network.erase(one.ref))["subject"] != still:
            assert refused["code"] == "invalid_transition"
    asked = await network.sender.command(still, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    await network.sender.answer(asked, 60)
    await network.erased(one)

    erased = (await network.sender.event("person.erased", 60, intake_id=other_id))["value"]
    assert {one.ref, erased["person_ref"]} == {*refs}
    await network.is_gone((*one.names, WRITTEN[3]))


async def test_what_was_open_at_that_very_instant_is_revoked_and_forgotten(network: Network) -> None:
    """As it is when intake has not heard yet that it is open again."""
    person = await network.met()
    await network.say(network.receiver, person, "accept")
    at = datetime.now(UTC)

    async with bus(network.processes.settings, "intake") as talk:
        await talk.ask(EraseMeeting(intake_id=UUID(person.intake_id), at=at))

    revoked = (await network.receiver.event("referral.revoked", 60, referral_id=person.referral_id))["value"]
    told = (await network.receiver.event("referral.person_erased", 60, referral_id=person.referral_id))["value"]
    owed = [e for e in network.receiver.entries if e["type"] == "staffetta.receipt.requested.v1"]
    assert (revoked["revoke_cause"], told["state"], told["obligation"]) == ("person_erased", "REVOKED", None)
    assert [e["value"]["referral_id"] for e in owed].count(person.referral_id) == 1
    assert (await network.until(f"/v1/people/{person.ref}", "pa.accura", 410))["code"] == "person_erased"


async def test_a_receiver_that_took_the_person_in_is_told_and_owes_a_receipt_and_cannot_open_it_again(
    network: Network,
) -> None:
    person = await network.met()
    await network.say(network.receiver, person, "accept")
    await network.say(network.receiver, person, "start", first_contact_at="2026-11-24T09:00:00Z", contact_mode="desk")
    await network.say(network.receiver, person, "close", closure_outcome="served_completed")
    await network.erased(person)

    told = (await network.receiver.event("referral.person_erased", 60, referral_id=person.referral_id))["value"]
    owed = (await network.receiver.event("receipt.requested", 60, referral_id=person.referral_id))["value"]
    again = await network.as_supervisor("pa.accura", person, "reopen", reason_text="Torna a chiedere")
    given = await network.say(network.receiver, person, "confirm_receipt", obligation="deletion_receipt")

    assert (told["state"], told["obligation"], owed["obligation"]) == ("CLOSED", "deletion_receipt", "deletion_receipt")
    assert (again["code"], given["state"]) == ("person_erased", "CLOSED")
    assert (await network.sender.event("referral.person_erased", 60, referral_id=person.referral_id))["value"] == told
    status, left = await network.get(f"/v1/referrals/{person.referral_id}", "pa.accura", "referral")
    assert (status, left["timeline"], left["erased_at"]) == (200, [], told["at"])
    await network.is_gone((WRITTEN[0],), "referral", about=person.intake_id)


async def test_of_what_others_declined_nothing_is_left_to_them_either_and_they_owe_nothing(network: Network) -> None:
    person = await network.met()
    await network.say(network.receiver, person, "decline", decline_reason="language_not_covered")
    await network.erased(person)

    told = (await network.receiver.event("referral.person_erased", 60, referral_id=person.referral_id))["value"]

    assert (told["state"], told["obligation"]) == ("DECLINED", None)
    assert (await network.get(f"/v1/referrals/{person.referral_id}/explanation", "pa.accura", "referral"))[0] == 404


async def test_the_same_intake_again_brings_nothing_back_and_a_new_one_begins_anew(network: Network) -> None:
    person = await network.met()
    await network.say(network.sender, person, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    await network.erased(person)
    key = person.intake["idempotency_key"]
    first = (await network.sender.answer(key))["value"]

    repeated = uuid4().hex
    await network.sender.submit(person.intake, id=repeated)
    async with plain_http(network.processes.url("gateway"), timeout=30) as client:
        async with asyncio.timeout(60):
            while not (
                told := (await client.get(f"/v1/commands/{repeated}", headers=network.processes.bearer("pa.comune")))
                .json()
                .get("answer")
            ):
                await asyncio.sleep(0.1)  # fmt: skip
    await network.is_gone(person.names)
    assert (told["outcome"], told["intake_id"]) == ("accepted", first["intake_id"])

    new = await network.met(f"{key}/2", person_ref=person.intake["tier0"]["person_ref"])
    await network.say(network.receiver, new, "accept")
    shown = await network.until(f"/v1/people/{new.ref}", "pa.accura", 200)
    assert new.ref == person.ref
    assert (shown["intake_id"], shown["tier1"]) == (new.intake_id, new.intake["tier1"])
    kept = await network.kept("intake")
    assert not any(name in kept for name in person.names)


async def test_what_came_to_the_door_before_goes_in_whichever_order_it_is_handled_though_intake_is_killed(
    network: Network,
) -> None:
    person = await network.met()
    await network.say(network.sender, person, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    async with asyncio.timeout(60):
        while (
            await network.client[network.processes.settings.named("intake")].parties.find_one(
                {"_id": person.referral_id}
            )
        )["state"] != "WITHDRAWN":
            await asyncio.sleep(0.05)  # fmt: skip
    await network.stop_intake()
    same = {"person_ref": person.intake["tier0"]["person_ref"]}
    more = [an_intake(f"pa.comune/{uuid4().hex}/1", **same) for _ in range(4)]

    for intake in more:
        await network.sender.submit(intake)
    asked = uuid4().hex
    erasing = asyncio.create_task(network.erase(person.ref, id=asked))
    await network.is_asked(asked)
    await network.start_intake()
    await erasing

    for intake in more:
        told = (await network.sender.answer(intake["idempotency_key"], 60))["value"]
        await network.sender.event("person.erased", 60, intake_id=told["intake_id"])
        await network.is_gone(tuple(intake["tier1"]["name"].values()))
    await network.is_gone(person.names)


async def test_a_store_of_before_erases_again_by_itself_whom_its_commands_still_tell_of(network: Network) -> None:
    person = await network.met()
    await network.say(network.sender, person, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    await network.has_heard(person, "WITHDRAWN")
    backup = await network.backup()
    await network.erased(person)
    await network.is_gone(person.names)

    await network.put_back(backup)
    kept = await network.kept("intake")
    await network.start_intake()

    assert all(name in kept for name in person.names)
    await network.is_gone(person.names)


async def test_every_promise_was_kept(network: Network) -> None:
    await assert_verified(network.processes.settings)


async def test_whom_no_command_tells_of_any_more_the_operator_has_erased_again(network: Network) -> None:
    """As after a lost position that was set to where the topic is now."""
    person = await network.met()
    await network.say(network.sender, person, "withdraw", withdraw_reason="need_resolved", requested_by="person")
    backup = await network.backup()
    await network.erased(person)
    await network.is_gone(person.names)

    await network.put_back(backup, but=("offsets", "inbox"))
    await network.start_intake()
    await network.until(f"/v1/intakes/{person.intake_id}", "pa.comune", 200)
    kept, settings = await network.kept("intake"), network.processes.settings
    environment = os.environ | {
        "KAFKA_URL": settings.kafka_url, "STAFFETTA_NAMESPACE": settings.namespace, "STAFFETTA_ENV": "test",
    }  # fmt: skip
    asked = await nursery.run("services.intake.again", environment=environment)

    assert all(name in kept for name in person.names)
    assert asked.status == 0 and asked.said.startswith("Asked to erase again: "), asked.complaint
    await network.is_gone(person.names)
    assert (await network.get(f"/v1/people/{person.ref}", "pa.comune"))[0] == 410
