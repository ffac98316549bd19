"""The gateway's door on the broker, and the feeds that agencies' systems read."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import pytest_asyncio
from aiokafka.errors import MessageSizeTooLargeError

from contracts import events, topics
from contracts.answers import CommandAccepted
from contracts.values import Asked
from services.chassis.kafka import ensure_topics
from services.chassis.settings import Settings
from services.gateway.domain.door import minted
from tests import raw
from tests.agency import Agency
from tests.builders import REFERRAL_ID
from tests.services.two_agencies import SUBMIT, Behind, Two, gateway_alone, two_agencies

ACCEPT = "staffetta.referral.accept.v1"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Behind]:
    async with gateway_alone(engines, tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def two(behind: Behind) -> AsyncIterator[Two]:
    async with two_agencies(behind) as agencies:
        yield agencies


# -- the broker's door ------------------------------------------------------------------------------------------------
async def test_an_intake_is_passed_on_once_and_answered_once_however_often_it_is_said(two: Two) -> None:
    await two.sender.submit(two.intake("k-1"), id="m-1")
    headers, record = await two.next_asked()

    await two.sender.submit(two.intake("k-1"), id="m-1")
    silent = await two.asks_nothing()
    await two.answer(headers, record)
    first = await two.sender.answer("k-1")
    await two.sender.submit(two.intake("k-1"), id="m-1")
    await two.sender.submit(two.intake("k-1"), id="m-2")
    await two.sender.submit(two.intake("k-1"), id="m-2")
    async with asyncio.timeout(40):
        while two.sender.repeats < 3:
            await asyncio.sleep(0.05)

    assert silent
    assert headers["ce_id"] == str(minted(two.sender.code, "m-1"))
    assert headers["ce_correlationid"] == str(record.intake_id)
    assert first["value"]["command_id"] == "k-1"
    assert first["key"] == headers["ce_subject"]
    assert len(two.sender.answers("k-1")) == 1
    assert await two.asks_nothing(0.5)


async def test_other_content_under_an_id_that_was_used_is_refused_and_asks_nothing(two: Two) -> None:
    await two.sender.submit(two.intake("k-1"), id="m-1")
    await two.next_asked()

    await two.sender.submit(two.intake("k-1", priority="HIGH"), id="m-2")
    by_key = await two.sender.answer("k-1")
    await two.sender.submit(two.intake("k-2"), id="m-1")
    by_message = await two.sender.answer("k-2")

    assert (by_key["value"]["code"], by_key["value"]["pointer"]) == ("idempotency_conflict", "/idempotency_key")
    assert (by_message["value"]["code"], by_message["value"]["pointer"]) == ("idempotency_conflict", None)
    assert await two.asks_nothing()


async def test_a_forged_agency_and_a_command_of_the_system_are_refused_on_the_speakers_own_feed(two: Two) -> None:
    await two.receiver.say(SUBMIT, two.intake(), id="m-1")
    await two.receiver.say("staffetta.referral.expire.v1", two.statement("expire"), id="m-2")
    await two.receiver.say("staffetta.intake.record.v1", {"intake_id": str(uuid4())}, id="m-3")
    answers = [await two.receiver.answer(id) for id in ("k-1", "c-1", "m-3")]

    assert [a["value"]["code"] for a in answers] == ["not_authorised"] * 3
    assert answers[0]["value"]["pointer"] == "/tier0/sender_agency"
    assert await two.asks_nothing()
    assert two.sender.entries == []


async def test_a_batch_that_is_compressed_in_a_way_we_cannot_read_is_read_all_the_same(two: Two) -> None:
    topic, named = two.commands_topic(two.sender), [("ce_id", b"m-1"), ("ce_type", SUBMIT.encode())]

    assert await raw.produce(two.behind.settings, topic, 0, raw.batch(b"{", named, codec=raw.LZ4)) == 0

    assert (await two.sender.answer("m-1"))["value"]["code"] == "malformed_json"


async def test_little_that_would_unpack_to_much_is_not_taken(two: Two) -> None:
    bomb = raw.batch(bytes(10_000_000), [], codec=raw.GZIP)

    assert len(bomb) < 100_000
    assert (
        await raw.produce(two.behind.settings, two.commands_topic(two.sender), 0, bomb)
        == MessageSizeTooLargeError.errno
    )


async def test_bytes_that_cannot_be_read_are_answered_with_where_they_lie_and_stop_nothing(two: Two) -> None:
    await two.sender.say(SUBMIT, b'{"a": "\xff Zefirina"}', id="m-1")
    await two.behind.producer.send_and_wait(two.commands_topic(two.sender), b"{", headers=[("x", b"\xff")])
    await two.sender.submit(two.intake("k-1"))
    await two.next_asked()
    named = await two.sender.answer("m-1")
    nameless = await two.sender.wait(lambda e: e["value"]["code"] == "malformed_json")

    topic = two.commands_topic(two.sender)
    assert (named["value"]["code"], named["value"]["place"]) == ("invalid_encoding", f"{topic}/0/0")
    assert (nameless["value"]["command_id"], nameless["value"]["place"]) == (None, f"{topic}/0/1")
    assert "Zefirina" not in json.dumps(named)


async def test_a_message_that_nothing_names_is_answered_with_what_it_lacks_and_where_it_lies(two: Two) -> None:
    """As a client says it that knows only CloudEvents' structured mode."""
    whole = {"specversion": "1.0", "id": "m-1", "type": "staffetta.intake.submit.v1", "data": two.intake("k-1")}
    topic = two.commands_topic(two.sender)

    await two.sender.producer.send_and_wait(topic, json.dumps(whole).encode())
    refused = (await two.sender.event("command.rejected", code="missing_field"))["value"]

    assert (refused["command_id"], refused["place"]) == (None, f"{topic}/0/0")
    assert "the attribute id of CloudEvents" in refused["message"]


