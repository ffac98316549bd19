"""Every cell of `docs/access.md`, asked over HTTP by people who are logged in, and by nobody."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4, uuid5

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from deploy.documents.access import ROLES
from services.console import (
    batch,
    boards,
    cases,
    correcting,
    erasing,
    glossary,
    lists,
    login,
    meeting,
    operating,
    twins,
    vital,
)
from services.console.app import service
from services.console.domain.rights import RIGHTS
from services.console.web import Page
from services.gateway.domain.door import INTAKES
from tests.builders import an_intake
from tests.console.desk import Desk, Town
from tests.processes import plain_http

pytestmark = pytest.mark.asyncio(loop_scope="module")

OF_ROLE = {
    "caseworker": "pa.comune:caseworker", "supervisor": "pa.comune:supervisor", "coordinator": "pa.comune:coordinator",
    "national": "national", "auditor": "auditor", "ops": "ops",
}  # fmt: skip
AS = {
    "sender": "pa.comune:caseworker", "receiver": "pa.accura:caseworker", "coordinator": "pa.comune:coordinator",
    "supervisor of the sender": "pa.comune:supervisor", "another agency": "pa.penc:caseworker",
    "supervisor of another agency": "pa.penc:supervisor", "glass": "pa.levante:supervisor", "national": "national",
    "auditor": "auditor", "ops": "ops",
}  # fmt: skip
"""As what somebody asks for the referral of `case`, from pa.comune to pa.accura."""
SEEN_AS = {"supervisor of the sender": "sender"}
PAGES = (
    lists.router, boards.router, correcting.router, glossary.router, batch.router, meeting.router, erasing.router,
    twins.router, vital.router, operating.router, cases.router,
)  # fmt: skip
OPEN = (lists.static, login.router, lists.elsewhere)
BY_ROLE = [name for name, right in RIGHTS.items() if not right.relations and name != "GET /r/{code}"]
BY_RELATION = [name for name, right in RIGHTS.items() if right.relations]


@dataclass
class Asked:
    town: Town
    referral_id: str
    code: str
    note_id: str
    """Of a note of the sender, which is for the two agencies."""
    desks: dict[str, Desk]
    """Of everybody in OF_ROLE and AS, and of nobody."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def case(palermo: Town) -> AsyncIterator[Asked]:
    """A referral that pa.accura was asked for and has accepted, with a note, and whose glass pa.levante has broken."""
    known = {"name": {"given": "Amina", "family": "Prova"}}
    await palermo.submit(an_intake(f"pa.comune/{uuid4().hex}/1") | {"tier1": known})
    async with palermo.desk("pa.accura:caseworker") as desk:
        queue = (await desk.get("/queue")).text
        referral_id = queue.partition('href="/referrals/')[2][:36]
        assert (await desk.post(f"/referrals/{referral_id}/accept")).status_code in (200, 303)
        await palermo.settle()
        code = (await desk.get(f"/referrals/{referral_id}")).text.partition("<h1>")[2][:9]
    async with palermo.desk(AS["glass"]) as desk:
        assert (await desk.post("/looks", code=code, reason="Si cerca un parente")).status_code == 303
    note_id = await noted(palermo, AS["sender"], referral_id)
    async with AsyncExitStack() as open_:
        subjects = sorted({"", *OF_ROLE.values(), *AS.values()})
        desks = {subject: await open_.enter_async_context(palermo.desk(subject)) for subject in subjects}
        yield Asked(palermo, referral_id, code, note_id, desks)


async def noted(town: Town, subject: str, referral_id: str) -> str:
    """The id of a note that this person writes."""
    async with town.desk(subject) as desk:
        said = await desk.post(f"/referrals/{referral_id}/add_note", text="Rispondete oggi")
        assert said.status_code == 303, said.text
        await town.settle()
        return (await desk.get(f"/referrals/{referral_id}")).text.rpartition("/notes/")[2][:36]


async def ask(desk: Desk, name: str, case: Asked) -> int:
    """The status of a page; of one that stays open, of its beginning."""
    method, _, path = name.partition(" ")
    path += "?command=accept" if path == "/batch" else ""
    ids = {
        "referral_id": case.referral_id,
        "text_id": case.note_id,
        **{f"{of}_id": uuid4() for of in ("task", "pair", "intake", "message")},
    }
    path = path.format(
        command="add_note", code=case.code, offer="pa.comune.documents", service="intake", action="replay", **ids
    )
    if method == "POST":
        return (await desk.post(path)).status_code
    async with desk.client.stream("GET", path) as response:
        return response.status_code


