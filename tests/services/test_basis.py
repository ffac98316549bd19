"""Sharing bases as they live: taken back, run out, refused later; what rests on them goes, and receipts are owed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.builders import an_intake
from tests.processes import RELAY, Processes, plain_http, running
from tests.verified import assert_verified

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODES = ("pa.comune", "pa.accura", "pa.salute", "pa.legale")
TWICE = ("intake", "referral")
"""The services with two workers."""
WITHIN_S = 5
"""So soon after a withdrawal nothing rests on it any more."""

CITY = {"basis_id": "city", "recipient": "city:palermo"}
CONSENT = {"basis_id": "accura", "recipient": "pa.accura", "type": "consent", "given_by": "person", "form_version": "2"}


@dataclass
class Network:
    processes: Processes
    agencies: dict[str, Agency]

    @property
    def sender(self) -> Agency:
        return self.agencies["pa.comune"]

    async def journey(self, *bases: Entry, services: tuple[str, ...] = ("health.primary",), **tier0: Any) -> str:
        """An intake of a new person under these bases."""
        intake = an_intake(f"pa.comune/{uuid4().hex}/1", services=services, **tier0)
        stated = intake["tier0"]["sharing_basis"][0]
        intake["tier0"]["sharing_basis"] = [stated | basis for basis in bases]
        key = await self.sender.submit(intake)
        return str((await self.sender.answer(key))["value"]["intake_id"])

    async def sent(self, journey: str, to: str = "pa.accura") -> Entry:
        """What the agency is told once it is asked."""
        return dict((await self.agencies[to].event("referral.sent", journey_id=journey))["value"])

    async def say(self, kind: str, journey: str, by: str = "pa.comune", **fields: Any) -> str:
        id = uuid4().hex
        body = {"command_id": id, "intake_id": journey, "agency": by, **fields}
        return await self.agencies[by].say(f"staffetta.sharing.{kind}.v1", body, id=id)

    async def withdraw(self, journey: str, *refs: str, by: str = "pa.comune") -> str:
        return await self.say("withdraw", journey, by, basis_ids=list(refs), revoke_cause="consent_withdrawn")

    async def confirm(self, journey: str, ref: str, *roles: str) -> Entry:
        """By a person with these roles, whose token says so."""
        id = uuid4().hex
        body = {"command_id": id, "intake_id": journey, "agency": "pa.comune", "basis_ids": [ref]}
        headers = {"ce-id": id, "ce-type": "staffetta.sharing.confirm.v1"}
        headers |= self.processes.bearer("pa.comune", *roles)
        async with plain_http(self.processes.url("gateway"), timeout=60) as client:
            return dict((await client.post("/v1/commands", json=body, headers=headers)).json()["answer"])

    async def one_person(self, refs: list[str], by: str = "pa.comune") -> None:
        """A worker of the desk that was asked decides that two are one."""
        id = uuid4().hex
        body = {"command_id": id, "agency": by, "decision": "same", "person_refs": refs}
        await self.agencies[by].say("staffetta.identity.decide.v1", body, id=id)
        assert (await self.agencies[by].answer(id))["value"]["state"] == "SAME"

    async def told(self, referral: str, by: str, command: str, **fields: Any) -> Entry:
        agency = self.agencies[by]
        return dict((await agency.answer(await agency.command(referral, command, **fields)))["value"])

    async def person(self, ref: str, agency: str = "pa.accura") -> int:
        return await self._get("intake", f"/v1/people/{ref}", agency)

    async def becomes(self, ref: str, status: int, within_s: float = 60) -> None:
        """How the person is told of to pa.accura follows what happened: a worker may just be taking over."""
        async with asyncio.timeout(within_s):
            while await self.person(ref) != status:
                await asyncio.sleep(0.05)

    async def refused(self, journey: str, event: str) -> list[str]:
        """Whom the person excludes, as this event says."""
        told = (await self.sender.event(event, intake_id=journey))["value"]
        return [basis["recipient"] for basis in told["sharing_basis"] if basis["refused"]]

    async def why(self, id: str, agency: str = "pa.accura") -> int:
        """Whether it may read why the referral went where it did, from which facts of the person."""
        return await self._get("referral", f"/v1/referrals/{id}/explanation", agency)

    async def referral(self, id: str, agency: str = "pa.comune") -> Entry:
        async with plain_http(self.processes.url("referral")) as client:
            found = await client.get(f"/v1/referrals/{id}", headers=self.processes.bearer(agency))
        return dict(found.json())

    async def _get(self, service: str, path: str, agency: str) -> int:
        async with plain_http(self.processes.url(service)) as client:
            return (await client.get(path, headers=self.processes.bearer(agency))).status_code


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with running(settings, tmp_path_factory.mktemp("basis"), RELAY) as processes:
        for service in TWICE:
            await processes.start(service, "1")
        await processes.ready()
        agencies = {code: Agency(code, settings.kafka_url, f"{settings.namespace}-") for code in CODES}
        for agency in agencies.values():
            await agency.open()
        yield Network(processes, agencies)
        for agency in agencies.values():
            await agency.close()


async def test_a_consent_taken_back_revokes_what_rests_on_it_at_once_and_its_receiver_owes_a_receipt(
    network: Network,
) -> None:
    """And nothing else of the same person, and nothing of what the person did not take back."""
    journey = await network.journey(CITY, CONSENT, services=("health.primary", "legal.documents"))
    sent = await network.sent(journey)
    other = (await network.sender.event("referral.sent", journey_id=journey, service="legal.documents"))["value"]
    id, ref = sent["referral_id"], sent["person_ref"]
    await network.told(id, "pa.accura", "accept")
    await network.becomes(ref, 200)
    why, before = await network.why(id), await network.referral(id, "pa.accura")

    asked = await network.withdraw(journey, "accura")
    async with asyncio.timeout(WITHIN_S):
        revoked = (await network.agencies["pa.accura"].event("referral.revoked", referral_id=id))["value"]
    owed = (await network.agencies["pa.accura"].event("receipt.requested", referral_id=id))["value"]
    late = await network.told(id, "pa.accura", "close", closure_outcome="served_completed")
    strange = await network.told(id, "pa.legale", "confirm_receipt", obligation="deletion_receipt")
    given = await network.told(id, "pa.accura", "confirm_receipt", obligation="deletion_receipt")
    again = await network.told(id, "pa.accura", "confirm_receipt", obligation="deletion_receipt")

    assert (await network.sender.answer(asked))["value"]["version"] == 2
    withdrawn = (await network.sender.event("consent.withdrawn", intake_id=journey))["value"]
    assert [(b["basis_id"], b["withdrawn_at"] is None) for b in withdrawn["sharing_basis"]] == [
        ("city", True), ("accura", False),
    ]  # fmt: skip
    assert (revoked["state"], revoked["revoke_cause"]) == ("REVOKED", "consent_withdrawn")
    assert (owed["obligation"], owed["version"]) == ("deletion_receipt", revoked["version"])
    assert (late["code"], late["state"]) == ("invalid_transition", "REVOKED")
    assert (strange["code"], given["state"], again["code"]) == ("unknown_referral", "REVOKED", "no_receipt_owed")
    await network.becomes(ref, 404, WITHIN_S)
    assert (why, await network.why(id), await network.why(id, "pa.comune")) == (200, 404, 200)
    assert (await network.referral(id))["receipts"][0]["confirmed_at"] is not None
    left = await network.referral(id, "pa.accura")
    assert before["timeline"] and not left["timeline"] and left["receipts"][0]["confirmed_at"] is not None
    assert (await network.referral(id))["timeline"]
    assert (await network.referral(other["referral_id"]))["state"]["code"] == "REQUESTED"
    await assert_verified(network.processes.settings)


async def test_only_the_agency_that_took_the_intake_may_change_its_bases(network: Network) -> None:
    journey = await network.journey(CITY)
    await network.sent(journey)
    accura = network.agencies["pa.accura"]
    unknown = str(uuid4())
    basis = an_intake()["tier0"]["sharing_basis"][0] | CITY

    answers = [
        await accura.answer(await network.withdraw(journey, "city", by="pa.accura")),
        await accura.answer(await network.say("give", journey, "pa.accura", basis=basis)),
        await network.sender.answer(await network.withdraw(unknown, "city")),
        await network.sender.answer(await network.withdraw("Amina", "city")),
    ]

    assert {(a["value"]["code"], a["value"]["pointer"]) for a in answers} == {("unknown_referral", "/intake_id")}


async def test_whom_the_person_excludes_later_loses_the_referral_and_is_never_asked_again(network: Network) -> None:
    journey = await network.journey(CITY)
    sent = await network.sent(journey)
    await network.told(sent["referral_id"], "pa.accura", "accept")
    refusal = an_intake()["tier0"]["sharing_basis"][0] | CONSENT | {"basis_id": "no", "refused": True}

    await network.say("give", journey, basis=refusal)
    revoked = (await network.sender.event("referral.revoked", referral_id=sent["referral_id"]))["value"]
    task = (await network.sender.event("task.opened", referral_id=sent["referral_id"]))["value"]

    assert revoked["revoke_cause"] == "recipient_excluded"
    assert task["next"] == "sender_decides"
    assert await network.person(sent["person_ref"]) == 404


async def test_whom_the_person_excludes_after_the_end_reads_no_more_of_what_it_had(network: Network) -> None:
    journey = await network.journey(CITY)
    id = (await network.sent(journey))["referral_id"]
    await network.told(id, "pa.accura", "decline", decline_reason="out_of_area")
    before = await network.why(id), bool((await network.referral(id, "pa.accura"))["timeline"])
    refusal = an_intake()["tier0"]["sharing_basis"][0] | CONSENT | {"basis_id": "no", "refused": True}

    await network.say("give", journey, basis=refusal)
    await network.sender.event("sharing_basis.given", intake_id=journey)

    async with asyncio.timeout(WITHIN_S):
        while await network.why(id) != 404:
            await asyncio.sleep(0.05)
    assert before == (200, True)
    assert not (await network.referral(id, "pa.accura"))["timeline"]
    assert await network.why(id, "pa.comune") == 200


async def test_whom_the_person_excludes_at_another_meeting_loses_what_it_had_from_the_first(network: Network) -> None:
    person = f"pa.comune:{uuid4().hex}"
    sent = await network.sent(await network.journey(CITY, person_ref=person))

    await network.journey(CITY, person_ref=person, withhold=["pa.accura"], services=("legal.documents",))

    revoked = (await network.sender.event("referral.revoked", referral_id=sent["referral_id"]))["value"]
    assert revoked["revoke_cause"] == "recipient_excluded"


async def test_whom_the_person_excludes_is_told_of_no_meeting_that_is_recorded_at_the_same_time_or_later(
    network: Network,
) -> None:
    """Of each person the meeting at which nobody is excluded comes first, is said first, or is recorded last."""
    people = [f"pa.comune:{uuid4().hex}" for _ in range(6)]
    earlier = [an_intake(f"pa.comune/{uuid4().hex}/1", person_ref=person) for person in people]
    now, legal = {"occurred_at": datetime.now(UTC).isoformat()}, ("legal.documents",)
    later = [
        an_intake(f"pa.comune/{uuid4().hex}/1", person_ref=person, services=legal, withhold=["pa.accura"]) | now
        for person in people
    ]
    last = earlier.pop()
    await network.sender.answer(await network.sender.submit(later.pop()))

    keys = [await network.sender.submit(intake) for pair in zip(earlier, later, strict=True) for intake in pair]
    journeys = [(await network.sender.answer(key))["value"]["intake_id"] for key in keys[::2]]
    told_last = (await network.sender.answer(await network.sender.submit(last)))["value"]["intake_id"]

    refused = {id: await network.refused(id, "intake.recorded") for id in (told_last, *journeys)}
    later_told = {id: await network.refused(id, "sharing_basis.given") for id, of in refused.items() if not of}
    assert refused[told_last] == ["pa.accura"], "what was there already is known at once"
    assert set(map(tuple, (refused | later_told).values())) == {("pa.accura",)}


async def test_whom_the_person_excluded_under_one_name_is_excluded_under_the_other_once_they_are_one_person(
    network: Network,
) -> None:
    """The later of two meetings is the one at which the person excludes, and its desk says that they are one."""
    first = an_intake(f"pa.comune/{uuid4().hex}/1")
    known = (await network.sender.answer(await network.sender.submit(first)))["value"]["intake_id"]
    sent = await network.sent(known)
    await network.told(sent["referral_id"], "pa.accura", "accept")
    again = an_intake(f"pa.comune/{uuid4().hex}/1", services=("legal.documents",), withhold=["pa.accura"])
    again |= {"tier1": first["tier1"], "occurred_at": datetime.now(UTC).isoformat()}
    excluding = (await network.sender.answer(await network.sender.submit(again)))["value"]["intake_id"]
    suspected = (await network.sender.event("intake.duplicate_suspected", intake_id=excluding))["value"]
    await network.becomes(sent["person_ref"], 200)

    await network.one_person(suspected["person_refs"])

    revoked = (await network.sender.event("referral.revoked", referral_id=sent["referral_id"]))["value"]
    assert await network.refused(known, "sharing_basis.given") == ["pa.accura"]
    assert revoked["revoke_cause"] == "recipient_excluded"
    assert await network.person(sent["person_ref"]) == 404


async def test_what_is_refused_later_at_one_meeting_is_refused_at_the_others(network: Network) -> None:
    person = f"pa.comune:{uuid4().hex}"
    one, other = [await network.journey(CITY, person_ref=person) for _ in range(2)]
    refusal = an_intake()["tier0"]["sharing_basis"][0] | CONSENT | {"basis_id": "no", "refused": True}

    await network.say("give", one, basis=refusal)

    given = (await network.sender.event("sharing_basis.given", intake_id=other))["value"]
    assert [b["recipient"] for b in given["sharing_basis"] if b["refused"]] == ["pa.accura"]


async def test_a_successor_that_is_opened_while_the_basis_is_taken_back_does_not_stay_open(network: Network) -> None:
    """Declines, each with a successor to open, and the withdrawals at the same instant; a worker dies in it."""
    journeys = [await network.journey(CITY) for _ in range(8)]
    sent, stays = [await network.sent(journey) for journey in journeys], await network.sent(await network.journey(CITY))
    accura = network.agencies["pa.accura"]

    declines = [accura.command(s["referral_id"], "decline", decline_reason="no_capacity") for s in sent]
    withdrawals = [network.withdraw(journey, "city") for journey in journeys]
    pairs = zip(declines, withdrawals, strict=True)
    asked = [step for n, pair in enumerate(pairs) for step in (pair if n % 2 else reversed(pair))]
    await asyncio.gather(*asked)
    network.processes.kill("referral-1")
    for journey in journeys:
        await network.sender.event("consent.withdrawn", intake_id=journey)
    await network.processes.ready()
    await assert_verified(network.processes.settings)

    ends = [(await network.referral(s["referral_id"]))["state"]["code"] for s in sent]
    opened = [e["value"] for e in network.sender.entries if e["type"] == "staffetta.referral.sent.v1"]
    later = [e for e in opened if e["predecessor_id"] in {s["referral_id"] for s in sent}]
    assert set(ends) <= {"DECLINED", "REVOKED"}
    for successor in {e["referral_id"] for e in later}:
        assert (await network.referral(successor))["state"]["code"] == "REVOKED"
    assert (await network.referral(stays["referral_id"]))["state"]["code"] == "REQUESTED"


async def test_what_is_renewed_in_time_stays_and_what_runs_out_goes_and_late_receipts_are_told(
    network: Network,
) -> None:
    """The clock of the edges is moved a month ahead."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    short = CITY | {"valid_to": tomorrow}
    stays, goes = await network.journey(short), await network.journey(short)
    kept, gone = await network.sent(stays), await network.sent(goes)
    for sent in (kept, gone):
        await network.told(sent["referral_id"], "pa.accura", "accept")
    basis = an_intake()["tier0"]["sharing_basis"][0] | CITY
    renewed = await network.sender.answer(await network.say("give", stays, basis=basis))

    network.processes.move_clock(timedelta(days=30))
    await network.sender.event("sharing_basis.expired", intake_id=goes)
    revoked = (await network.sender.event("referral.revoked", referral_id=gone["referral_id"]))["value"]
    task = (await network.sender.event("task.opened", referral_id=gone["referral_id"]))["value"]
    network.processes.move_clock(timedelta(days=60))
    overdue = (await network.agencies["pa.accura"].event("receipt.overdue", referral_id=gone["referral_id"]))["value"]
    done = await network.told(gone["referral_id"], "pa.accura", "confirm_receipt", obligation="deletion_receipt")

    assert renewed["value"]["version"] == 2
    assert (revoked["revoke_cause"], task["next"]) == ("basis_expired", "sender_decides")
    assert overdue["state"] == done["state"] == "REVOKED"
    assert (await network.referral(kept["referral_id"]))["state"]["code"] == "ACCEPTED"
    await network.becomes(kept["person_ref"], 200)
    clock = {"clock_file": str(network.processes.clock)}
    await assert_verified(
        network.processes.settings.model_copy(update=clock), patience_s=300
    )  # all timers of two months


