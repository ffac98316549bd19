"""What a receiver sees of a referral that was taken from it: that the data are to be deleted, until they are."""

import re

import pytest

from contracts import codes
from tests.console.desk import Town
from tests.console.test_referral import CODE, RECEIVER, SENDER, part, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")

COORDINATOR = "pa.comune:coordinator"
FACTS = ("da 25 a 39 anni", "bengalese", "Comune di Palermo", "La persona", "Che cosa è accaduto", "/notes/")
SERVICE = codes.codes("services")["health.primary"]["label"]["it"]
LISTS = ("/queue", "/sent")
BUTTON = "/confirm_receipt?"


async def test_who_has_to_delete_a_persons_data_reads_that_and_no_fact_until_they_say_it_is_done(palermo: Town) -> None:
    [id] = await sent(palermo)
    page = f"/referrals/{id}"
    async with (
        palermo.desk(SENDER) as sender, palermo.desk(RECEIVER) as receiver, palermo.desk(COORDINATOR) as coordinator,
        palermo.desk("pa.penc:caseworker") as another,
    ):  # fmt: skip
        await sender.post(f"{page}/add_note", text="Chiamare dopo le 18")
        await receiver.post(f"{page}/accept")
        await palermo.settle()
        before = (await receiver.get(page)).text
        code = CODE.findall(before)[0]
        note = re.findall(f"{page}/notes/[0-9a-f-]+", before)[0]
        revoked = await coordinator.post(f"{page}/revoke", revoke_cause="basis_invalid", text="Firma di un altro")
        assert revoked.status_code == 303, revoked.text
        await palermo.settle()

        owed = await receiver.get(page)
        lists = [(await receiver.get(where)).text for where in LISTS]
        lists.append((await receiver.post("/search", q=code)).text)
        todo = (await receiver.get("/tasks")).text
        link = await receiver.get(f"/r/{code}")
        closed = [await receiver.get(where) for where in (f"{page}/person", f"{page}/live", note, f"{page}/add_note")]
        others = [await another.get(where) for where in (page, f"{page}/confirm_receipt", f"/r/{code}")]
        todo_of_others = [(await desk.get("/tasks")).text for desk in (another, sender, coordinator)]
        version = re.findall(r'"version" value="(\d+)"', owed.text)[0]
        given = await receiver.post(f"{page}/confirm_receipt?back=tasks", version=version)
        await palermo.settle()
        after = [await receiver.get(where) for where in (page, f"{page}/confirm_receipt", f"/r/{code}")]
        said = await receiver.get(given.headers["location"])

    assert owed.status_code == 200 and code in owed.text and SERVICE in owed.text
    assert "Cancella i dati" in owed.text and owed.text.count(BUTTON) == 1
    assert all(fact in before for fact in FACTS[:2]) and not [fact for fact in FACTS if fact in owed.text]
    assert "hx-sse:connect" not in owed.text
    assert all(id not in shown for shown in lists)
    assert all(shown in todo for shown in (f"{page}{BUTTON}", code, "Cancella i dati"))
    assert not [fact for fact in FACTS if fact in todo]
    assert not [shown for shown in todo_of_others if f"{page}{BUTTON}" in shown]
    assert (link.status_code, link.headers["location"]) == (303, page)
    assert {one.status_code for one in (*closed, *others)} == {404}
    assert given.status_code == 303 and code in said.text and said.url.path == "/tasks" and id not in said.text
    assert {one.status_code for one in after} == {404}


async def test_a_withdrawal_is_said_to_be_seen_once(palermo: Town) -> None:
    [id] = await sent(palermo)
    page = f"/referrals/{id}"
    async with palermo.desk(SENDER) as sender, palermo.desk(RECEIVER) as receiver:
        await sender.post(f"{page}/withdraw", withdraw_reason="need_resolved", requested_by="person")
        await palermo.settle()
        before, todo = [(await receiver.get(where)).text for where in (page, "/tasks")]
        given = await receiver.post(f"{page}/confirm_receipt")
        await palermo.settle()
        after, done = [(await receiver.get(where)).text for where in (page, "/tasks")]

    assert (given.status_code, BUTTON in before, BUTTON in after) == (303, True, False)
    assert id in todo and "Conferma qui di averlo visto" in todo and id not in done
    assert "da 25 a 39 anni" in part(after, "La persona")
