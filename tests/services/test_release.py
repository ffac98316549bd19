"""Contact data as a receiver fetches it: from acceptance to the end, as far as the basis goes, each asking kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.builders import VALID, an_intake
from tests.collector import Span, collector
from tests.processes import Processes, plain_http, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "p_" + "0" * 20
PERSONAL = ("Amina", "Prova", "1995-03-14", "Sintetico", "needs_doctor")
TIER1 = {"name": {"given": "Amina", "family": "Prova"}, "birth_date": {"value": "1995-03-14", "precision": "day"}}


@dataclass
class Case:
    """One person of pa.comune, asked for by pa.accura."""

    network: "Network"
    person_ref: str
    referral_id: str

    async def say(self, command: str) -> None:
        known = {name: value for name, value in VALID.get(command, {}).items() if name != "first_contact_at"}
        receiver = self.network.receiver
        asked = await receiver.command(self.referral_id, command, **known)
        assert (await receiver.answer(asked, 40))["type"] == "staffetta.command.accepted.v1"

    async def get(self, agency: str | None = "pa.accura", ref: str = "") -> httpx.Response:
        return await self.network.get(f"/v1/people/{ref or self.person_ref}", self.network.processes.bearer(agency))

    async def until(self, status: int, seconds: float = 60) -> httpx.Response:
        """What intake answers once it has learned of what happened."""
        async with asyncio.timeout(seconds):
            while (response := await self.get()).status_code != status:
                await asyncio.sleep(0.05)
        return response

    async def reads(self) -> list[Entry]:
        auditor = self.network.processes.bearer(None, "auditor")
        response = await self.network.get(f"/v1/reads?person_ref={self.person_ref}&limit=500", auditor)
        return list(reversed(response.json()["entries"]))


@dataclass
class Network:
    processes: Processes
    spans: list[Span]
    sender: Agency
    receiver: Agency

    async def get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        async with plain_http(self.processes.url("intake")) as client:
            return await client.get(path, headers=headers)

    async def search(self, headers: dict[str, str], name: str = "prova AMÌNA") -> dict[str, Entry]:
        """By the intake at which they were met."""
        async with plain_http(self.processes.url("intake")) as client:
            told = await client.post("/v1/search/people", json={"name": name}, headers=headers)
        assert told.status_code == 200, told.text
        return {one["intake_id"]: one for one in told.json()["entries"]}

    async def case(self, *bases: Entry, tier1: Entry = TIER1, **tier0: Any) -> Case:
        """A referral that pa.accura was sent."""
        key = f"pa.comune/{uuid4().hex}/1"
        intake = an_intake(key, **tier0) | {"tier1": tier1}
        basis = intake["tier0"]["sharing_basis"][0]
        intake["tier0"]["sharing_basis"] = [basis | {"basis_id": f"b{n}"} | given for n, given in enumerate(bases)]
        await self.sender.submit(intake)
        journey = (await self.sender.answer(key, 40))["value"]["intake_id"]
        sent = (await self.receiver.event("referral.sent", 40, journey_id=journey))["value"]
        return Case(self, sent["person_ref"], sent["referral_id"])

    async def restart_intake(self, **environment: str) -> None:
        """Killed, and started anew with other settings."""
        self.processes.again = False
        self.processes.kill("intake-0")
        await self.processes.workers["intake-0"].wait()
        await self.processes.start("intake", **environment)
        await self.processes.ready()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    logs = tmp_path_factory.mktemp("release")
    async with collector() as (url, spans):
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with running(settings, logs, environment=tracing) as processes:
            prefix = f"{settings.namespace}-"
            sender, receiver = (Agency(code, settings.kafka_url, prefix) for code in ("pa.comune", "pa.accura"))
            await sender.open()
            await receiver.open()
            yield Network(processes, spans, sender, receiver)
            await sender.close()
            await receiver.close()


async def test_a_receiver_reads_the_person_from_its_acceptance_to_the_end_though_intake_is_killed_in_between(
    network: Network,
) -> None:
    case = await network.case({"scope": "tier1"})
    before = await case.get()
    await case.say("acknowledge")
    seen = await case.get()

    network.processes.kill("intake-0")
    await case.say("accept")
    await network.processes.ready()
    told = await case.until(200)
    await network.restart_intake()
    again, others = await case.get(), [await case.get(who) for who in ("pa.comune", "pa.salute", "zz.none", None)]
    await case.say("close")
    after = await case.until(404)

    journey = (await network.receiver.event("referral.sent", person_ref=case.person_ref))["value"]["journey_id"]
    assert told.json() == again.json() == {
        "person_ref": case.person_ref, "referral_id": case.referral_id, "intake_id": journey, "tier1": TIER1,
    }  # fmt: skip
    assert told.headers["cache-control"] == "no-store"
    nobody = await case.get(ref=NOBODY)
    refused = [before, seen, *others, after, nobody, await case.get(ref="Amina%20Prova")]
    assert {(r.status_code, r.text, r.headers["content-type"]) for r in refused} == {
        (404, nobody.text, "application/problem+json")
    }


async def test_each_asking_is_kept_with_who_and_what_and_shown_to_auditors_alone(network: Network) -> None:
    case = await network.case({"scope": "tier1"})
    await case.get("pa.salute")
    await case.say("accept")
    await case.until(200)
    await network.restart_intake()

    first, *refused, last = await case.reads()

    known = {"person_ref": case.person_ref, "agency": "pa.salute", "actor": "pa.salute:system", "referral_id": None}
    assert (known | {"tiers": [], "refused": "no_accepted_referral"}).items() <= first.items()
    known |= {"agency": "pa.accura", "actor": "pa.accura:system", "referral_id": case.referral_id}
    assert (known | {"tiers": ["tier1"], "refused": None}).items() <= last.items()
    assert all(read["tiers"] == [] for read in refused)
    assert abs(datetime.fromisoformat(last["at"]) - datetime.now(UTC)) < timedelta(minutes=10)

    bearers = [network.processes.bearer("pa.accura"), network.processes.bearer(None, "network")]
    assert [(await network.get("/v1/reads", bearer)).status_code for bearer in bearers] == [404, 404]
    ops = network.processes.bearer(None, "ops")
    page = (await network.get(f"/v1/reads?person_ref={case.person_ref}&limit=1", ops)).json()
    older = (await network.get(f"/v1/reads?person_ref={case.person_ref}&limit=1&before={page['next']}", ops)).json()
    assert page["entries"] == [last]
    assert older["entries"][0]["id"] < last["id"]


async def test_who_the_person_is_is_told_to_who_works_for_the_agency_and_to_no_other_role_of_it(
    network: Network,
) -> None:
    case = await network.case({"scope": "tier1"})
    await case.say("accept")
    await case.until(200)

    async def status(*roles: str) -> int:
        bearer = network.processes.bearer("pa.accura", *roles)
        return (await network.get(f"/v1/people/{case.person_ref}", bearer)).status_code

    works = [await status(*roles) for roles in ((), ("caseworker",), ("supervisor", "coordinator"))]
    others = [await status(role) for role in ("coordinator", "auditor", "national", "ops")]
    assert (works, others) == ([200] * 3, [404] * 4)
    assert [read["refused"] for read in await case.reads()][-4:] == ["no_accepted_referral"] * 4


async def test_what_an_agency_is_told_and_what_it_received_is_read_by_who_works_for_it_and_by_no_other_role(
    network: Network,
) -> None:
    case = await network.case({"scope": "tier1"})
    await network.receiver.answer(await network.receiver.command(case.referral_id, "add_note", text="Una nota"), 40)
    noted = (await network.receiver.event("referral.note_added", 40, referral_id=case.referral_id))["value"]
    asked = {"gateway": "/v1/feed?limit=1", "referral": f"/v1/referrals/{case.referral_id}",
             "intake": f"/v1/texts/{noted['text_id']}"}  # fmt: skip

    async def statuses(service: str, *roles: tuple[str, ...]) -> list[int]:
        async with plain_http(network.processes.url(service)) as client:
            bearers = [network.processes.bearer("pa.accura", *some) for some in roles]
            return [(await client.get(asked[service], headers=bearer)).status_code for bearer in bearers]

    async with asyncio.timeout(40):
        while await statuses("intake", ()) != [200]:
            await asyncio.sleep(0.05)
    for service, refused in (("gateway", 403), ("referral", 404), ("intake", 404)):
        assert await statuses(service, (), ("caseworker",), ("supervisor", "coordinator")) == [200] * 3
        assert await statuses(service, ("coordinator",), ("auditor",), ("ops",)) == [refused] * 3


async def test_what_is_no_pseudonym_is_not_kept_for_it_could_be_a_name(network: Network) -> None:
    case = await network.case({"scope": "tier1"})

    await case.get(ref="Amina%20Prova")

    ops = network.processes.bearer(None, "ops")
    entries = (await network.get("/v1/reads?agency=pa.accura&limit=500", ops)).json()["entries"]
    assert (entries[0]["person_ref"], entries[0]["refused"]) == (None, "unknown_person")
    assert "Amina" not in json.dumps(entries)


async def test_sensitive_data_go_out_only_with_a_basis_of_their_own_scope(network: Network) -> None:
    wide = await network.case({"scope": "tier0"}, {"scope": "tier2", "recipient": "pa.accura"})
    narrow = await network.case({"scope": "tier0"})
    await narrow.say("accept")
    await wide.say("accept")

    told = (await wide.until(200)).json()

    assert told["tier1"] == TIER1
    assert {"needs": ["needs_doctor"], "narrative": "Sintetico."}.items() <= told["tier2"].items()
    async with asyncio.timeout(40):
        while (await narrow.get()).status_code == 404 and (await narrow.reads())[-1]["refused"] != "not_covered":
            await asyncio.sleep(0.05)
    assert (await narrow.get()).status_code == 404


async def test_a_basis_that_is_over_tells_no_more_whether_or_not_the_referral_is_revoked_yet(network: Network) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    case = await network.case({"scope": "tier1", "valid_to": tomorrow})
    await case.say("accept")
    await case.until(200)

    ahead = network.processes.folder / "ahead"
    ahead.write_text(str(3 * 86_400))
    await network.restart_intake(CLOCK_FILE=str(ahead))

    assert (await case.get()).status_code == 404
    assert (await case.reads())[-1]["refused"] in ("not_covered", "no_accepted_referral")
    revoked = (await network.receiver.event("referral.revoked", referral_id=case.referral_id))["value"]
    await network.restart_intake()
    assert revoked["revoke_cause"] == "basis_expired"
    await case.until(404)  # it may have been killed before it heard of it


async def test_people_are_asked_for_by_name_by_who_works_for_an_agency_and_each_is_kept_without_it(
    network: Network,
) -> None:
    case = await network.case({"scope": "tier1"})
    await case.say("accept")
    told = (await case.until(200)).json()
    voices = {
        "its own system": network.processes.bearer("pa.comune"), "who took in": network.processes.bearer("pa.accura"),
        "a caseworker": network.processes.bearer("pa.comune", "caseworker"),
        "a coordinator": network.processes.bearer("pa.comune", "coordinator"),
        "a stranger": network.processes.bearer("pa.salute"), "an auditor": network.processes.bearer(None, "auditor"),
    }  # fmt: skip

    found = {who: await network.search(bearer) for who, bearer in voices.items()}

    assert {who for who, people in found.items() if told["intake_id"] in people} == {
        "its own system", "who took in", "a caseworker",
    }  # fmt: skip
    assert [people for who, people in found.items() if who in ("a coordinator", "a stranger", "an auditor")] == [{}] * 3
    taken_in = found["who took in"][told["intake_id"]]
    assert taken_in == {"person_ref": case.person_ref, "intake_id": told["intake_id"],
                        "referral_id": case.referral_id, **TIER1}  # fmt: skip
    kept = [read for read in await case.reads() if read["tiers"]]
    assert [read["actor"] for read in kept[-3:]] == ["pa.comune:system", "pa.accura:system", "pa.comune:system"]
    ops = network.processes.bearer(None, "ops")
    entries = (await network.get("/v1/reads?agency=pa.salute&limit=500", ops)).json()["entries"]
    assert (entries[0]["person_ref"], entries[0]["refused"]) == (None, "nobody_found")
    assert "Amina" not in json.dumps(entries) and "Amina" not in json.dumps(kept)


@pytest.mark.parametrize("body", [b"{}", b'{"name": ""}', b'{"name": "a", "more": 1}', b"Amina", b"\xff"])
async def test_a_name_that_cannot_be_read_is_refused_and_not_repeated(network: Network, body: bytes) -> None:
    async with plain_http(network.processes.url("intake")) as client:
        told = await client.post("/v1/search/people", content=body, headers=network.processes.bearer("pa.comune"))

    assert told.status_code == 422 and "Amina" not in told.text


async def test_what_was_written_with_a_command_is_kept_once_it_is_taken_and_not_when_it_is_refused(
    network: Network,
) -> None:
    case = await network.case({"scope": "tier1"})
    taken = await network.receiver.command(case.referral_id, "add_note", text="Una nota")
    refused = await network.receiver.command(
        case.referral_id, "close", closure_outcome="served_completed", text="Troppo presto"
    )
    assert (await network.receiver.answer(taken, 40))["type"] == "staffetta.command.accepted.v1"
    assert (await network.receiver.answer(refused, 40))["value"]["code"] == "invalid_transition"

    settings = network.processes.settings
    store: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    texts = store[settings.named("intake")].texts
    async with asyncio.timeout(40):
        while await texts.count_documents({"referral_id": case.referral_id}) != 1 or not await texts.find_one(
            {"dropped_at": {"$ne": None}}
        ):
            await asyncio.sleep(0.05)
    kept = [doc["text"] async for doc in texts.find({"referral_id": case.referral_id})]
    store.close()
    assert kept == ["Una nota"]


async def test_neither_logs_nor_spans_say_who_was_asked_for(network: Network) -> None:
    case = await network.case({"scope": "tier1"})
    await case.say("accept")
    await case.until(200)
    route = ("http.route", "/v1/people/{person_ref}")

    async with asyncio.timeout(40):
        while not any(route in span.attributes for span in network.spans):
            await asyncio.sleep(0.1)

    secrets = (*PERSONAL, "pa.comune:t1", case.person_ref)
    said = logs_in(network.processes.folder) + repr(network.spans)
    assert not [secret for secret in secrets if secret in said]


def logs_in(folder: Path) -> str:
    return "".join(path.read_text("utf-8", "replace") for path in folder.glob("*.log"))


# -- a contact that is not to be used ----------------------------------------------------------------------------------
PHONE, OTHER = ({"channel": "phone", "value": f"+39 000 000000{n}", "safe": True} for n in (1, 2))
NOTE = "staffetta.contact.note.v1"


async def noted(by: Agency, case: Case, journey: str, **said: Any) -> Entry:
    """How it was answered."""
    id = uuid4().hex
    await by.say(NOTE, {"command_id": id, "intake_id": journey, "agency": by.code} | said, id=id)
    answer: Entry = (await by.answer(id, 40))["value"]
    return answer


async def test_who_has_accepted_marks_a_phone_that_an_abuser_holds_and_who_recorded_it_learns_by_whom(
    network: Network,
) -> None:
    case = await network.case({"scope": "tier1"}, tier1=TIER1 | {"contact": PHONE})
    journey = (await network.receiver.event("referral.sent", person_ref=case.person_ref))["value"]["journey_id"]
    change: Entry = {"not_to_be_used": 1, "why": "unsafe", "contact": OTHER}

    too_early = await noted(network.receiver, case, journey, **change)
    await case.say("accept")
    before = (await case.until(200)).json()
    taken = await noted(network.receiver, case, journey, **change)
    event = (await network.sender.event("contact.noted", 40, intake_id=journey))["value"]
    after = (await case.get()).json()
    by_sender = await noted(network.sender, case, journey, not_to_be_used=2, why="wrong")
    then = (await case.get()).json()
    wrong = {"referral_id": case.referral_id, "why": "wrong"}
    heard = (await network.receiver.event("referral.contact_noted", 40, **wrong))["value"]
    await case.say("close")
    await case.until(404)
    too_late = await noted(network.receiver, case, journey, contact=OTHER)

    assert before["tier1"]["contact"] == PHONE and before["contacts"] == [
        {"number": 1, "contact": PHONE, "noted_by": "pa.comune"}
    ]
    assert [answer.get("code") for answer in (too_early, taken, by_sender, too_late)] == [
        "unknown_referral", None, None, "unknown_referral",
    ]  # fmt: skip
    told = {name: event.get(name) for name in ("sender_agency", "by", "further", "not_to_be_used", "why")}
    assert told == {"sender_agency": "pa.comune", "by": "pa.accura", "further": 2, "not_to_be_used": 1, "why": "unsafe"}
    assert {name: heard.get(name) for name in ("not_to_be_used", "why", "further")} == {
        "not_to_be_used": 2, "why": "wrong", "further": None,
    }, "who has the person looks again"  # fmt: skip
    avoided = PHONE | {"safe": False, "may_leave_message": False}
    assert after["tier1"]["contact"] == avoided
    shown = [(one["number"], one["contact"], one["noted_by"], one.get("not_to_be_used")) for one in after["contacts"]]
    assert shown == [(1, avoided, "pa.comune", "unsafe"), (2, OTHER, "pa.accura", None)]
    assert [one["not_to_be_used_by"] for one in then["contacts"]] == ["pa.accura", "pa.comune"]
    said = [str(entry) for feed in (network.sender, network.receiver) for entry in feed.entries]
    assert not [entry for entry in said if "+39 000" in entry]


async def test_what_a_basis_does_not_cover_is_not_corrected_either(network: Network) -> None:
    case = await network.case({"scope": "tier0"}, tier1=TIER1 | {"contact": PHONE})
    journey = (await network.receiver.event("referral.sent", person_ref=case.person_ref))["value"]["journey_id"]
    await case.say("accept")

    assert (await noted(network.receiver, case, journey, contact=OTHER))["code"] == "unknown_referral"
    assert (await noted(network.sender, case, journey))["pointer"] == "/contact"
    assert (await noted(network.sender, case, str(uuid4()), contact=OTHER))["pointer"] == "/intake_id"
    assert (await noted(network.sender, case, journey, contact=OTHER)).get("code") is None
    await case.say("close")
    await network.receiver.event("referral.closed", 40, referral_id=case.referral_id)
    told = [e["type"] for e in network.receiver.entries if e["value"].get("referral_id") == case.referral_id]
    assert not [type for type in told if "contact" in type], "who may not read of a contact is not told of one either"
