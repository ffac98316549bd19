"""What is tried against the console by people who mean harm, with and without a desk of their own, and is refused.

Also refused, elsewhere: strangers' and changed sessions, forged forms (`test_login`), every page for every role and
relation (`test_access`), forged tokens (`tests/services/test_gateway_tokens.py`). There is no CSV to inject into: the
console gives none.
"""

import asyncio
import base64
import json
import re
import select
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from deploy.local import provider
from services.console import openid, settings
from tests.builders import an_intake
from tests.console.desk import Desk, Town
from tests.console.test_correcting import typed
from tests.processes import ROOT, load_directory

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "</title></option></textarea>\"'><img src=x onerror=alert(1)><script>alert(1)</script>"
AGENCY, OFFER, WORKER = f"Ente {EVIL}", f"Offerta {EVIL}", f"chi {EVIL}"[:60]
REFERENCE = f"rif {EVIL}"[:64]
ELSEWHERE = "evil.example"


class Read(HTMLParser):
    """A page as a browser reads it: what it shows, and whatever in it is not ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.strange: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.shown += [value or "" for value in known.values()]
        ours = tag != "script" or (known.get("src") or "").startswith("/static/")
        leads = [v for n, v in known.items() if n in ("href", "src", "action") and ":" in (v or "").partition("/")[0]]
        if not ours or tag in ("img", "iframe", "object") or leads or any(name.startswith("on") for name in known):
            self.strange.append(self.get_starttag_text() or tag)

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    def shows(self, text: str) -> bool:
        return any(text in part for part in self.shown)


def is_harmless(answer: httpx.Response, *, shows: str = "") -> bool:
    """Whether nothing of what was planted became part of the page, and it is there as text."""
    page = Read(answer.text)
    assert not page.strange, page.strange
    assert page.shows(shows), f"{answer.request.url} does not show {shows!r}"
    return True


@dataclass
class Planted:
    """A referral whose every text is meant to break out of its page, and the desks that see it."""

    town: Town
    referral_id: str
    code: str
    desks: dict[str, Desk] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted(palermo: Town, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Planted]:
    """Names of agencies, queues and offers, the person's, the worker's, the reference: all of them are EVIL."""
    told = provider.people()
    told["pa.accura:supervisor"]["name"] = f"Nome {EVIL}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "people", lambda: told)
        await load_directory(palermo.settings, (_directory(tmp_path_factory.mktemp("evil")),))
        stated = an_intake(f"pa.comune/{uuid4().hex}/1", sender_ref=REFERENCE)
        stated["tier1"] |= {
            "name": {"given": f"Amina {EVIL}", "family": f"Prova {EVIL}"},
            "case_code": f"c {EVIL}"[:40],
        }
        await palermo.submit(stated)
        async with palermo.desk("pa.accura:supervisor") as ours, palermo.desk("pa.comune:caseworker") as theirs:
            referral_id = (await ours.get("/queue")).text.partition('href="/referrals/')[2][:36]
            answered = await ours.post(f"/referrals/{referral_id}/accept", assigned_worker=WORKER)
            assert answered.status_code == 303, answered.text
            await palermo.settle()
            code = (await ours.get(f"/referrals/{referral_id}")).text.partition("<h1>")[2][:9]
            yield Planted(palermo, referral_id, code, {"receiver": ours, "sender": theirs})


def _directory(folder: Path) -> str:
    sample = json.loads((ROOT / "deploy/local/demo/directory.palermo.json").read_text("utf-8"))
    for agency in sample["agencies"]:
        agency["name"] = {"it": AGENCY, "en": AGENCY}
        for queue in agency["queues"]:
            queue |= {"name": {"it": AGENCY}, "contact": queue["contact"] | {"phone": f"091 {EVIL}"[:40]}}
    for offer in sample["offers"]:
        offer["label"] = {"it": OFFER, "en": OFFER}
    file = folder / "directory.json"
    file.write_text(json.dumps(sample), "utf-8")
    return str(file)


# -- texts that would be more than text --------------------------------------------------------------------------------
async def test_names_of_agencies_offers_and_people_are_text_on_every_page(planted):
    ours, theirs, at = planted.desks["receiver"], planted.desks["sender"], f"/referrals/{planted.referral_id}"

    pages = [(ours, "/queue", AGENCY), (ours, at, WORKER), (ours, at, f"Nome {EVIL}"), (theirs, "/sent", AGENCY),
             (theirs, at, OFFER), (theirs, "/directory", OFFER), (theirs, "/new", AGENCY)]  # fmt: skip
    for desk, path, text in pages:
        assert is_harmless(await desk.get(path), shows=text), path
    found = await theirs.post("/search", q=REFERENCE)
    assert found.headers["location"] == at
    assert is_harmless(await ours.get(f"{at}/person"), shows=f"Amina {EVIL}")
    assert is_harmless(await theirs.post("/search", name="Amina"), shows=f"Prova {EVIL}")
    assert is_harmless(await theirs.post("/search", name=EVIL[:100]), shows=EVIL[:100])
    async with ours.client.stream("GET", f"{at}/live") as live:
        told = "".join([line async for line in until_the_first_event(live)])
    assert not Read(told).strange and Read(told).shows(WORKER)
    assert live.headers["x-accel-buffering"] == "no"


async def until_the_first_event(live: httpx.Response) -> AsyncIterator[str]:
    async for line in live.aiter_lines():
        if not line:
            break
        yield line.removeprefix("data: ")


async def test_what_is_typed_comes_back_as_text(planted):
    ours, at = planted.desks["receiver"], f"/referrals/{planted.referral_id}"
    typed = {"text": EVIL, "closure_outcome": "none of these", "version": EVIL, "command_id": EVIL}

    refused = await ours.post(f"{at}/close", **typed)
    fields = ("given", "family", "phone", "caregiver", "sender_ref", "key", "birth_date", "priority", "needs")
    meeting = await ours.post("/new", suggest="yes", **dict.fromkeys(fields, EVIL))

    assert refused.status_code == 422 and is_harmless(refused, shows=EVIL)
    assert meeting.status_code == 200 and is_harmless(meeting, shows=EVIL)


FIELD = re.compile(r'<(?:input|select|textarea) id="[^"]+" name="([a-z_]+)"')
TEXT_FIELD = re.compile(r'<(?:input|textarea) id="[^"]+" name="([a-z_]+)"')


async def test_whatever_is_typed_into_the_form_of_any_command_comes_back_as_text(planted):
    """Of a referral that has changed meanwhile, so that nothing of it is taken."""
    tried = set()
    for desk in planted.desks.values():
        page = (await desk.get(f"/referrals/{planted.referral_id}")).text
        for at in re.findall(rf'href="(/referrals/{planted.referral_id}/[a-z_]+)\?back', page):
            form = (await desk.get(at)).text
            answer = await desk.post(at, version="99", **dict.fromkeys(FIELD.findall(form), EVIL))

            tried.add(at.rpartition("/")[2])
            assert answer.status_code == 422, at
            assert is_harmless(answer, shows=EVIL if TEXT_FIELD.search(form) else ""), at
    assert {"start", "assign_worker", "add_note", "schedule_appointment", "withdraw"} <= tried


async def test_a_note_is_text(planted):
    ours, at = planted.desks["receiver"], f"/referrals/{planted.referral_id}"
    said = await ours.post(f"{at}/add_note", text=f"Nota {EVIL}")
    await planted.town.settle()
    [link] = re.findall(rf'href="({at}/notes/[0-9a-f-]+)"', (await ours.get(at)).text)

    assert said.status_code == 303
    for desk in planted.desks.values():
        assert is_harmless(await desk.get(link), shows=f"Nota {EVIL}")


async def test_what_a_correction_says_is_text_as_it_is_typed_and_once_it_is_told(planted):
    ours, offer = planted.desks["receiver"], "pa.accura.primary"
    words = {f"description_{language}": f"Orari {EVIL}" for language in ("it", "en")}
    wrong = {"phone": EVIL, "email": EVIL, "from-0": EVIL, "to-0": EVIL, "days-0": EVIL, "languages": EVIL}

    refused = await ours.post(f"/directory/{offer}", **typed(offer, **words, **wrong))
    taken = await ours.post(f"/directory/{offer}", **typed(offer, **words))
    await planted.town.settle()

    assert refused.status_code == 422 and is_harmless(refused, shows=f"Orari {EVIL}")
    assert Read(refused.text).shown.count(EVIL) == 5  # telephone, mail, from, to, and a language
    assert taken.status_code == 303, taken.text
    for desk in planted.desks.values():
        assert is_harmless(await desk.get("/directory"), shows=f"Orari {EVIL}")
    async with ours.client.stream("GET", "/directory/live") as live:
        told = "".join([line async for line in until_the_first_event(live)])
    assert not Read(told).strange and Read(told).shows(f"Orari {EVIL}")


async def test_what_a_message_set_aside_says_of_itself_is_text_for_operations(planted):
    """Its key and its trace are whatever its sender wrote; why it is discarded is what operations wrote."""
    producer = AIOKafkaProducer(bootstrap_servers=planted.town.settings.kafka_url)
    await producer.start()
    topic, trace = planted.town.settings.named("referral.commands"), [("ce_correlationid", f"t {EVIL}".encode())]
    await producer.send_and_wait(topic, b"no JSON", key=EVIL.encode(), headers=trace)
    await producer.stop()
    async with planted.town.desk("ops") as ops, asyncio.timeout(30):
        while "&lt;/option" not in (page := await ops.get("/ops")).text:
            await asyncio.sleep(0.2)
        [id] = re.findall(r'formaction="/ops/referral/([0-9a-f-]{36})/discard"', page.text)
        said = await ops.post(f"/ops/referral/{id}/discard", why=EVIL)
        after = await ops.get(said.headers["location"])

    assert is_harmless(page, shows=EVIL) and is_harmless(page, shows=f"t {EVIL}")
    assert said.status_code == 303 and is_harmless(after)


async def test_the_reason_of_who_breaks_the_glass_is_text_for_those_who_are_told(planted):
    async with planted.town.desk("pa.penc:supervisor") as stranger:
        assert (await stranger.post("/looks", code=planted.code, reason=EVIL)).status_code == 303
    async with planted.town.desk("auditor") as auditor:
        assert is_harmless(await auditor.get("/looks"), shows=EVIL)
    assert is_harmless(await planted.desks["receiver"].get(f"/referrals/{planted.referral_id}"), shows=EVIL)


@pytest.mark.parametrize("path", [
    "/search?q={}", "/r/{}", "/queue?said={}", "/queue?said=done&of={}", "/directory?city={}", "/directory?service={}",
    "/{}", "/static/{}", "/queue?lang={}", "/login/back?state={}&code={}", "/referrals/{}",
])  # fmt: skip
async def test_what_a_link_says_never_becomes_part_of_a_page(planted, path):
    answer = await planted.desks["sender"].get(path.replace("{}", quote(EVIL, safe="")))

    assert answer.status_code in (200, 400, 404, 422)
    assert is_harmless(answer)


# -- headers and places ------------------------------------------------------------------------------------------------
LINE = "%0d%0aSet-Cookie:%20staffetta=chosen%0d%0aX-Evil:%20yes"


@pytest.mark.parametrize("path", [
    f"/login?next=/queue{LINE}", f"/queue?lang=en{LINE}", f"/queue?said=done{LINE}", f"/r/PA{LINE}", f"/queue{LINE}",
    f"/referrals/{LINE}", f"/static/console.css{LINE}",
])  # fmt: skip
async def test_a_link_adds_no_header(planted, path):
    async with planted.town.desk() as nobody:
        for desk in (nobody, planted.desks["sender"]):
            answer = await desk.get(path, headers={"Accept-Language": b"en\t;q=x, \xe8/../it"})

            assert answer.status_code < 500
            assert "x-evil" not in answer.headers
            assert not any("chosen" in set for set in answer.headers.get_list("set-cookie"))


async def test_a_form_adds_no_header(planted):
    ours, at = planted.desks["receiver"], f"/referrals/{planted.referral_id}"
    line = "PA-7K3M9Q\r\nSet-Cookie: staffetta=chosen\r\nX-Evil: yes\r\n\r\n<html>"
    forms = {
        "/looks": {"code": line[:16], "reason": line}, "/search": {"name": line}, "/new": {"key": line, "basis": line},
        f"{at}/add_note": {"text": line, "version": "99"}, f"/twins/{uuid4()}": {"decision": "x", "back": line},
        f"{at}/close?back=queue": {"closure_outcome": line, "version": line}, "/batch?command=accept": {"of": line},
    }  # fmt: skip

    for path, fields in forms.items():
        answer = await ours.post(path, **fields)

        assert answer.status_code < 500, path
        assert "x-evil" not in answer.headers and "chosen" not in str(answer.headers), path


@pytest.mark.parametrize("head", [
    "Cookie: staffetta=x\rX-Evil: yes", "X-Forwarded-For: a\0b", "Accept-Language : it", "Host: a b",
    "Content-Length: 1\r\nContent-Length: 2", "Transfer-Encoding: chunked, chunked", "no colon", "X\u00e8: yes",
])  # fmt: skip
async def test_headers_that_two_readers_would_read_differently_are_refused(planted, head):
    async with planted.town.desk() as nobody:
        status, _, said = await raw(nobody, f"GET /login HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n", patience=5)

    assert status == 400
    assert "x-evil" not in said.lower()


async def test_headers_without_measure_are_refused_and_the_next_is_served(planted):
    begin = "GET /login HTTP/1.1\r\nHost: x\r\n"
    async with planted.town.desk() as nobody:
        one = await raw(nobody, begin, f"X-Long: {'x' * 1_000_000}", "\r\n\r\n", patience=5)
        many = await raw(nobody, begin, *[f"X-{n}: {'x' * 100}\r\n" for n in range(5_000)], "\r\n", patience=5)

        assert [status for status, _, _ in (one, many)] == [400, 400]
        assert (await nobody.get("/login")).status_code == 303


async def test_who_sends_headers_byte_by_byte_keeps_nobody_else_waiting(planted):
    url = planted.desks["sender"].client.base_url
    slow = [await asyncio.open_connection(url.host, url.port) for _ in range(100)]
    for piece in "GET /login HT":
        for _, writer in slow:
            writer.write(piece.encode())
        began = time.monotonic()
        assert (await planted.desks["sender"].get("/queue")).status_code == 200
        assert time.monotonic() - began < 5
    for _, writer in slow:
        writer.close()


@pytest.mark.parametrize("path", [
    f"//{ELSEWHERE}", f"//{ELSEWHERE}/queue", f"/%2f{ELSEWHERE}", f"/%5c{ELSEWHERE}", f"/queue//{ELSEWHERE}", "/queue/",
    "/referrals/..%2f..%2fqueue", "/static/..%2f..%2fsettings.py", "/static/%2e%2e/console.py", "/./queue/%2e%2e/city",
    f"/login?next=//{ELSEWHERE}", f"/login?next=/%09/{ELSEWHERE}", f"/login?next=https:{ELSEWHERE}",
    f"/login?next=%2f%2f{ELSEWHERE}", f"/login?next=/%5c{ELSEWHERE}", f"/login?next=/%C2%A0/{ELSEWHERE}",
])  # fmt: skip
async def test_no_path_leads_out_of_the_console(planted, path):
    async with planted.town.desk() as nobody:
        status, _, body = await raw(nobody, f"GET {path} HTTP/1.1\r\nHost: {ELSEWHERE}\r\nConnection: close\r\n\r\n")
    led = re.search(r"(?im)^location: *(\S+)", body)

    assert status in (303, 400, 404, 422)
    if led:
        at = urlsplit(led[1])
        assert at.netloc in ("", urlsplit(planted.town.provider).netloc), led[1]
        assert not led[1].startswith("//")
    assert f'"//{ELSEWHERE}' not in body and f"http://{ELSEWHERE}" not in body


@pytest.mark.parametrize("wanted", ["//{}", "%2f%2f{}", "/%09/{}", "/%5c{}", "https:{}", "https://{}", "/%0d%0a/{}"])
async def test_a_login_leads_to_a_page_of_ours_whatever_its_link_says(planted, wanted):
    async with planted.town.desk() as nobody:
        begun = await nobody.get(f"/login?next={wanted.format(ELSEWHERE)}")
        chosen = await nobody.client.post(begun.headers["location"], data={"sub": "auditor"})
        came = await nobody.get(chosen.headers["location"])

    assert (came.status_code, came.headers["location"]) == (303, "/")


async def test_an_unknown_host_is_never_named(planted):
    there = planted.desks["sender"]
    for path in ("/", "/queue", "/queue/", "/login", "/nothing"):
        answer = await there.get(path, headers={"Host": ELSEWHERE, "X-Forwarded-Host": ELSEWHERE})

        assert ELSEWHERE not in answer.text and ELSEWHERE not in str(answer.headers)


# -- ids of others -----------------------------------------------------------------------------------------------------
async def test_a_task_of_another_agency_looks_like_none(planted):
    town = planted.town
    await town.submit(an_intake(f"pa.comune/{uuid4().hex}/1"))
    await _a_task(town)
    async with town.desk("pa.comune:supervisor") as owner, town.desk("pa.accura:supervisor") as other:
        task_id = re.search(r'action="/tasks/([0-9a-f-]{36})"', (await owner.get("/tasks")).text)
        assert task_id, "there is no task"
        forbidden, unknown = [await other.post(f"/tasks/{id}") for id in (task_id[1], uuid4())]
        seen = (await other.get("/tasks")).text
        done = await owner.post(f"/tasks/{task_id[1]}")

    assert (forbidden.status_code, forbidden.text) == (unknown.status_code, unknown.text) == (404, unknown.text)
    assert task_id[1] not in seen
    assert done.status_code == 303


async def _a_task(town: Town) -> None:
    """The agency that is asked declines for a reason that leaves the sender to decide."""
    async with httpx.AsyncClient(base_url=town.processes.url("referral")) as client:
        queue = await client.get("/v1/queues?agency=pa.accura", headers=town.processes.bearer("pa.accura"))
    asked = next(one for one in queue.json() if one["state"]["code"] == "REQUESTED")
    said = {"command_id": uuid4().hex, "referral_id": asked["referral_id"], "command": "decline", "agency": "pa.accura",
            "decline_reason": "other", "text": "Sintetico."}  # fmt: skip
    headers = town.processes.bearer("pa.accura")
    headers |= {"ce-id": said["command_id"], "ce-type": "staffetta.referral.decline.v1"}
    async with httpx.AsyncClient(base_url=town.processes.url("gateway"), timeout=30) as client:
        answered = await client.post("/v1/commands", json=said, headers=headers)
        assert answered.json()["answer"]["outcome"] == "accepted", answered.text
    await town.settle()


async def test_a_form_speaks_of_the_referral_in_its_address_and_of_no_other(planted):
    """Whoever adds fields to a form says nothing of a referral, an agency or a person that are not theirs."""
    async with planted.town.desk("pa.penc:supervisor") as stranger:
        more = {"referral_id": planted.referral_id, "agency": "pa.accura", "actor": "pa.accura:supervisor"}
        for path in (
            f"/referrals/{uuid4()}/acknowledge",
            f"/tasks/{planted.referral_id}",
            f"/referrals/{planted.referral_id}/close",
        ):
            assert (await stranger.post(path, **more)).status_code == 404
    page = await planted.desks["receiver"].get(f"/referrals/{planted.referral_id}")
    assert f"/referrals/{planted.referral_id}/close" in page.text  # it is as open as it was


async def test_a_search_is_for_a_text_and_never_for_a_condition(planted):
    async with planted.town.desk("pa.legale:caseworker") as stranger:
        texts = [("q", text) for text in ('{"$gt":""}', ".*", "PA-", planted.code, "*")]
        for field, text in (("q[$ne]", "x"), *texts):
            answer = await stranger.post("/search", **{field: text})
            assert answer.status_code == 200 and planted.referral_id not in answer.text


# -- sessions and forms ------------------------------------------------------------------------------------------------
async def test_the_word_of_another_session_is_no_word(planted):
    async with planted.town.desk("pa.accura:supervisor") as other:
        theirs = await other.csrf()
        said = await planted.desks["receiver"].client.post("/logout", data={"csrf": theirs})

    assert said.status_code == 403
    assert (await planted.desks["receiver"].get("/queue")).status_code == 200


async def test_a_method_is_what_it_is(planted):
    ours, at = planted.desks["receiver"], f"/referrals/{planted.referral_id}"
    over = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST", "X-HTTP-Method": "POST"}

    answers = [await ours.get(f"{at}/close?_method=POST&closure_outcome=served_completed", headers=over)]
    answers += [
        await ours.client.request(method, at) for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "HEAD")
    ]

    assert [answer.status_code for answer in answers] == [200, *[405] * 6]
    assert f"{at}/close" in (await ours.get(at)).text


async def test_a_page_that_is_open_ends_with_the_session(planted):
    """Within its beat of twenty seconds, and whatever happens meanwhile is told to nobody."""
    async with asyncio.timeout(90), planted.town.desk("pa.accura:supervisor") as desk:
        live = await desk.client.send(desk.client.build_request("GET", "/queue/live"), stream=True)
        lines = live.aiter_lines()
        assert (await anext(lines)).startswith("id:")
        async with httpx.AsyncClient(base_url=planted.town.url, cookies=dict(desk.client.cookies)) as elsewhere:
            assert (await Desk(elsewhere).post("/logout")).status_code == 200
        began = time.monotonic()
        rest = "\n".join([line async for line in lines])

    assert time.monotonic() - began < 25
    assert "\nid:" not in rest
    assert rest.rstrip().endswith("event: over\ndata: no more")


# -- bodies ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [
    "multipart/form-data", "multipart/form-data; boundary=", "application/json", "text/plain", "x/y; charset=utf-16",
    "",
])  # fmt: skip
async def test_a_form_of_another_kind_is_refused(planted, kind):
    for body in (
        b"csrf=x",
        b"{}",
        b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n\xff\r\n--x--",
        b"",
    ):
        answer = await planted.desks["receiver"].client.post("/logout", content=body, headers={"Content-Type": kind})

        assert answer.status_code in (400, 403)


async def test_a_form_of_ten_thousand_fields_is_refused(planted):
    answer = await planted.desks["receiver"].client.post("/logout", data={f"f{i}": "" for i in range(10_000)})

    assert answer.status_code in (400, 413)


async def test_who_has_no_session_is_refused_before_the_form_is_read(planted):
    async with planted.town.desk() as nobody:
        status, seconds, _ = await raw(nobody, "POST /logout HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")

    assert (status, seconds < 2) == (403, True)


async def test_a_form_of_two_lengths_is_not_read(planted):
    """What says that it is short and comes in chunks without end."""
    cookie = f"staffetta={planted.desks['receiver'].client.cookies['staffetta']}"
    head = (f"POST /logout HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Length: 10\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n")  # fmt: skip
    async with planted.town.desk() as nobody:
        status, seconds, _ = await raw(nobody, head, *[f"3e8\r\n{'x' * 1000}\r\n"] * 20)

    assert status in (400, 411)
    assert seconds < 5


async def test_a_form_that_comes_byte_by_byte_is_given_up(planted):
    cookie = f"staffetta={planted.desks['receiver'].client.cookies['staffetta']}"
    head = (f"POST /logout HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Length: 100\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n")  # fmt: skip
    async with planted.town.desk() as nobody:
        status, seconds, _ = await raw(nobody, head, *["x"] * 40, pause=0.5)

    assert status == 408
    assert 14 < seconds < 18


async def raw(desk: Desk, head: str, *pieces: str, pause: float = 0, patience: float = 20) -> tuple[int, float, str]:
    """Bytes as no library sends them: the status, after how many seconds the connection ended, the answer."""
    url = desk.client.base_url
    return await asyncio.to_thread(_spoken, (url.host, url.port or 80), (head, *pieces), pause, patience)


def _spoken(address: tuple[str, int], pieces: tuple[str, ...], pause: float, patience: float) -> tuple[int, float, str]:
    """Until the other side has had enough; what it said before it closed is read all the same."""
    began, said = time.monotonic(), b""
    with socket.create_connection(address, timeout=patience) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece.encode())
                if select.select([connection], [], [], pause)[0]:
                    break
        with suppress(ConnectionResetError):
            while block := connection.recv(65536):
                said += block
    return int(said.split()[1]), time.monotonic() - began, said.decode()


# -- what the provider of a town would have to be fooled for -----------------------------------------------------------
KEY, STRANGER = (ECKey.generate_key("P-256", {"kid": "town"}) for _ in range(2))
NONCE = "a nonce"


def an_id_token(key: ECKey = KEY, without: str = "", **claims: object) -> str:
    said = {"iss": "https://town.test", "aud": settings.current().client_id, "sub": "x", "nonce": NONCE,
            "exp": int(time.time()) + 600} | claims  # fmt: skip
    said.pop(without, None)
    return jwt.encode({"alg": "ES256", "kid": "town"}, said, key)


def unsigned(token: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"town"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def checked(token: str) -> dict[str, object]:
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    return openid.checked(token, keys, {"issuer": "https://town.test"}, NONCE)


async def test_the_provider_says_who_it_is():
    assert checked(an_id_token())["sub"] == "x"


@pytest.mark.parametrize("token", [
    an_id_token(STRANGER), an_id_token(iss="https://other.test"), an_id_token(aud="another client"),
    an_id_token(exp=946_684_800), an_id_token(nonce="of another login"), an_id_token(without="exp"),
    an_id_token(without="nonce"), an_id_token(without="sub"), unsigned(an_id_token()), an_id_token()[:-4] + "AAAA",
    "", "x.y.z",
], ids=lambda _: "")  # fmt: skip
async def test_a_token_that_the_provider_did_not_give_for_this_login_is_no_login(token):
    with pytest.raises((JoseError, ValueError)):
        checked(token)