async def test_the_table_names_every_page_and_nothing_else():
    routes = [route for router in (*PAGES, *OPEN) for route in router.routes if isinstance(route, APIRoute)]
    pages = {f"{method} {r.path}" for r in routes if isinstance(r, Page) for method in r.methods or ()}

    assert pages == RIGHTS.keys()
    open_to_all = {"/static/{name}", "/login", "/login/back", "/logout", "/{path:path}"}
    assert {r.path for r in routes if not isinstance(r, Page)} == open_to_all
    served = [getattr(r, "original_router", r) for r in service.api.routes]
    assert all(router in (*PAGES, *OPEN) for router in served)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", BY_ROLE)
async def test_a_page_is_there_for_the_roles_that_the_table_names(case, name, role):
    status = await ask(case.desks[OF_ROLE[role]], name, case)

    right = RIGHTS[name]
    if right.roles and role not in right.roles:
        assert status == 404
    elif name in ("POST /tasks/{task_id}", "POST /new/{intake_id}") or name.endswith("/erase"):
        assert status == 404  # of nobody
    else:
        assert status in (200, 204, 303, 422)


@pytest.mark.parametrize("who", AS)
@pytest.mark.parametrize("name", BY_RELATION)
async def test_a_referral_is_there_for_those_it_belongs_to(case, name, who):
    status = await ask(case.desks[AS[who]], name, case)

    may = SEEN_AS.get(who, who) in RIGHTS[name].relations
    if "{text_id}" in name and who == "coordinator":
        may = False  # what the coordination reads is what it wrote (`test_told`)
    assert (status in (200, 303, 422)) if may else status == 404


@pytest.mark.parametrize("name", RIGHTS)
async def test_nobody_sees_anything_without_having_logged_in(case, name):
    status = await ask(case.desks[""], name, case)

    assert status in ((401, 403) if name.startswith("POST") else (303,))


@pytest.mark.parametrize("who", AS)
async def test_a_code_leads_only_those_there_who_may_see_it(case, who):
    status = await ask(case.desks[AS[who]], "GET /r/{code}", case)

    assert status == (303 if SEEN_AS.get(who, who) in ("sender", "receiver", "coordinator", "glass") else 404)


async def test_what_is_not_there_and_what_may_not_be_seen_look_the_same(case):
    async with case.town.desk("pa.penc:caseworker") as desk:
        forbidden = await desk.get(f"/referrals/{case.referral_id}")
        unknown = await desk.get(f"/referrals/{uuid4()}")

    assert (forbidden.status_code, forbidden.text) == (unknown.status_code, unknown.text)


async def test_of_several_at_once_those_of_others_are_passed_over(case):
    penc, of = case.desks["pa.penc:caseworker"], case.referral_id
    shown = await penc.get(f"/batch?command=acknowledge&of={of}")
    said = await penc.client.post(
        "/batch?command=acknowledge",
        data={"csrf": await penc.csrf(), "of": [f"{of}:1", f"{uuid4()}:1", "x", f"{of}:x"]},
    )
    state = await case.desks["pa.accura:caseworker"].get(f"/referrals/{of}")

    assert (shown.status_code, said.status_code) == (200, 200)
    told = shown.text.partition("<main")[2] + said.text
    assert case.code not in told and of not in told
    assert ">Accettato</a></strong>" in state.text


async def test_broken_glass_opens_one_referral_and_its_owners_and_the_auditor_are_told(case):
    async with case.town.desk("pa.penc:supervisor") as desk:
        opened = await desk.post("/looks", code=case.code, reason="Ricovero d'urgenza stanotte")
        page = await desk.get(opened.headers["location"])
        own = (await desk.get("/looks")).text

    assert page.status_code == 200 and "Accesso d" in page.text and "fino al " in page.text
    assert f"{case.code}</a>: fino al " in own
    for told in ("pa.accura:caseworker", "pa.comune:supervisor", "auditor"):
        async with case.town.desk(told) as desk:
            assert "Ricovero d&#39;urgenza stanotte" in (await desk.get("/looks")).text
    async with case.town.desk("pa.legale:caseworker") as desk:
        looks = (await desk.get("/looks")).text
        assert "Ricovero" not in looks and case.code not in looks


