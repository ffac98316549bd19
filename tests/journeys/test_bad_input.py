"""Every bad input gets the answer that its index names, through both doors; it changes nothing and stops nothing."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.processes import ROOT, Processes, plain_http, running

BAD = ROOT / "tests/samples/bad_input"
INDEX: list[Entry] = json.loads((BAD / "index.json").read_text())["items"]
SAMPLE_INPUT = ("not_today", "Ã", "HYPERLINK", "<script", "RSSMRA85T10A562X", "$where", 'vulnerabilities": ["')
WHO = ("Amina", "Prova", "1995-03-14", "+39 000 000 9000")
"""Of nearly every file."""


@dataclass
class Answer:
    """What either door says: accepted or rejected, code, pointer, HTTP status (None over Kafka), flags."""

    accepted: bool
    code: str | None
    pointer: str | None
    flags: list[str]
    status: int | None
    value: Entry


Say = Callable[[str, str, bytes, str], Awaitable[Answer]]


def over_kafka(agencies: dict[str, Agency]) -> Say:
    async def say(agency: str, type: str, body: bytes, id: str) -> Answer:
        sender = agencies[agency]
        seen = len(sender.entries)
        await sender.say(type, body, id=id)
        entry = await sender.wait(lambda e: sender.entries.index(e) >= seen and "command." in e["type"])
        value, accepted = entry["value"], "accepted" in entry["type"]
        return Answer(accepted, value.get("code"), value.get("pointer"), value.get("flags", []), None, value)

    return say


def over_http(processes: Processes) -> Say:
    async def say(agency: str, type: str, body: bytes, id: str) -> Answer:
        headers = {"ce-type": type, "ce-id": id, "content-type": "application/json"} | processes.bearer(agency)
        async with plain_http(timeout=20) as client:
            response = await client.post(f"{processes.url('gateway')}/v1/commands", content=body, headers=headers)
            value = response.json()
            for _ in range(60 if response.status_code == 202 else 0):  # over five seconds: look where told
                if value.get("answer"):
                    break
                await asyncio.sleep(0.5)
                value = (await client.get(f"{processes.url('gateway')}/v1/commands/{id}", headers=headers)).json()
        answer = value.get("answer") or value
        status = (
            answer.get("status")
            if response.status_code == 202 and answer.get("outcome") == "rejected"
            else response.status_code
        )
        return Answer(answer.get("outcome") == "accepted", answer.get("code"), answer.get("pointer"),
                      answer.get("flags", []), status, value)  # fmt: skip

    return say


@pytest.mark.parametrize("door", ["kafka", "http"])
async def test_each_file_gets_its_answer_and_changes_nothing(network: Settings, logs: Path, door: str) -> None:
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(network, logs))
        agencies = {
            c: Agency(c, network.kafka_url, f"{network.namespace}-") for c in ("pa.comune", "pa.accura", "pa.legale")
        }
        for agency in agencies.values():
            await agency.open()
            stack.push_async_callback(agency.close)
        say = over_kafka(agencies) if door == "kafka" else over_http(processes)
        referral, before = "", None
        wrong = []
        for n, item in enumerate(INDEX):
            if item["message"] == "command" and not referral:
                referral = await _acknowledged(agencies, say)
                before = await _stored(network, referral)
            answer = await say(item["sent_by"], _type(item), _body(item, referral), f"bad-{door}-{n}")
            wrong += _compare(item, answer)
            wrong += [f"{item['file']}: {who} is echoed" for who in WHO if who in json.dumps(answer.value)]
        recorded = [e for e in agencies["pa.comune"].entries if e["type"] == "staffetta.intake.recorded.v1"]

        assert wrong == []
        assert before and await _stored(network, referral) == before
        accepted = [i for i in INDEX if i["message"] == "intake" and i["expected"]["outcome"] != "rejected"]
        assert len({e["key"] for e in recorded}) == len({_key(i) for i in accepted})
        assert all(p.returncode is None for p in processes.workers.values())
        said = _all_logs(logs)
        assert not re.search("|".join(map(re.escape, SAMPLE_INPUT + WHO)), said)


def _all_logs(folder: Path) -> str:
    return "".join(log.read_text("utf-8", "replace") for log in folder.glob("*.log"))


async def _acknowledged(agencies: dict[str, Agency], say: Say) -> str:
    sent = await agencies["pa.accura"].event("referral.sent")
    referral = str(sent["value"]["referral_id"])
    body = {"command_id": "see", "referral_id": referral, "command": "acknowledge", "agency": "pa.accura"}
    answer = await say("pa.accura", "staffetta.referral.acknowledge.v1", json.dumps(body).encode(), "see")
    assert answer.accepted, answer.value
    return referral


async def _stored(network: Settings, referral: str) -> Entry | None:
    """All that is kept of a referral: state, version, and what was said of it."""
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value())
    try:
        found: Entry | None = await client[network.named("referral")].referrals.find_one({"_id": referral})
        return found
    finally:
        client.close()


def _type(item: Entry) -> str:
    if item["message"] == "command":
        command = json.loads((BAD / item["file"]).read_bytes())["command"]
        return f"staffetta.referral.{command}.v1"
    return str(item.get("type", "staffetta.intake.submit.v1"))


def _body(item: Entry, referral: str) -> bytes:
    body = (BAD / item["file"]).read_bytes()
    if item["message"] != "command":
        return body
    filled: Entry = json.loads(body) | {"referral_id": referral}
    if "expected_version" in item["fill"]:
        filled["expected_version"] = 1
    return json.dumps(filled).encode()


def _key(item: Entry) -> Any:
    return json.loads((BAD / item["file"]).read_bytes().decode("utf-8-sig"))["idempotency_key"]


def _compare(item: Entry, answer: Answer) -> list[str]:
    expected = item["expected"]
    accepted = expected["outcome"] != "rejected"
    found = answer.code if not accepted else None
    wanted = expected["code"] if not accepted else None
    faults = []
    if (answer.accepted, found) != (accepted, wanted):
        faults.append(f"{item['file']}: {answer.code or 'accepted'} instead of {wanted or 'accepted'}")
    if not accepted and expected["pointer"] is not None and answer.pointer != expected["pointer"]:
        faults.append(f"{item['file']}: pointer {answer.pointer} instead of {expected['pointer']}")
    if expected["outcome"] == "accepted_with_flag" and expected["code"] not in answer.flags:
        faults.append(f"{item['file']}: no flag {expected['code']}")
    if answer.status is not None and answer.status != expected["http_status"]:
        faults.append(f"{item['file']}: HTTP {answer.status} instead of {expected['http_status']}")
    return faults
