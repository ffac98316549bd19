"""The gateway alone, as it runs: both doors, feeds and answers, with the services behind it played by the test."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from contracts import catalogue, events, topics
from contracts.catalogue import BY_TYPE
from contracts.events import CommandAccepted, CommandRejected, ReferralSent
from contracts.values import Message, PersonFacts
from services.chassis import messages
from services.chassis.kafka import ensure_topics
from services.chassis.settings import Settings
from services.gateway.domain.door import minted
from tests.agency import Agency
from tests.builders import NOW, REFERRAL_ID, a_statement, an_agency, an_intake
from tests.processes import Processes, running

SUBMIT = "staffetta.intake.submit.v1"
ACCEPT = "staffetta.referral.accept.v1"


@dataclass
class Network:
    """The gateway, its agencies' systems, and what is behind it."""

    settings: Settings
    processes: Processes
    producer: AIOKafkaProducer
    asked: AIOKafkaConsumer
    agencies: dict[str, Agency]

    @property
    def comune(self) -> Agency:
        return self.agencies["pa.comune"]

    @property
    def accura(self) -> Agency:
        return self.agencies["pa.accura"]

    async def say(
        self, message: Message, *, topic: str = "", key: str = "", id: UUID | None = None, cause: str = ""
    ) -> UUID:
        """As one of our services would."""
        row = catalogue.BY_MODEL.get(type(message))
        name, key = topic or row.topic.name if row else topic, key or (row.key_of(message) if row else "")
        id = id or uuid4()
        headers = messages.headers(
            id=id, source="/services/test", type=message.TYPE, time=NOW, subject=key, correlation_id="journey-1",
            causation_id=cause, sequence=getattr(message, "version", None), traceparent=None,
        )  # fmt: skip
        value = message.model_dump_json().encode()
        await self.producer.send_and_wait(self.settings.named(name), value, key=key.encode(), headers=headers)
        return id

    async def next_asked(self, seconds: float = 15) -> tuple[dict[str, str], Message]:
        """The next thing that the gateway asks of the services behind it."""
        record = await asyncio.wait_for(self.asked.getone(), seconds)
        headers = {k: v.decode() for k, v in record.headers}
        return headers, BY_TYPE[headers["ce_type"]].model_validate_json(record.value)

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
        await self.say(accepted, topic=topic, key=headers["ce_subject"], id=id, cause=headers["ce_id"])

    @asynccontextmanager
    async def http(self, agency: str | None = "pa.comune") -> AsyncIterator[httpx.AsyncClient]:
        bearer = self.processes.bearer(agency) if agency else {}
        async with httpx.AsyncClient(base_url=self.processes.url("gateway"), headers=bearer, timeout=30) as client:
            yield client


@pytest.fixture
async def network_of_two(network: Settings, logs: Path) -> AsyncIterator[Network]:
    commands = (topics.INTAKE_COMMANDS, topics.REFERRAL_COMMANDS)
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(network, logs, ("gateway",), load=()))
        await ensure_topics(network, [(topic.name, topic) for topic in commands])
        producer = await stack.enter_async_context(AIOKafkaProducer(bootstrap_servers=network.kafka_url))
        asked = AIOKafkaConsumer(
            *(network.named(topic.name) for topic in commands),
            bootstrap_servers=network.kafka_url,
            auto_offset_reset="earliest",
        )
        await stack.enter_async_context(asked)
        agencies = {c: Agency(c, network.kafka_url, f"{network.namespace}-") for c in ("pa.comune", "pa.accura")}
        both = Network(network, processes, producer, asked, agencies)
        for code, agency in agencies.items():
            await both.say(an_agency(code))
            await _until_it_has_topics(network, code)
            await agency.open()
            stack.push_async_callback(agency.close)
        yield both