async def test_what_is_refused_twice_is_refused_under_one_id(two: Two) -> None:
    await two.sender.say(SUBMIT, b"{", id="m-1")
    await two.sender.say(SUBMIT, b"{", id="m-1")
    await two.sender.say(SUBMIT, b"{", id="m-2")
    await two.sender.answer("m-2")

    assert two.sender.repeats == 1
    assert len(two.sender.answers("m-1")) == 1


async def test_the_text_of_a_command_goes_to_intake_and_nowhere_else(two: Two) -> None:
    await two.receiver.say("staffetta.referral.decline.v1", two.statement("decline", text="Zefirina non viene"))
    asked: dict[str, Any] = {}
    for _ in range(2):
        headers, message = await two.next_asked()
        asked[headers["ce_type"]] = message

    command, kept = asked["staffetta.referral.command.v1"], asked["staffetta.intake.keep_text.v1"]
    assert kept.text == "Zefirina non viene"
    assert (command.text_id, kept.roles) == (kept.text_id, ())
    assert "Zefirina" not in command.model_dump_json()


async def test_an_agency_that_sends_the_id_of_a_coming_event_changes_nothing(two: Two) -> None:
    await two.sender.submit(two.intake("k-1"), id="m-1")
    headers, record = await two.next_asked()
    coming = str(uuid5(UUID(headers["ce_id"]), "answer"))

    await two.sender.submit(two.intake("k-2"), id=coming)
    other, _ = await two.next_asked()
    await two.answer(headers, record)

    assert other["ce_id"] != coming
    assert (await two.sender.answer("k-1"))["type"] == CommandAccepted.TYPE


# -- feeds ------------------------------------------------------------------------------------------------------------
async def test_an_event_reaches_sender_and_receiver_once_each_and_each_sees_what_it_may(two: Two) -> None:
    id = uuid4()

    await two.behind.say(two.referral(), id=id)
    await two.behind.say(two.referral(), id=id)
    await two.behind.say(two.referral(version=2))
    for agency in (two.sender, two.receiver):
        await agency.event("referral.sent", version=2)
    [ours, _], [theirs, _] = two.sender.entries, two.receiver.entries

    assert ours["value"]["sender_ref"] == "CASE-77"
    assert {"sender_ref", "priority_reason", "withhold"}.isdisjoint(theirs["value"])
    assert ours["key"] == theirs["key"] == theirs["headers"]["ce_subject"] == str(REFERRAL_ID)
    assert theirs["headers"]["ce_sequence"] == "1"
    assert theirs["headers"]["ce_correlationid"] == "journey-1"
    assert two.sender.repeats == two.receiver.repeats == 0


async def test_an_answer_comes_before_the_events_it_caused(two: Two) -> None:
    await two.receiver.say(ACCEPT, two.statement())
    headers, command = await two.next_asked()

    await two.answer(headers, command)
    accepted = dict(two.referral(version=4, state="ACCEPTED"))
    await two.behind.say(events.ReferralAccepted(**accepted))
    await two.receiver.event("referral.accepted")
    await two.sender.event("referral.accepted")

    assert [e["type"] for e in two.receiver.entries] == [CommandAccepted.TYPE, events.ReferralAccepted.TYPE]
    assert [e["headers"]["ce_sequence"] for e in two.receiver.entries] == ["4", "4"]
    assert [e["type"] for e in two.sender.entries] == [events.ReferralAccepted.TYPE]


async def test_what_the_network_answers_itself_is_told_to_nobody(two: Two) -> None:
    await two.behind.say(CommandAccepted(asked=Asked(), subject="s"), topic="referrals", key="s")
    await two.behind.say(two.referral())
    await two.sender.event("referral.sent")

    assert len(two.sender.entries) == 1


async def test_a_new_agency_is_heard_without_a_restart(two: Two) -> None:
    async with asyncio.timeout(40):  # how soon: `./dev bench recovery`
        answer, _ = await two.behind.first_answer("new.comune")

    assert answer["value"]["code"] == "malformed_json"


async def test_a_topic_of_nobody_in_the_directory_is_not_read_and_stops_nothing(two: Two) -> None:
    stranger = Agency("nobody.at_all", two.behind.settings.kafka_url, f"{two.behind.settings.namespace}-")
    commands = topics.AGENCY_COMMANDS
    await ensure_topics(two.behind.settings, [(commands.of(stranger.code), commands)])

    await two.behind.producer.send_and_wait(two.commands_topic(stranger), b"{", headers=[("ce_id", b"m-1")])
    async with asyncio.timeout(40):
        while "a topic of nobody" not in (two.behind.processes.folder / "gateway-0.log").read_text():
            await asyncio.sleep(0.1)
    await two.sender.submit(two.intake("k-1"))
    headers, record = await two.next_asked()
    await two.answer(headers, record)

    assert (await two.sender.answer("k-1"))["type"] == CommandAccepted.TYPE