async def test_glass_is_broken_for_a_referral_of_ones_own_city_with_a_reason(case):
    async with case.town.desk("pa.penc:caseworker") as desk:
        unknown = await desk.post("/looks", code="PA-AAAAAA", reason="Ricovero d'urgenza stanotte")
        silent = await desk.post("/looks", code=case.code, reason="")
        blank = await desk.post("/looks", code=case.code, reason=" " * 12)
        short = await desk.post("/looks", code=case.code, reason="Ora <b>")
        own = (await desk.get("/looks")).text

    assert {one.status_code for one in (unknown, silent, blank, short)} == {422}
    assert "Nessun invio della tua città" in unknown.text
    assert all("Serve un motivo" in one.text for one in (silent, blank, short))
    assert 'value="PA-AAAAAA" aria-invalid' in unknown.text and "Ricovero d&#39;urgenza stanotte" in unknown.text
    assert f'value="{case.code}"' in short.text and 'value="Ora &lt;b&gt;" aria-invalid' in short.text
    assert "fino al " not in own


@pytest.mark.parametrize("excluded", ["pa.penc", "city:palermo"])
async def test_glass_is_not_broken_by_whom_the_person_excluded(palermo, excluded):
    """At the meeting, or later, while they see it."""
    async with palermo.desk("pa.comune:caseworker") as sender, palermo.desk("pa.penc:caseworker") as desk:
        withheld = await sent(palermo, sender, withhold=["pa.penc"])
        refused = await sent(palermo, sender)
        at_the_meeting = await desk.post("/looks", code=withheld.code, reason="Ricovero d'urgenza stanotte")
        opened = await desk.post("/looks", code=refused.code, reason="Ricovero d'urgenza stanotte")
        before = await desk.get(opened.headers["location"])
        await refuse(palermo, refused.journey_id, excluded)
        after, later = (
            await desk.get(opened.headers["location"]),
            await desk.post("/looks", code=refused.code, reason="Ricovero d'urgenza stanotte"),
        )
        own = (await desk.get("/looks")).text

    assert at_the_meeting.status_code == 422 and "Nessun invio della tua città" in at_the_meeting.text
    assert (opened.status_code, before.status_code) == (303, 200)
    assert (after.status_code, later.status_code) == (404, 422)
    assert refused.code not in own and withheld.code not in own


async def test_whom_the_person_excludes_after_the_end_sees_no_more_of_what_it_had(palermo):
    async with palermo.desk("pa.comune:caseworker") as sender, palermo.desk("pa.accura:caseworker") as receiver:
        asked = await sent(palermo, sender)
        at = (await receiver.get(f"/r/{asked.code}")).headers["location"]
        said = await receiver.post(f"{at}/decline", decline_reason="out_of_area")
        await palermo.settle()
        before = await receiver.get(at)
        await refuse(palermo, asked.journey_id, "pa.accura")
        after, found = await receiver.get(at), await receiver.post("/search", q=asked.code)
        of_sender = await sender.get(at)

    assert (said.status_code, before.status_code, of_sender.status_code) == (303, 200, 200)
    assert after.status_code == 404 and found.status_code == 200 and at not in found.text


@dataclass
class Sent:
    code: str
    journey_id: str


async def sent(town: Town, sender: Desk, **tier0: Any) -> Sent:
    """A referral of a new person to pa.accura, which a basis of its own names."""
    stated = an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.primary",), **tier0)
    [basis] = stated["tier0"]["sharing_basis"]
    stated["tier0"]["sharing_basis"].append(basis | {"basis_id": "b2", "recipient": "pa.accura"})
    before = set(REFERRAL.findall((await sender.get("/sent")).text))
    await town.submit(stated)
    [referral_id] = set(REFERRAL.findall((await sender.get("/sent")).text)) - before
    code = (await sender.get(f"/referrals/{referral_id}")).text.partition("<h1>")[2][:9]
    return Sent(code, str(uuid5(INTAKES, f"pa.comune/{stated['idempotency_key']}")))