async def _until_it_has_topics(network: Settings, agency: str, seconds: float = 10) -> None:
    """A new agency's topics are there within ten seconds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=network.kafka_url)
    await admin.start()
    wanted = {network.named(f"agencies.{agency}.{end}") for end in ("commands", "feed")}
    try:
        async with asyncio.timeout(seconds):
            while not wanted <= set(await admin.list_topics()):
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


# -- the broker's door ------------------------------------------------------------------------------------------------
async def test_an_intake_is_passed_on_once_and_answered_once_however_often_it_is_said(network_of_two: Network) -> None:
    both = network_of_two
    await both.comune.submit(an_intake("k-1"), id="m-1")
    headers, record = await both.next_asked()

    await both.comune.submit(an_intake("k-1"), id="m-1")
    silent = await both.asks_nothing()
    await both.answer(headers, record)
    first = await both.comune.answer("k-1")
    await both.comune.submit(an_intake("k-1"), id="m-1")
    await both.comune.submit(an_intake("k-1"), id="m-2")
    async with asyncio.timeout(10):
        while both.comune.repeats < 2:
            await asyncio.sleep(0.05)

    assert silent
    assert headers["ce_id"] == str(minted("pa.comune", "m-1"))
    assert headers["ce_correlationid"] == str(record.intake_id)  # type: ignore[attr-defined]
    assert first["value"]["command_id"] == "k-1"
    assert first["key"] == headers["ce_subject"]
    assert len(both.comune.answers("k-1")) == 1
    assert await both.asks_nothing(0.5)


async def test_other_content_under_an_id_that_was_used_is_refused_and_asks_nothing(network_of_two: Network) -> None:
    both = network_of_two
    await both.comune.submit(an_intake("k-1"), id="m-1")
    await both.next_asked()

    await both.comune.submit(an_intake("k-1", priority="HIGH"), id="m-2")
    by_key = await both.comune.answer("k-1")
    await both.comune.submit(an_intake("k-2"), id="m-1")
    by_message = await both.comune.answer("k-2")

    assert (by_key["value"]["code"], by_key["value"]["pointer"]) == ("idempotency_conflict", "/idempotency_key")
    assert (by_message["value"]["code"], by_message["value"]["pointer"]) == ("idempotency_conflict", None)
    assert await both.asks_nothing()


async def test_a_forged_agency_and_a_command_of_the_system_are_refused_on_the_speakers_own_feed(
    network_of_two: Network,
) -> None:
    both = network_of_two

    await both.accura.say(SUBMIT, an_intake("k-1", sender="pa.comune"), id="m-1")
    await both.accura.say("staffetta.referral.open.v1", a_statement("open"), id="m-2")
    await both.accura.say("staffetta.intake.record.v1", {"intake_id": str(uuid4())}, id="m-3")
    answers = [await both.accura.answer(id) for id in ("k-1", "c-1", "m-3")]

    assert [a["value"]["code"] for a in answers] == ["not_authorised"] * 3
    assert answers[0]["value"]["pointer"] == "/tier0/sender_agency"
    assert await both.asks_nothing()
    assert both.comune.entries == []


async def test_bytes_that_cannot_be_read_are_answered_with_where_they_lie_and_stop_nothing(
    network_of_two: Network,
) -> None:
    both = network_of_two

    await both.comune.say(SUBMIT, b'{"a": "\xff Zefirina"}', id="m-1")
    await both.producer.send_and_wait(
        both.settings.named("agencies.pa.comune.commands"), b"{", headers=[("x", b"\xff")]
    )
    await both.comune.submit(an_intake("k-1"))
    await both.next_asked()
    named = await both.comune.answer("m-1")
    nameless = await both.comune.wait(lambda e: e["value"]["code"] == "malformed_json")

    topic = both.settings.named("agencies.pa.comune.commands")
    assert (named["value"]["code"], named["value"]["place"]) == ("invalid_encoding", f"{topic}/0/0")
    assert (nameless["value"]["command_id"], nameless["value"]["place"]) == (None, f"{topic}/0/1")
    assert "Zefirina" not in json.dumps(named)


async def test_what_is_refused_twice_is_refused_under_one_id(network_of_two: Network) -> None:
    both = network_of_two

    await both.comune.say(SUBMIT, b"{", id="m-1")
    await both.comune.say(SUBMIT, b"{", id="m-1")
    await both.comune.say(SUBMIT, b"{", id="m-2")
    await both.comune.answer("m-2")

    assert both.comune.repeats == 1
    assert len(both.comune.answers("m-1")) == 1


async def test_the_text_of_a_command_goes_to_intake_and_nowhere_else(network_of_two: Network) -> None:
    both = network_of_two

    await both.accura.say("staffetta.referral.decline.v1", a_statement("decline", text="Zefirina non viene"))
    asked: dict[str, Any] = {}
    for _ in range(2):
        headers, message = await both.next_asked()
        asked[headers["ce_type"]] = message

    command, kept = asked["staffetta.referral.command.v1"], asked["staffetta.intake.keep_text.v1"]
    assert kept.text == "Zefirina non viene"
    assert command.text_id == kept.text_id
    assert "Zefirina" not in command.model_dump_json()


async def test_an_agency_that_sends_the_id_of_a_coming_event_changes_nothing(network_of_two: Network) -> None:
    both = network_of_two
    await both.comune.submit(an_intake("k-1"), id="m-1")
    headers, record = await both.next_asked()
    coming = str(uuid5(UUID(headers["ce_id"]), "answer"))

    await both.comune.submit(an_intake("k-2"), id=coming)
    other, _ = await both.next_asked()
    await both.answer(headers, record)

    assert other["ce_id"] != coming
    assert (await both.comune.answer("k-1"))["type"] == CommandAccepted.TYPE


# -- feeds ------------------------------------------------------------------------------------------------------------
def a_sent_referral(**known: Any) -> ReferralSent:
    given: dict[str, Any] = {
        "referral_id": REFERRAL_ID, "journey_id": uuid4(), "version": 1, "at": NOW, "by": "system",
        "state": "REQUESTED",
        "service": "health.primary", "priority": "MEDIUM", "sender_agency": "pa.comune", "sender_queue": "desk",
        "receiver_agency": "pa.accura", "receiver_queue": "clinic", "offer": "o", "hop": 0, "predecessor_id": None,
        "owner": "clinic", "due_at": NOW, "person_ref": "p", "person": PersonFacts(), "reply_by": NOW,
        "rule_set": "network-1", "seat": "none", "sender_ref": "CASE-77", "priority_reason": "because",
    }  # fmt: skip
    return ReferralSent(**given | known)


async def test_an_event_reaches_sender_and_receiver_once_each_and_each_sees_what_it_may(
    network_of_two: Network,
) -> None:
    both, id = network_of_two, uuid4()

    await both.say(a_sent_referral(), id=id)
    await both.say(a_sent_referral(), id=id)
    await both.say(a_sent_referral(version=2))
    for agency in (both.comune, both.accura):
        await agency.event("referral.sent", version=2)
    [ours, _], [theirs, _] = both.comune.entries, both.accura.entries

    assert ours["value"]["sender_ref"] == "CASE-77"
    assert {"sender_ref", "priority_reason", "withhold"}.isdisjoint(theirs["value"])
    assert ours["key"] == theirs["key"] == theirs["headers"]["ce_subject"] == str(REFERRAL_ID)
    assert theirs["headers"]["ce_sequence"] == "1"
    assert theirs["headers"]["ce_correlationid"] == "journey-1"
    assert both.comune.repeats == both.accura.repeats == 0


async def test_an_answer_comes_before_the_events_it_caused(network_of_two: Network) -> None:
    both = network_of_two
    await both.accura.say(ACCEPT, a_statement())
    headers, command = await both.next_asked()

    await both.answer(headers, command)
    accepted = a_sent_referral(version=4, state="ACCEPTED").model_dump(
        include=set(events.ReferralAccepted.model_fields)
    )
    await both.say(events.ReferralAccepted(**accepted))
    await both.accura.event("referral.accepted")

    assert [e["type"] for e in both.accura.entries] == [CommandAccepted.TYPE, events.ReferralAccepted.TYPE]
    assert [e["headers"]["ce_sequence"] for e in both.accura.entries] == ["4", "4"]
    assert [e["type"] for e in both.comune.entries] == [events.ReferralAccepted.TYPE]


async def test_what_the_network_answers_itself_is_told_to_nobody(network_of_two: Network) -> None:
    both = network_of_two

    await both.say(CommandAccepted(asked={"agency": None}, subject="s"), topic="referrals", key="s")  # type: ignore[arg-type]
    await both.say(a_sent_referral())
    await both.comune.event("referral.sent")

    assert len(both.comune.entries) == 1


# -- the HTTP door ----------------------------------------------------------------------------------------------------
async def test_a_posted_command_is_answered_in_the_response_and_on_the_feed(network_of_two: Network) -> None:
    both = network_of_two

    async def answers() -> None:
        await both.answer(*await both.next_asked())

    async with both.http("pa.accura") as http:
        answering = asyncio.create_task(answers())
        body = a_statement(command_id="c/1 è")
        first = await http.post("/v1/commands", json=body, headers={"ce-type": ACCEPT, "ce-id": "m-1"})
        await answering
        again = await http.post("/v1/commands", json=body, headers={"ce-type": ACCEPT, "Idempotency-Key": "m-2"})
        found = await http.get(first.headers["location"])
        by_message = await http.get("/v1/commands/m-1")
        feed = await http.get("/v1/feed")

    assert first.status_code == again.status_code == 202
    assert first.headers["location"] == f"/v1/commands/{quote('c/1 è', safe='')}"
    assert first.json()["command_id"] == "c/1 è"
    assert {"outcome": "accepted", "status": 202, "state": "ACCEPTED", "version": 4}.items() <= first.json()[
        "answer"
    ].items()
    assert again.json() == found.json() == first.json()
    assert by_message.json()["answer"] == first.json()["answer"]
    assert [e["data"]["command_id"] for e in feed.json()["entries"]] == ["c/1 è"]
    assert await both.asks_nothing(0.5)


async def test_a_command_refused_by_the_rules_was_admitted_and_says_so(network_of_two: Network) -> None:
    both = network_of_two

    async def refuses() -> None:
        headers, command = await both.next_asked()
        rejected = CommandRejected(
            asked=command.asked,  # type: ignore[attr-defined]
            code="version_conflict", pointer="/expected_version", message="m", subject="s", state="CLOSED", version=7,
        )  # fmt: skip
        await both.say(rejected, topic="referrals", key=headers["ce_subject"], cause=headers["ce_id"])

    async with both.http("pa.accura") as http:
        refusing = asyncio.create_task(refuses())
        response = await http.post("/v1/commands", json=a_statement(), headers={"ce-type": ACCEPT, "ce-id": "m-1"})
        await refusing

    assert response.status_code == 202
    expected = {"outcome": "rejected", "status": 409, "code": "version_conflict", "state": "CLOSED", "version": 7}
    assert expected.items() <= response.json()["answer"].items()


async def test_an_answer_that_takes_longer_is_found_where_the_response_says(network_of_two: Network) -> None:
    both = network_of_two

    async with both.http() as http:
        response = await http.post("/v1/commands", json=an_intake("k-1"), headers={"ce-type": SUBMIT, "ce-id": "m-1"})
        waiting = await http.get(response.headers["location"])
        await both.answer(*await both.next_asked())
        await both.comune.answer("k-1")
        found = await http.get(response.headers["location"])

    assert (response.status_code, response.json()["answer"]) == (202, None)
    assert (waiting.status_code, waiting.json()["answer"]) == (200, None)
    assert found.json()["answer"]["outcome"] == "accepted"


async def test_a_refusal_at_the_http_door_is_a_problem_and_nothing_is_kept(network_of_two: Network) -> None:
    both = network_of_two
    submit = {"ce-type": SUBMIT, "ce-id": "m-1"}
    of_referral = {"ce-type": ACCEPT, "ce-id": "m-2"}
    of_system = {"ce-type": "staffetta.referral.open.v1", "ce-id": "m-3"}

    async with both.http() as http:
        posts = [
            await http.post("/v1/commands", content=b'{"a": Zefirina', headers=submit),
            await http.post("/v1/commands", content=b'"' + b"x" * 300_000, headers=submit),
            await http.post("/v1/commands", json=an_intake() | {"Zefirina": 1}, headers=submit),
            await http.post("/v1/commands", json=an_intake(sender="pa.accura"), headers=submit),
            await http.post("/v1/commands", json=a_statement("open"), headers=of_system),
            await http.post("/v1/commands", json=a_statement(by="pa.comune", referral_id="r"), headers=of_referral),
            await http.post("/v1/commands", json=an_intake(), headers={"ce-type": SUBMIT}),
            await http.get("/v1/commands/unknown"),
            await http.get("/v1/feed?after=-1"),
            await http.get("/v1/feed?after=77"),
        ]
        feed = await http.get("/v1/feed")

    said = [(p.status_code, p.json().get("code"), p.json().get("pointer")) for p in posts]
    assert said == [
        (400, "malformed_json", None),
        (413, "too_large", None),
        (422, "unknown_field", "/Zefirina"),
        (403, "not_authorised", "/tier0/sender_agency"),
        (403, "not_authorised", None),
        (404, "unknown_referral", "/referral_id"),
        (422, "missing_field", None),
        (404, None, None),
        (422, "invalid_value", None),
        (410, None, None),
    ]
    assert {p.headers["content-type"] for p in posts} == {"application/problem+json"}
    assert feed.json() == {"entries": [], "next": None}
    assert await both.asks_nothing(0.5)


async def test_over_http_a_conflict_is_409(network_of_two: Network) -> None:
    both = network_of_two
    await both.comune.submit(an_intake("k-1"), id="m-1")
    await both.next_asked()

    async with both.http() as http:
        body = an_intake("k-1", priority="HIGH")
        response = await http.post("/v1/commands", json=body, headers={"ce-type": SUBMIT, "ce-id": "m-2"})

    problem = response.json()
    assert (response.status_code, problem["code"], problem["pointer"]) == (
        409,
        "idempotency_conflict",
        "/idempotency_key",
    )


async def test_who_is_not_known_or_is_no_agency_has_no_say_over_http(network_of_two: Network) -> None:
    both = network_of_two
    headers = {"ce-type": SUBMIT, "ce-id": "m-1"}
    said = []

    for agency in (None, "pa.penc"):
        async with both.http(agency) as http:
            said += [
                await http.post("/v1/commands", json=an_intake(), headers=headers),
                await http.get("/v1/commands/k-1"),
                await http.get("/v1/feed"),
            ]

    assert [(r.status_code, r.json()["code"]) for r in said] == [(401, "not_authenticated")] * 3 + [
        (403, "not_authorised")
    ] * 3
    assert said[0].headers["www-authenticate"] == "Bearer"


async def test_an_agency_finds_only_its_own_commands_and_its_own_feed(network_of_two: Network) -> None:
    both = network_of_two
    await both.comune.submit(an_intake("k-1"), id="m-1")
    await both.answer(*await both.next_asked())
    await both.comune.answer("k-1")

    async with both.http("pa.accura") as http:
        command, feed = await http.get("/v1/commands/k-1"), await http.get("/v1/feed")

    assert command.status_code == 404
    assert feed.json()["entries"] == []


async def test_the_feed_over_http_is_read_by_cursor_and_waits_for_what_comes(network_of_two: Network) -> None:
    both = network_of_two
    for version in (1, 2, 3):
        await both.say(a_sent_referral(version=version))
    await both.comune.event("referral.sent", version=3)

    async with both.http() as http:
        first = (await http.get("/v1/feed?limit=2")).json()
        rest = (await http.get(f"/v1/feed?after={first['next']}")).json()
        polling = asyncio.create_task(http.get(f"/v1/feed?after={rest['next']}&wait=20"))
        await asyncio.sleep(0.5)
        await both.say(a_sent_referral(version=4))
        polled = (await asyncio.wait_for(polling, 10)).json()

    versions = [[e["data"]["version"] for e in page["entries"]] for page in (first, rest, polled)]
    assert versions == [[1, 2], [3], [4]]
    assert polled["next"] == polled["entries"][0]["cursor"]
    wanted = {"specversion": "1.0", "type": ReferralSent.TYPE, "source": "/services/gateway", "sequence": "4"}
    assert wanted.items() <= polled["entries"][0].items()


async def test_a_long_poll_does_not_hold_up_a_process_that_is_asked_to_stop(network_of_two: Network) -> None:
    both = network_of_two
    both.processes.stopping = True
    process = both.processes.workers["gateway-0"]

    async with both.http() as http:
        polling = asyncio.create_task(http.get("/v1/feed?wait=25"))
        await asyncio.sleep(0.5)
        process.terminate()
        page = await asyncio.wait_for(polling, 5)
        await asyncio.wait_for(process.wait(), 5)

    assert page.json()["entries"] == []
    assert process.returncode == 0


async def test_the_openapi_document_says_what_may_be_posted_and_how_it_is_refused(network_of_two: Network) -> None:
    async with network_of_two.http(None) as http:
        document = (await http.get("/openapi.json")).json()

    post = document["paths"]["/v1/commands"]["post"]
    body = post["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {"an intake", "a decline"}
    assert "application/problem+json" in post["responses"]["409"]["content"]
    assert "SubmitIntake" in json.dumps(body["schema"])