async def test_a_vital_interest_that_a_supervisor_confirms_stands_and_another_goes_after_72_hours(
    network: Network,
) -> None:
    """The clock of the edges is moved on from where it is."""
    vital = CITY | {"type": "vital_interest"}
    stays, goes = await network.journey(vital), await network.journey(vital)
    kept, gone = await network.sent(stays), await network.sent(goes)
    for sent in (kept, gone):
        await network.told(sent["referral_id"], "pa.accura", "accept")
    asked = (await network.sender.event("task.opened", journey_id=stays, kind="confirm_vital_interest"))["value"]

    by_system = await network.confirm(stays, "city")
    confirmed = await network.confirm(stays, "city", "supervisor")
    done = (await network.sender.event("task.done", task_id=asked["task_id"]))["value"]
    ahead = timedelta(seconds=float(network.processes.clock.read_text("utf-8")))
    network.processes.move_clock(ahead + timedelta(hours=72, minutes=1))
    revoked = (await network.sender.event("referral.revoked", referral_id=gone["referral_id"]))["value"]
    owed = (await network.agencies["pa.accura"].event("receipt.requested", referral_id=gone["referral_id"]))["value"]
    await network.sender.event("task.done", journey_id=goes, kind="confirm_vital_interest")
    review = await network.sender.event("task.opened", referral_id=gone["referral_id"], next="coordinator_review")
    await network.sent(await network.journey(vital))  # this one still waits

    assert (by_system["code"], by_system["pointer"]) == ("not_authorised", "/agency")
    assert (confirmed["outcome"], confirmed["version"]) == ("accepted", 2)
    assert done["kind"] == "confirm_vital_interest"
    assert (revoked["revoke_cause"], owed["obligation"]) == ("vital_interest_not_confirmed", "deletion_receipt")
    assert review["value"]["queue"] == "pa.comune.coordination"
    assert await network.person(gone["person_ref"]) == 404
    assert (await network.referral(kept["referral_id"]))["state"]["code"] == "ACCEPTED"
    clock = {"clock_file": str(network.processes.clock)}
    await assert_verified(network.processes.settings.model_copy(update=clock), patience_s=300)