async def refuse(town: Town, journey_id: str, recipient: str) -> None:
    [stated] = an_intake()["tier0"]["sharing_basis"]
    basis = stated | {"basis_id": "no", "recipient": recipient, "refused": True}
    body = {"command_id": uuid4().hex, "intake_id": journey_id, "agency": "pa.comune", "basis": basis}
    headers = {"ce-id": uuid4().hex, "ce-type": "staffetta.sharing.give.v1"} | town.processes.bearer("pa.comune")
    async with plain_http(town.processes.url("gateway"), timeout=30) as client:
        answered = (await client.post("/v1/commands", json=body, headers=headers)).json()
    assert answered["answer"]["outcome"] == "accepted", answered
    await town.settle()


async def test_the_receiver_reads_who_it_is_and_that_is_written_down(case):
    async with case.town.desk("pa.accura:caseworker") as desk:
        page = await desk.get(f"/referrals/{case.referral_id}/person")
    async with case.town.desk("auditor") as desk:
        looks = (await desk.get("/looks")).text

    assert "Amina" in page.text and "Prova" in page.text
    assert f"Nome e contatti di {case.code}" in looks and "pa.accura:caseworker" in looks


async def test_a_list_that_shows_facts_of_people_is_written_down_with_whom_it_showed(case):
    async with case.town.desk("pa.accura:caseworker") as desk, case.town.desk("pa.comune:coordinator") as city:
        assert case.code in (await desk.get("/queue")).text
        assert case.code in (await city.get("/city")).text
    async with case.town.desk("auditor") as desk:
        looks = (await desk.get(f"/looks?code={case.code.lower()}")).text.partition("Consultazioni di dati")[2]
        lines = looks.split("<tr>")[2:]
        of_another = (await desk.get("/looks?code=PA-000000")).text

    assert any("elenco La mia coda" in line and "pa.accura:caseworker" in line for line in lines)
    assert not any("elenco La città" in line for line in lines)
    assert all(case.code in line for line in lines), "of the one that was asked about"
    assert "elenco" not in of_another


async def test_a_note_is_read_by_the_two_agencies_and_each_reading_is_written_down(case):
    async with case.town.desk("pa.comune:caseworker") as sender, case.town.desk("pa.accura:caseworker") as receiver:
        await sender.post(f"/referrals/{case.referral_id}/add_note", text="Chiamare dopo le 18 <b>")
        await case.town.settle()
        page = (await receiver.get(f"/referrals/{case.referral_id}")).text
        link = f"/referrals/{case.referral_id}/notes/" + page.rpartition("/notes/")[2][:36]
        told = await receiver.get(link)
        own = await sender.get(link)
    async with case.town.desk("pa.penc:caseworker") as another, case.town.desk("auditor") as auditor:
        assert (await another.get(link)).status_code == 404
        assert f"Nota di {case.code}" in (await auditor.get("/looks")).text

    assert "Chiamare dopo le 18 &lt;b&gt;" in told.text
    assert "Chiamare dopo le 18 &lt;b&gt;" in own.text
    assert "Chiamare" not in page


async def test_a_note_is_found_at_its_own_referral_and_at_no_other(case):
    sender, receiver = case.desks[AS["sender"]], case.desks[AS["receiver"]]
    before = set(REFERRAL.findall((await receiver.get("/queue")).text))
    await case.town.submit(an_intake(f"pa.comune/{uuid4().hex}/1"))
    [other] = set(REFERRAL.findall((await receiver.get("/queue")).text)) - before
    theirs = await noted(case.town, AS["sender"], other)

    assert (await sender.get(f"/referrals/{other}/notes/{theirs}")).status_code == 200
    for desk in (sender, receiver):
        for at, note_id in ((case.referral_id, theirs), (other, case.note_id), (case.referral_id, uuid4())):
            assert (await desk.get(f"/referrals/{at}/notes/{note_id}")).status_code == 404


REFERRAL = re.compile(r'href="/referrals/([0-9a-f-]{36})"><strong>')


async def test_pages_of_others_show_no_fact_of_the_person(case):
    async with case.town.desk("pa.comune:coordinator") as desk:
        page = (await desk.get(f"/referrals/{case.referral_id}")).text

    assert "da 25 a 39 anni" not in page and "bengalese" not in page
