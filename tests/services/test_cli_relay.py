"""`staffetta` and the demonstration against a relay that runs."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.notifications import public_code
from contracts.sharing import WithdrawBases
from contracts.values import Asked as Asking
from services.chassis.messages import headers
from services.chassis.settings import Settings
from services.cli.words import Words
from services.referral.domain.needs import referral_id
from tests.builders import an_intake
from tests.nursery import Asked
from tests.processes import RELAY, ROOT
from tests.services.desk import Desk, at_a_desk

CONTROL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
SHOW_THE_CURSOR = "\x1b[?25h"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with at_a_desk(engines, tmp_path_factory.mktemp("relay")) as desk:
        yield desk


async def test_the_doctor_finds_a_relay_that_runs_well(desk: Desk) -> None:
    asked = await desk("doctor", "--json")

    assert asked.status == 0, asked.said
    assert {check["name"] for check in asked.json} >= {"Kafka", "store", *RELAY}


async def test_every_line_has_its_answer_and_a_file_sent_again_the_same_ones(desk: Desk) -> None:
    taken, other = (an_intake(f"pa.comune/{uuid4().hex}/1") for _ in range(2))
    refused = an_intake(f"pa.penc/{uuid4().hex}/1", sender="pa.penc", city_of_intake="atlantis")
    file = desk.file(taken, refused, other, taken)

    first, again = await desk("submit", file, "--json"), await desk("submit", file, "--json")

    outcomes = [[answer["outcome"] for answer in line["answers"]] for line in first.json["lines"]]
    assert (first.status, outcomes) == (1, [["accepted"], ["rejected"], ["accepted"], ["accepted"]])
    assert first.json["duplicates"] == 1 and first.json["missing"] == 0
    assert "1 refused" in first.complaint
    assert again.json == first.json
    assert (await desk("submit", desk.file(taken, other))).status == 0


async def test_an_agency_without_topics_is_named_and_nothing_is_sent(desk: Desk) -> None:
    asked = await desk("submit", desk.file(an_intake(f"zz.none/{uuid4().hex}/1", sender="zz.none")))

    assert asked.status == 1
    assert "zz.none" in asked.complaint


async def test_an_agency_of_a_file_is_loaded_and_soon_has_its_topics(desk: Desk) -> None:
    section = (ROOT / "docs/operating.md").read_text("utf-8").partition("## Add an agency")[2]
    (desk.folder / "agency.json").write_text(section.partition("```json\n")[2].partition("```")[0], "utf-8")

    first, again = [await desk("directory", "load", "agency.json") for _ in range(2)]

    assert first.said == "1 agency and 1 offer are in the directory: 2 new\n", first.complaint
    assert again.said == "1 agency and 1 offer are in the directory: 2 unchanged\n"
    async with asyncio.timeout(60):
        while (await desk("topics", "--agency", "pa.sportello")).status:
            await asyncio.sleep(0.5)


async def test_a_referral_is_found_in_the_queue_answered_and_its_page_tells_it(desk: Desk) -> None:
    await desk("submit", desk.file(an_intake(f"pa.comune/{uuid4().hex}/1")))
    referral_id = await _first_in_the_queue(desk, "pa.accura")
    version = await _version_once_its_place_is_held(desk, referral_id)

    refused = await desk("answer", referral_id, "start", "--agency", "pa.accura", "--json")
    seen = await desk("answer", referral_id, "acknowledge", "-a", "pa.accura", "--expected-version", version, "--json")
    declined = await desk("answer", referral_id, "decline", "-a", "pa.accura", "--reason", "no_capacity")
    page, told = await desk("referral", referral_id, "--lang", "it"), await desk("referral", referral_id, "--json")
    again = await desk("referral", referral_id, "--replay", "--lang", "it")

    assert refused.status == 1 and '"code": "invalid_transition"' in refused.said
    assert seen.status == 0 and seen.json["answer"]["state"] == "ACKNOWLEDGED"
    assert declined.status == 0
    assert [entry["command"] for entry in told.json["referral"]["timeline"]] == [
        "open", "note_place", "acknowledge", "decline",
    ]  # fmt: skip
    assert Words("it").of("decline_reasons", "no_capacity") in page.said
    assert told.json["explanation"]["candidates"][0]["offer"] in page.said
    assert Words("it")("replay_same") in again.said and Words("it")("replay_same") not in page.said


async def test_who_sends_a_draft_elsewhere_is_asked_why_and_the_page_says_who_chose_what(desk: Desk) -> None:
    intake = an_intake(f"pa.comune/{uuid4().hex}/1", services=("lab.it", "health.primary"))
    intake["tier0"]["services"][1]["depends_on"] = "lab.it"
    (line,) = (await desk("submit", desk.file(intake), "--json")).json["lines"]
    draft, to_salute = str(referral_id(UUID(line["answers"][0]["subject"]), 1)), ("--field", "offer=pa.salute.primary")
    async with asyncio.timeout(60):
        while (await desk("referral", draft)).status:
            await asyncio.sleep(0.5)

    refused = await desk("answer", draft, "send", "-a", "pa.comune", *to_salute)
    sent = await desk("answer", draft, "send", "-a", "pa.comune", *to_salute, "--field", "override_reason=known_there")
    page = await desk("referral", draft, "--replay", "--lang", "it")

    assert refused.status == 1 and "--field override_reason=person_prefers|known_there|" in refused.complaint
    assert sent.status == 0, sent.complaint
    choice = page.said.partition(Words("it")("override"))[2]
    assert Words("it").of("override_reasons", "known_there") in choice and "pa.comune" in choice
    assert "pa.accura.primary" in choice and Words("it")("replay_same") in choice


async def test_the_code_of_a_mail_finds_its_referral_for_those_who_may_read_it(desk: Desk) -> None:
    id = await _one_more_in_the_queue(desk, "pa.accura")
    line = next(of for of in (await desk("queue", "-a", "pa.accura", "--json")).json if of["referral_id"] == id)
    code = line["code"]

    page, queue = await desk("referral", code.lower()), await desk("queue", "-a", "pa.accura")
    stranger = await desk("answer", code, "acknowledge", "-a", "pa.penc")
    seen = await desk("answer", code, "acknowledge", "-a", "pa.accura", "--json")

    assert id in page.said and code in page.said and code in queue.said
    assert stranger.status == 1 and f"no referral {code}" in stranger.complaint
    assert seen.status == 0 and seen.json["answer"]["state"] == "ACKNOWLEDGED"


async def test_a_basis_that_is_taken_back_names_the_referrals_that_went_with_it(desk: Desk) -> None:
    submitted = await desk("submit", desk.file(an_intake(f"pa.comune/{uuid4().hex}/1")), "--json")
    intake_id = submitted.json["lines"][0]["answers"][0]["intake_id"]
    await _first_in_the_queue(desk, "pa.accura")
    withdraw = ("basis", "withdraw", intake_id, "b1", "--agency", "pa.comune", "--cause", "consent_withdrawn")

    taken_back, again = await desk(*withdraw, "--lang", "it"), await desk(*withdraw, "--json")

    code = public_code(uuid5(UUID(intake_id), "referral:0"), "palermo")
    assert taken_back.status == 0, taken_back.complaint
    assert taken_back.said.startswith(f"Ritirato: b1.\nRevocato: {code}, ")
    assert "pa.accura" in taken_back.said and "accettata: -" not in taken_back.said
    assert again.status == 1 and again.json["answer"]["code"] == "invalid_transition"


async def test_the_queue_of_an_agency_that_nobody_knows_is_not_empty_but_wrong(desk: Desk) -> None:
    unknown, empty = await desk("queue", "--agency", "pa.nobody"), await desk("queue", "--agency", "pa.comune")

    assert unknown.status == 1 and "pa.nobody" in unknown.complaint
    assert empty.status == 0 and "No open referral" in empty.said


async def test_a_stranger_to_a_referral_is_refused_with_a_sentence(desk: Desk) -> None:
    asked = await desk("answer", str(uuid4()), "accept", "--agency", "pa.penc")

    assert asked.status == 1
    assert "unknown_referral" in asked.complaint


async def test_a_message_nobody_can_read_is_parked_shown_without_its_content_and_discarded(desk: Desk) -> None:
    await _put_unreadable(desk)
    listed = await _until_parked(desk)
    id = listed[0]["id"]

    shown = await desk("parked", "show", id)
    replayed = await desk("parked", "replay", id, "--why", "it may be readable by now")
    discarded = await desk("parked", "discard", id, "--why", "a test put it there")

    assert listed[0]["service"] == "intake" and listed[0]["reason"].startswith("unreadable")
    assert shown.status == 0 and "SECRET" not in shown.said and id in shown.said
    assert replayed.status == 1 and f"{id}  parked again, unreadable:KeyError" in replayed.said
    assert discarded.status == 0 and f"{id}  given up" in discarded.said
    assert (await desk("parked", "list", "--json")).json["parked"] == []


async def test_all_keys_of_a_reason_are_replayed_and_of_each_it_is_said_what_became_of_it(desk: Desk) -> None:
    keys = [uuid4().hex for _ in range(3)]
    for key in (*keys, keys[2]):
        await _put_unreadable(desk, key)
    parked = await _until_parked(desk, 4)
    await _make_readable(desk, keys[0])
    first = {one["key"]: one["id"] for one in reversed(parked)}
    all_of_it = ("parked", "replay", "--all", "--why", "mended", "--json")

    unsure = await desk(*all_of_it)
    none = await desk(*all_of_it, "--yes", "--reason", "failed")
    others = await desk(*all_of_it, "--yes", "--service", "referral")
    asked = await desk(*all_of_it, "--yes", "--service", "intake", "--reason", "unreadable")
    left = (await desk("parked", "list", "--json")).json["parked"]
    page = await desk("parked", "replay", "--all", "--why", "once more", "--yes")

    assert unsure.status == 2 and "3 keys" in unsure.said and "--yes" in unsure.said
    assert (none.status, none.json["keys"], others.status, others.json["keys"]) == (0, 0, 0, 0)
    became = {one["message_id"]: (one["outcome"], one["reason"]) for one in asked.json["became"]}
    again = ("again", "unreadable:KeyError")
    assert asked.status == 1
    assert became == {first[keys[0]]: ("done", None), first[keys[1]]: again, first[keys[2]]: again}
    assert [one["reason"] for one in left if one["key"] == keys[2]] == ["unreadable:KeyError", "after_parked"]
    assert all(one["tried_at"] for one in left if one["id"] == one["first"])
    assert page.status == 1 and "2/2  intake: " in page.said and "went through: 0, parked again: 2" in page.said
    for one in left:
        assert (await desk("parked", "discard", one["id"], "--why", "a test put it there")).status == 0


async def test_more_parked_messages_than_a_page_holds_are_listed_and_reached_to_the_last(desk: Desk) -> None:
    settings = desk.relay.settings
    await _put_unreadable(desk, "longer than a page")
    [first] = await _until_parked(desk)
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    parked = client[settings.named("intake")].parked
    [copied] = await parked.find({"_id": first["id"]}).to_list(None)
    await parked.insert_many([copied | {"_id": f"copy-{n}", "offset": 10_000 + n} for n in range(1001)])

    listed = (await desk("parked", "list", "--json")).json["parked"]
    last = await desk("parked", "show", "copy-1000")

    assert [one["id"] for one in listed] == [first["id"], *(f"copy-{n}" for n in range(1001))]
    assert {one["first"] for one in listed} == {first["id"]}
    assert last.status == 0 and "copy-1000" in last.said
    await parked.delete_many({"offset": {"$gte": 10_000}})
    client.close()
    assert (await desk("parked", "discard", first["id"], "--why", "a test put it there")).status == 0


async def test_ctrl_c_asks_for_no_more_parked_messages_and_says_how_far_it_came(desk: Desk) -> None:
    for _ in range(12):
        await _put_unreadable(desk, uuid4().hex)
    parked = await _until_parked(desk, 12)

    with a_terminal(columns=120) as terminal:
        replaying = await desk.begin("services.cli", "parked", "replay", "--all", "--why", "mended", "--yes",
                                     stdout=terminal.far)  # fmt: skip
        await terminal.shows("10/12 intake: ")  # they are asked for ten at a time
        replaying.send_signal(signal.SIGINT)
        _, complaint = await replaying.communicate()
        await terminal.shows("staffetta parked list says so")

    assert replaying.returncode == 130 and b"stopped" in complaint and b"Traceback" not in complaint
    for one in parked:
        assert (await desk("parked", "discard", one["id"], "--why", "a test put it there")).status == 0


async def test_a_queue_is_watched_line_by_line_until_ctrl_c(desk: Desk) -> None:
    there = await _one_more_in_the_queue(desk, "pa.accura")
    watching = await desk.begin("services.cli", "watch", "--agency", "pa.accura", "--json")

    first = await _line(watching, there)
    new = await _line(watching, await _one_more_in_the_queue(desk, "pa.accura"))
    await desk("answer", new["referral_id"], "accept", "--agency", "pa.accura")
    accepted = await _line(watching, new["referral_id"])
    watching.send_signal(signal.SIGINT)
    _, complaint = await watching.communicate()

    assert first["event"] is None and first["service"] == "health.primary"
    assert new["code"] == accepted["code"] == public_code(UUID(new["referral_id"]), "palermo")
    assert (new["event"], new["state"]) == ("staffetta.referral.sent.v1", "REQUESTED")
    assert (accepted["event"], accepted["state"]) == ("staffetta.referral.accepted.v1", "ACCEPTED")
    assert accepted["version"] > new["version"]
    assert (watching.returncode, complaint) == (0, b"")


async def test_on_a_narrow_terminal_a_queue_is_drawn_anew_with_each_change_until_ctrl_c(desk: Desk) -> None:
    with a_terminal(columns=44) as terminal:
        watching = await desk.begin("services.cli", "watch", "--agency", "pa.accura", stdout=terminal.far, TERM="xterm")
        await terminal.shows("Queue of pa.accura")

        id = await _one_more_in_the_queue(desk, "pa.accura")
        code = public_code(UUID(id), "palermo")
        await terminal.shows(f"Requested {code} Primary health visit {id}")
        await desk("answer", id, "acknowledge", "--agency", "pa.accura")
        await terminal.shows(f"Acknowledged {code} Primary health visit {id}")
        watching.send_signal(signal.SIGINT)
        _, complaint = await watching.communicate()

        assert (watching.returncode, complaint) == (0, b"")
        await terminal.shows(SHOW_THE_CURSOR, raw=True)


async def test_the_topics_are_told_with_what_they_hold_and_who_is_behind(desk: Desk) -> None:
    await desk("submit", desk.file(an_intake(f"pa.comune/{uuid4().hex}/1")))
    seen: dict[str, Any] = {}

    async with asyncio.timeout(60):
        while not seen or seen["intakes"]["lag"].keys() != {"referral", "gateway"}:
            seen = {row["name"]: row for row in (await desk("topics", "--json")).json}

    page, one = await desk("topics"), await desk("topics", "--agency", "pa.comune", "--json")
    assert seen["intakes"]["messages"] >= 2 and seen["intakes"]["partitions"] == 6
    assert seen["agencies.{agency}.commands"]["topics"] >= 9
    assert seen["agencies.{agency}.commands"]["lag"].keys() == {"gateway"}
    assert "intake.commands" in page.said and "agencies.{agency}.feed" in page.said
    assert {row["name"]: row["topics"] for row in one.json}["agencies.pa.comune.feed"] == 1
    assert (await desk("topics", "--agency", "zz.none")).status == 1


async def test_the_demonstration_comes_to_its_end_and_says_what_became_of_each(desk: Desk) -> None:
    played = await desk.run("deploy.local.demo")
    again = await desk.run("deploy.local.demo")

    assert played.status == 0, played.said + played.complaint
    assert "Traceback" not in played.complaint
    assert "pa.accura: Declined (No capacity) → pa.salute: Closed (Served, completed)" in played.said
    assert again.status == 0 and _summary(again) == _summary(played)


async def _line(watching: asyncio.subprocess.Process, referral_id: str = "", seconds: float = 60) -> dict[str, Any]:
    """The next line that a watcher prints, or the next of one referral."""
    assert watching.stdout
    async with asyncio.timeout(seconds):
        while said := await watching.stdout.readline():
            line: dict[str, Any] = json.loads(said)
            if line["referral_id"] == (referral_id or line["referral_id"]):
                return line
    raise AssertionError("it ended")


@dataclass
class Terminal:
    """What a person sees. far: its end for a program; said: all that was written there."""

    near: int
    far: int
    said: str = ""

    def read(self) -> None:
        with suppress(OSError):
            self.said += os.read(self.near, 65_536).decode("utf-8", "replace")

    async def shows(self, text: str, *, raw: bool = False, seconds: float = 60) -> None:
        """Words, wherever the lines break; raw: the very characters."""
        async with asyncio.timeout(seconds):
            while text not in (self.said if raw else " ".join(CONTROL.sub(" ", self.said).split())):
                await asyncio.sleep(0.05)


@contextmanager
def a_terminal(columns: int) -> Iterator[Terminal]:
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 200, columns, 0, 0))
    terminal, loop = Terminal(near, far), asyncio.get_running_loop()
    loop.add_reader(near, terminal.read)
    yield terminal
    loop.remove_reader(near)
    os.close(near)
    os.close(far)


async def _one_more_in_the_queue(desk: Desk, agency: str) -> str:
    """Another person is asked for; the id of their referral."""

    async def there() -> set[str]:
        return {of["referral_id"] for of in (await desk("queue", "--agency", agency, "--json")).json}

    before = await there()
    await desk("submit", desk.file(an_intake(f"pa.comune/{uuid4().hex}/1")))
    async with asyncio.timeout(60):
        while not (new := await there() - before):
            await asyncio.sleep(0.2)
    return new.pop()


async def _first_in_the_queue(desk: Desk, agency: str) -> str:
    for _ in range(40):
        queue = (await desk("queue", "--agency", agency, "--json")).json
        if queue and queue[-1]["version"] > 1:  # its place is held
            return str(queue[-1]["referral_id"])
        await asyncio.sleep(0.2)
    raise TimeoutError(f"nothing came to the queue of {agency}")


async def _version_once_its_place_is_held(desk: Desk, referral_id: str) -> str:
    for _ in range(40):
        told = (await desk("referral", referral_id, "--json")).json["referral"]
        if "note_place" in [entry["command"] for entry in told["timeline"]]:
            return str(told["version"])
        await asyncio.sleep(0.2)
    raise TimeoutError(f"no place is held for {referral_id}")


async def _put_unreadable(desk: Desk, key: str = "nobody") -> None:
    from aiokafka import AIOKafkaProducer

    settings = desk.relay.settings
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url)
    await producer.start()
    await producer.send_and_wait(settings.named("intake.commands"), b'{"SECRET": 1}', key=key.encode())
    await producer.stop()


async def _make_readable(desk: Desk, key: str) -> None:
    """What a release that can read it would do: it asks something of an intake that nobody knows."""
    settings, id = desk.relay.settings, uuid4()
    asked = Asking(agency="pa.comune", command_id=id.hex, message_id=id.hex)
    said = WithdrawBases(intake_id=uuid4(), asked=asked, basis_ids=("b1",), revoke_cause="consent_withdrawn")
    about = headers(id=id, source="/services/gateway", type=said.TYPE, time=datetime.now(UTC), subject=key)
    named = [(name, value.decode()) for name, value in about]
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    of_key = {"key": key.encode(), "reason": {"$ne": "after_parked"}}
    now_readable = {"$set": {"headers": named, "value": said.model_dump_json().encode()}}
    changed = await client[settings.named("intake")].parked.update_one(of_key, now_readable)
    client.close()
    assert changed.modified_count == 1


async def _until_parked(desk: Desk, count: int = 1) -> list[dict[str, Any]]:
    for _ in range(40):
        found: list[dict[str, Any]] = (await desk("parked", "list", "--json")).json["parked"]
        if len(found) == count:
            return found
        await asyncio.sleep(0.2)
    raise TimeoutError(f"not {count} parked messages")


def _summary(played: Asked) -> str:
    return played.said[played.said.index("Sender  ") :]
