"""A supervisor has a person erased and reads what goes, what stays, what stands in the way, and that it is done."""

import re
from uuid import uuid4

import pytest

from tests.builders import an_intake
from tests.console.desk import Desk, Town
from tests.console.test_referral import CITY, RECEIVER, SENDER, part, rows, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUPERVISOR = "pa.comune:supervisor"
LINK = re.compile(r'href="(/new/[0-9a-f-]{36}/erase)"')
KEY = re.compile(r'name="key" value="([^"]*)"')
FACTS = ("da 25 a 39 anni", "bengalese")
GLASS = "Amina Prova è in ospedale"


async def erase(desk: Desk, page: str, **form: str) -> str:
    """The page after the form, whatever came of it."""
    key = KEY.findall((await desk.get(page)).text)
    said = await desk.post(page, key=key[0] if key else "", **form)
    return said.text if said.status_code != 303 else (await desk.get(said.headers["location"])).text


async def test_a_supervisor_erases_whom_nobody_has_and_every_page_says_so(palermo: Town) -> None:
    [id] = await sent(palermo)
    page = f"/referrals/{id}"
    async with (
        palermo.desk(SUPERVISOR) as desk, palermo.desk(SENDER) as sender, palermo.desk(RECEIVER) as receiver,
        palermo.desk("pa.penc:caseworker") as breaker, palermo.desk("auditor") as auditor,
    ):  # fmt: skip
        [link] = LINK.findall((await desk.get(page)).text)
        code = (await sender.get(page)).text.partition("<h1>")[2][:9]
        await sender.post(f"{page}/add_note", text="Chiamare dopo le 18")
        await breaker.post("/looks", code=code, reason=GLASS)
        await receiver.post(f"{page}/accept")
        await palermo.settle()
        note = re.findall(f"{page}/notes/[0-9a-f-]+", (await sender.get(page)).text)[0]
        before, looked = (await sender.get(page)).text, (await auditor.get("/looks")).text
        while_open = (await desk.get(link)).text
        in_vain = await erase(desk, link, sure="yes")
        await receiver.post(f"{page}/close", closure_outcome="no_longer_needed")
        await palermo.settle()

        form, unsure = (await desk.get(link)).text, await erase(desk, link)
        said = await erase(desk, link, sure="yes")
        await palermo.settle()
        after, met = (await desk.get(page)).text, (await desk.get(link.removesuffix("/erase"))).text
        read, again = (await sender.get(note)).text, (await desk.get(link)).text
        owed, todo = (await receiver.get(page)).text, (await receiver.get("/tasks")).text
        given = await receiver.post(f"{page}/confirm_receipt?back=tasks")
        await palermo.settle()
        done, gone = await receiver.get("/tasks"), await receiver.get(page)
        looks = (await auditor.get("/looks")).text

    assert all(fact in part(before, "La persona") for fact in FACTS) and GLASS in looked
    assert "Finché un invio è aperto" in while_open and page in while_open and 'name="sure"' not in while_open
    assert "Finché un invio è aperto" in in_vain and "cancellati il" not in in_vain
    assert "Si cancellano nome" in form and "Restano i codici" in form and 'name="sure"' in form
    assert "Spunta la casella" in unsure and 'name="sure"' in unsure
    assert "fatto" in said.lower()
    assert all("sono stati cancellati il" in shown for shown in (after, met, again))
    assert "Un altro recapito" not in met
    assert not [fact for fact in FACTS if fact in after] and not LINK.findall(after + met)
    assert "La nota è stata cancellata" in read and "Chiamare" not in read
    assert "Cancellali da tutto ciò che tenete" in owed and "Cancellali da tutto ciò che tenete" in todo
    assert not [fact for fact in FACTS if fact in owed]
    assert given.status_code == 303 and id not in done.text and gone.status_code == 404
    assert GLASS not in looks and "motivo cancellato con i dati della persona" in looks


async def test_what_stands_in_the_way_under_another_name_of_the_person_is_named_once_it_is_asked(palermo: Town) -> None:
    key = f"pa.comune/{uuid4().hex}/1"
    first, second = an_intake(key, services=("health.primary",)), an_intake(f"{key}/2", services=("legal.documents",))
    second["tier1"] = first["tier1"]
    async with palermo.desk(SUPERVISOR) as desk:
        before = await rows(desk, "/sent")
        await palermo.submit(first)
        [one] = await rows(desk, "/sent") - before
        await palermo.submit(second)
        [other] = await rows(desk, "/sent") - before - {one}
        pair = re.findall(r'action="/twins/([0-9a-f-]{36})"', (await desk.get("/twins")).text)[0]
        await desk.post(f"/twins/{pair}", decision="same", text="Stesso documento")
        await desk.post(f"/referrals/{one}/withdraw", withdraw_reason="need_resolved", requested_by="person")
        await palermo.settle()
        [link] = LINK.findall((await desk.get(f"/referrals/{one}")).text)
        told = await erase(desk, link, sure="yes")

    assert "Finché un invio è aperto" in told and f'href="/referrals/{other}"' in told


async def test_nobody_else_is_offered_it_or_can_do_it(palermo: Town) -> None:
    [id] = await sent(palermo)
    async with palermo.desk(SUPERVISOR) as desk:
        [link] = LINK.findall((await desk.get(f"/referrals/{id}")).text)

    for who in (SENDER, RECEIVER, "pa.accura:supervisor", "pa.penc:supervisor", CITY, "auditor"):
        async with palermo.desk(who) as other:
            assert not LINK.findall((await other.get(f"/referrals/{id}")).text)
            tried = [(await other.get(link)).status_code, (await other.post(link, sure="yes")).status_code]
            assert tried == [404, 404], who
