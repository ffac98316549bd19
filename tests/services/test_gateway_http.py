"""The gateway's door over HTTP, and the feed read by a cursor."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from cloudevents.core.bindings.http import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.answers import CommandRejected
from contracts.events import ReferralSent
from services.chassis.settings import Settings
from services.gateway.api import AT_ONCE
from tests.services.two_agencies import Behind, Two, gateway_alone, two_agencies

SUBMIT = "staffetta.intake.submit.v1"
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


async def test_a_posted_command_is_answered_in_the_response_and_on_the_feed(two: Two) -> None:
    async def answers() -> None:
        await two.answer(*await two.next_asked())

    async with two.http(two.receiver) as http:
        answering = asyncio.create_task(answers())
        body = two.statement(command_id="c/1 è")
        first = await http.post("/v1/commands", json=body, headers={"ce-type": ACCEPT, "ce-id": "m-1"})
        await answering
        again = await http.post("/v1/commands", json=body, headers={"ce-type": ACCEPT, "Idempotency-Key": "m-2"})
        found = await http.get(first.headers["location"])
        by_message = await http.get("/v1/commands/m-1")
        feed = await http.get("/v1/feed")

    assert first.status_code == again.status_code == 202
    assert first.headers["location"] == f"/v1/commands/{quote('c/1 è', safe='')}"
    assert first.json()["command_id"] == "c/1 è"
    expected = {"outcome": "accepted", "status": 202, "state": "ACCEPTED", "version": 4}
    assert expected.items() <= first.json()["answer"].items()
    assert again.json() == found.json() == first.json()
    assert by_message.json()["answer"] == first.json()["answer"]
    assert [e["data"]["command_id"] for e in feed.json()["entries"]] == ["c/1 è"]
    assert await two.asks_nothing(0.5)


async def test_a_command_refused_by_the_rules_was_admitted_and_says_so(two: Two) -> None:
    async def refuses() -> None:
        headers, command = await two.next_asked()
        rejected = CommandRejected(
            asked=command.asked,
            code="version_conflict", pointer="/expected_version", message="m", subject="s", state="CLOSED", version=7,
        )  # fmt: skip
        await two.behind.say(rejected, topic="referrals", key=headers["ce_subject"], cause=headers["ce_id"])

    async with two.http(two.receiver) as http:
        refusing = asyncio.create_task(refuses())
        response = await http.post("/v1/commands", json=two.statement(), headers={"ce-type": ACCEPT, "ce-id": "m-1"})
        await refusing

    assert response.status_code == 202
    expected = {"outcome": "rejected", "status": 409, "code": "version_conflict", "state": "CLOSED", "version": 7}
    assert expected.items() <= response.json()["answer"].items()


async def test_an_answer_that_takes_longer_is_found_where_the_response_says(two: Two) -> None:
    async with two.http(two.sender) as http:
        response = await http.post("/v1/commands", json=two.intake("k-1"), headers={"ce-type": SUBMIT, "ce-id": "m-1"})
        waiting = await http.get(response.headers["location"])
        await two.answer(*await two.next_asked())
        await two.sender.answer("k-1")
        found = await http.get(response.headers["location"])

    assert (response.status_code, response.json()["answer"]) == (202, None)
    assert (waiting.status_code, waiting.json()["answer"]) == (200, None)
    assert found.json()["answer"]["outcome"] == "accepted"


async def test_an_id_in_a_header_of_http_is_the_one_that_it_is_on_kafka(two: Two) -> None:
    id = "fascicolo 12/à 50%"
    event = CloudEvent({"id": id, "source": "/agencies/x", "type": SUBMIT}, two.intake("k-1"))
    sent = to_binary(event, JSONFormat())

    async with two.http(two.sender) as http:
        posting = asyncio.create_task(http.post("/v1/commands", content=sent.body, headers=dict(sent.headers)))
        headers, command = await two.next_asked()
        await two.answer(headers, command)
        posted, found = await posting, await http.get(f"/v1/commands/{quote(id, safe='')}")
        no_text = {"ce-type": SUBMIT, "ce-id": "%C0%A0"}
        refused = await http.post("/v1/commands", json=two.intake("k-2"), headers=no_text)
    await two.sender.say(SUBMIT, sent.body, id=id)
    async with asyncio.timeout(20):
        while not two.sender.repeats:
            await asyncio.sleep(0.1)

    assert command.asked.message_id == id and posted.json()["answer"]["outcome"] == "accepted"
    assert found.json()["answer"] == posted.json()["answer"]
    assert len(two.sender.answers("k-1")) == 1, "on Kafka it is the same message once more"
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_encoding")
    assert "attribute id of CloudEvents" in refused.json()["detail"]
    assert await two.asks_nothing(0.5)


async def test_for_an_agency_speaks_who_works_for_it_and_a_coordinator_says_what_is_theirs(two: Two) -> None:
    async def said(http: Any, *roles: str, command: str = "accept") -> tuple[int, Any]:
        body = two.statement(command, command_id=f"c-{command}")
        headers = two.behind.processes.bearer(two.receiver.code, *roles) | {"ce-id": f"m-{command}"}
        told = await http.post(
            "/v1/commands", json=body, headers=headers | {"ce-type": f"staffetta.referral.{command}.v1"}
        )
        return told.status_code, told.json().get("code")

    async with two.http(two.receiver) as http:
        refused = [await said(http, role) for role in ("auditor", "ops", "national", "coordinator")]
        auditor = two.behind.processes.bearer(two.receiver.code, "auditor")
        asked = await http.get("/v1/commands/c-accept", headers=auditor)
        saying = asyncio.create_task(said(http, "coordinator", command="withdraw"))
        headers, withdrawal = await two.next_asked()
        await two.answer(headers, withdrawal)
        taken = await saying

    assert refused == [(403, "not_authorised")] * 4
    assert (asked.status_code, asked.json()["code"]) == (403, "not_authorised")
    assert taken == (202, None)
    assert (withdrawal.command, withdrawal.asked.roles) == ("withdraw", ("coordinator",))


async def test_who_a_caseworker_is_is_known_by_their_token_and_not_by_what_the_message_claims(two: Two) -> None:
    supervisor = f"{two.receiver.code}:supervisor"

    async def asked(http: Any, id: str, *roles: str, **fields: Any) -> Any:
        token = {"Authorization": f"Bearer {two.behind.processes.token(two.receiver.code, *roles, actor='w01')}"}
        body, said = two.statement(command_id=id, **fields), {"ce-type": ACCEPT, "ce-id": id}
        posting = asyncio.create_task(http.post("/v1/commands", json=body, headers=token | said))
        headers, command = await two.next_asked()
        await two.answer(headers, command)
        answer = (await posting).json()
        again = (await http.post("/v1/commands", json=body, headers=token | said)).json()
        assert answer["answer"]["outcome"] == "accepted" and again == answer
        return command.asked

    async with two.http(two.receiver) as http:
        claimed = await asked(http, "c-1", "caseworker", actor=supervisor)
        unsaid = await asked(http, "c-2", "caseworker")
        by_system = await asked(http, "c-3", actor=supervisor)

    assert claimed.actor == unsaid.actor == f"{two.receiver.code}:w01"
    assert (claimed.roles, by_system.actor) == ((), supervisor)
    assert await two.asks_nothing(0.5)


async def test_what_the_door_refused_is_found_by_its_names(two: Two) -> None:
    await two.receiver.say(ACCEPT, json.dumps(two.statement(by=two.sender.code, command_id="c-1")).encode(), id="m-1")
    told = await two.receiver.answer("c-1")

    async with two.http(two.receiver) as http:
        found = [await http.get(f"/v1/commands/{name}") for name in ("c-1", "m-1")]
        posting = asyncio.create_task(
            http.post("/v1/commands", json=two.statement(command_id="c-1"), headers={"ce-type": ACCEPT, "ce-id": "m-2"})
        )
        await two.answer(*await two.next_asked())
        said_better, of_first = (await posting).json(), await http.get("/v1/commands/m-1")
    async with two.http(two.sender) as http:
        elsewhere = await http.get("/v1/commands/c-1")

    assert told["value"]["code"] == "not_authorised"
    for one in (*found, of_first):
        answer = one.json()["answer"]
        assert (one.status_code, answer["outcome"], answer["status"]) == (200, "rejected", 403)
        assert (answer["code"], answer["pointer"]) == ("not_authorised", "/agency")
    assert said_better["answer"]["outcome"] == "accepted"
    assert elsewhere.status_code == 404


async def test_what_was_put_on_a_topic_is_noted_before_it_is_waited_for(two: Two) -> None:
    """So that it is found whatever becomes meanwhile of the store, or of who waits."""
    settings = two.behind.settings
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    noted = client[settings.named("gateway")].taken
    async with two.http(two.sender) as http:
        headers = {"ce-type": SUBMIT, "ce-id": "m-1"}
        posting = asyncio.create_task(http.post("/v1/commands", json=two.intake("k-1"), headers=headers))
        asked = await two.next_asked()
        found = [await noted.find_one({"_id": f"{two.sender.code}/{name}"}) for name in ("m-1", "k-1")]
        await two.answer(*asked)
        await posting
    client.close()

    assert all(found)


async def test_a_refusal_at_the_http_door_is_a_problem_and_nothing_is_kept(two: Two) -> None:
    submit = {"ce-type": SUBMIT, "ce-id": "m-1"}
    of_referral = {"ce-type": ACCEPT, "ce-id": "m-2"}
    nowhere = two.statement(by=two.sender.code, referral_id="r")
    of_system = {"ce-type": "staffetta.referral.expire.v1", "ce-id": "m-3"}

    async with two.http(two.sender) as http:
        posts = [
            await http.post("/v1/commands", content=b'{"a": Zefirina', headers=submit),
            await http.post("/v1/commands", content=b'"' + b"x" * 300_000, headers=submit),
            await http.post("/v1/commands", json=two.intake() | {"Zefirina": 1}, headers=submit),
            await http.post("/v1/commands", json=two.intake(sender=two.receiver.code), headers=submit),
            await http.post("/v1/commands", json=two.statement("expire"), headers=of_system),
            await http.post("/v1/commands", json=nowhere, headers=of_referral),
            await http.post("/v1/commands", json=two.intake(), headers={"ce-type": SUBMIT}),
            await http.get("/v1/commands/unknown"),
            await http.get("/v1/feed?after=-1"),
            await http.get("/v1/feed?after=77"),
            await http.get("/v1/feed?since=yesterday"),
            await http.get("/v1/feed?since=2026-11-01T00:00:00"),
            await http.get("/v1/feed?after=1&since=2026-11-01T00:00:00Z"),
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
        (410, "gone", None),
        *3 * [(422, "invalid_value", None)],
    ]
    assert {p.headers["content-type"] for p in posts} == {"application/problem+json"}
    assert feed.json() == {"entries": [], "next": None}
    assert await two.asks_nothing(0.5)


async def test_over_http_a_conflict_is_409(two: Two) -> None:
    await two.sender.submit(two.intake("k-1"), id="m-1")
    await two.next_asked()

    async with two.http(two.sender) as http:
        body = two.intake("k-1", priority="HIGH")
        response = await http.post("/v1/commands", json=body, headers={"ce-type": SUBMIT, "ce-id": "m-2"})

    assert response.status_code == 409
    expected = {"code": "idempotency_conflict", "pointer": "/idempotency_key", "status": 409}
    assert expected.items() <= response.json().items()


async def test_who_is_not_known_or_is_no_agency_has_no_say_over_http(two: Two) -> None:
    headers = {"ce-type": SUBMIT, "ce-id": "m-1"}
    said = []

    for agency in (None, "pa.penc"):
        async with two.http(agency) as http:
            said += [
                await http.post("/v1/commands", json=two.intake(), headers=headers),
                await http.get("/v1/commands/k-1"),
                await http.get("/v1/feed"),
            ]

    refusals = [(r.status_code, r.json()["code"]) for r in said]
    assert refusals == [(401, "not_authenticated")] * 3 + [(403, "not_authorised")] * 3
    assert said[0].headers["www-authenticate"] == "Bearer"


async def test_an_agency_finds_only_its_own_commands_and_its_own_feed(two: Two) -> None:
    await two.sender.submit(two.intake("k-1"), id="m-1")
    await two.answer(*await two.next_asked())
    await two.sender.answer("k-1")

    async with two.http(two.receiver) as http:
        command, feed = await http.get("/v1/commands/k-1"), await http.get("/v1/feed")

    assert command.status_code == 404
    assert feed.json()["entries"] == []


async def test_the_feed_over_http_is_read_by_cursor_and_waits_for_what_comes(two: Two) -> None:
    for version in (1, 2, 3):
        await two.behind.say(two.referral(version=version))
    await two.sender.event("referral.sent", version=3)

    async with two.http(two.sender) as http:
        first = (await http.get("/v1/feed?limit=2")).json()
        rest = (await http.get(f"/v1/feed?after={first['next']}")).json()
        end = (await http.get("/v1/feed?limit=0")).json()
        polling = asyncio.create_task(http.get(f"/v1/feed?after={rest['next']}&wait=20"))
        await asyncio.sleep(0.5)
        await two.behind.say(two.referral(version=4))
        polled = (await asyncio.wait_for(polling, 10)).json()

    versions = [[e["data"]["version"] for e in page["entries"]] for page in (first, rest, polled)]
    assert versions == [[1, 2], [3], [4]]
    assert polled["next"] == polled["entries"][0]["cursor"]
    assert end == {"entries": [], "next": rest["next"]}
    wanted = {"specversion": "1.0", "type": ReferralSent.TYPE, "source": "/services/gateway", "sequence": "4"}
    assert wanted.items() <= polled["entries"][0].items()


async def test_who_was_away_reads_the_feed_from_a_time(two: Two) -> None:
    await two.behind.say(two.referral(version=1))
    await two.sender.event("referral.sent", version=1)
    away = datetime.now(UTC)
    for version in (2, 3):
        await two.behind.say(two.referral(version=version))
    await two.sender.event("referral.sent", version=3)

    async with two.http(two.sender) as http:
        missed = (await http.get("/v1/feed", params={"since": away.isoformat()})).json()
        of_old = (await http.get("/v1/feed", params={"since": "1969-07-20T20:17:00Z"})).json()
        later = (await http.get("/v1/feed", params={"since": (away + timedelta(days=1)).isoformat()})).json()
        polling = asyncio.create_task(http.get(f"/v1/feed?after={later['next']}&wait=20"))
        await two.behind.say(two.referral(version=4))
        polled = (await asyncio.wait_for(polling, 30)).json()

    versions = [[e["data"]["version"] for e in page["entries"]] for page in (missed, of_old, later, polled)]
    assert versions == [[2, 3], [1, 2, 3], [], [4]]


async def test_an_agency_that_asks_too_much_at_once_keeps_no_other_waiting(two: Two) -> None:
    async with two.http(two.sender) as http, two.http(two.receiver) as other:
        polling = [asyncio.create_task(http.get("/v1/feed?wait=5")) for _ in range(AT_ONCE + 5)]
        await asyncio.wait(polling, return_when=asyncio.FIRST_COMPLETED)
        beside = await other.get("/v1/feed")
        polled = await asyncio.gather(*polling)
        later = await http.get("/v1/feed")

    refused = [page for page in polled if page.status_code != 200]
    assert [(page.status_code, page.headers["retry-after"]) for page in refused] == [(429, "1")] * 5
    assert (beside.status_code, later.status_code) == (200, 200)


async def test_a_long_poll_does_not_hold_up_a_process_that_is_asked_to_stop(two: Two) -> None:
    processes = two.behind.processes
    processes.again = False
    await processes.start("gateway", "1")
    await processes.ready()

    async with two.http(two.sender, "1") as http:
        polling = asyncio.create_task(http.get("/v1/feed?wait=25"))
        await asyncio.sleep(0.5)
        processes.workers["gateway-1"].terminate()
        page = await asyncio.wait_for(polling, 5)
        code = await asyncio.wait_for(processes.workers["gateway-1"].wait(), 5)

    assert page.json()["entries"] == []
    assert code == 0


async def test_the_openapi_document_says_what_may_be_posted_and_how_it_is_refused(two: Two) -> None:
    async with two.http(None) as http:
        document = (await http.get("/openapi.json")).json()

    post = document["paths"]["/v1/commands"]["post"]
    body = post["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {"an intake", "a decline", "a consent withdrawn", "a person erased"}
    assert "application/problem+json" in post["responses"]["409"]["content"]
    assert "SubmitIntake" in json.dumps(body["schema"])
