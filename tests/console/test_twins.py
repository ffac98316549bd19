"""A desk is asked whether somebody was met before; it says same, different or later, and a link is undone."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.builders import Entry, an_intake, another_person
from tests.console.desk import Desk, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAIR = re.compile(r'action="/twins/([0-9a-f-]{36})"')


def met(sender: str, who: Entry) -> Entry:
    intake = an_intake(f"{sender}/{uuid4().hex}/1", sender=sender)
    return intake | {"tier1": who}


async def met_twice(town: Town) -> str:
    """By pa.comune and then by pa.penc, under the same name: the pair that pa.penc is asked about."""
    who: dict[str, Any] = another_person(uuid4().hex)
    await town.submit(met("pa.comune", who))
    async with town.desk("pa.penc:caseworker") as desk:
        before = await shown(desk)
    await town.submit(met("pa.penc", who))
    async with town.desk("pa.penc:caseworker") as desk:
        [new] = await shown(desk) - before
    return new


async def shown(desk: Desk) -> set[str]:
    return set(PAIR.findall((await desk.get("/twins")).text))


async def test_the_desk_that_met_the_person_last_is_asked_with_reasons_and_no_data(palermo: Town) -> None:
    pair = await met_twice(palermo)

    async with palermo.desk("pa.penc:caseworker") as desk:
        page, queue = (await desk.get("/twins")).text, (await desk.get("/queue")).text
        english = (await desk.get("/twins?lang=en")).text
    async with palermo.desk("pa.comune:caseworker") as desk:
        elsewhere, other_queue = await shown(desk), (await desk.get("/queue")).text

    assert "Stesso nome e cognome" in page and "Stessa data di nascita" in page and "pa.comune" not in page
    assert "Same given and family name" in english
    assert "Non è visibile da qui" in page, "the earlier meeting was another agency's"
    assert 'href="/twins"' in queue and 'href="/twins"' not in other_queue
    assert pair not in elsewhere


async def test_what_came_of_an_own_earlier_meeting_stands_beside_the_question(palermo: Town) -> None:
    who: dict[str, Any] = another_person(uuid4().hex)
    first, second = met("pa.penc", who), met("pa.penc", who)
    first["tier0"]["sender_ref"] = mark = f"CART-{uuid4().hex[:8]}"
    async with palermo.desk("pa.penc:caseworker") as desk:
        await palermo.submit(first)
        before = await shown(desk)
        await palermo.submit(second)
        [pair] = await shown(desk) - before
        page = (await desk.get("/twins")).text

    [row] = [row for row in re.findall("<tr.*?</tr>", page, re.S) if pair in row]
    assert mark in row and row.count('href="/referrals/') == 2
    assert mark in row.partition('<td data-label="Già incontrata">')[2], "on a telephone too it is told who was before"


async def test_what_another_agency_sent_to_the_desk_is_not_told_to_be_of_the_same_person(palermo: Town) -> None:
    who: dict[str, Any] = another_person(uuid4().hex)
    asked = met("pa.comune", who)
    asked["tier0"] |= {"services": [{"service": "lab.it"}], "gender": "female", "household": "mother_with_children"}
    async with palermo.desk("pa.penc:caseworker") as desk:
        known = set(REFERRAL.findall((await desk.get("/queue")).text))
        await palermo.submit(asked)
        [received] = set(REFERRAL.findall((await desk.get("/queue")).text)) - known
        before = await shown(desk)
        await palermo.submit(met("pa.penc", who))
        [pair] = await shown(desk) - before
        page = (await desk.get("/twins")).text

    [row] = [row for row in re.findall("<tr.*?</tr>", page, re.S) if pair in row]
    assert received not in row and "Non è visibile da qui" in row


REFERRAL = re.compile(r'href="/referrals/([0-9a-f-]{36})"')


async def test_same_links_two_people_and_a_coordinator_undoes_it(palermo: Town) -> None:
    pair = await met_twice(palermo)

    async with palermo.desk("pa.penc:caseworker") as desk:
        said = await desk.post(f"/twins/{pair}", decision="same", text="Lo stesso foglio")
        await palermo.settle()
        page, tasks = (await desk.get("/twins")).text, (await desk.get("/tasks")).text
    async with palermo.desk("pa.comune:coordinator") as desk:
        may_decide = await desk.post(f"/twins/{pair}", decision="different")
        undone = await desk.post(f"/twins/{pair}", decision="undo")
        await palermo.settle()
        after = await shown(desk)

    assert said.headers["location"] == "/twins?said=done"
    assert "Annulla: sono due persone" in page and "Lo stesso foglio" not in page + tasks
    assert (may_decide.status_code, undone.headers["location"]) == (404, "/twins?said=done")
    assert pair not in after


@pytest.mark.parametrize(("decision", "stays"), [("different", False), ("later", True)])
async def test_what_is_different_goes_and_what_is_put_off_stays(palermo: Town, decision: str, stays: bool) -> None:
    pair = await met_twice(palermo)

    async with palermo.desk("pa.penc:caseworker") as desk:
        await desk.post(f"/twins/{pair}", decision=decision)
        await palermo.settle()
        after = await shown(desk)

    assert (pair in after) is stays


async def test_of_others_nobody_decides(palermo: Town) -> None:
    pair = await met_twice(palermo)

    for other in ("pa.comune:caseworker", "pa.accura:caseworker", "pa.comune:coordinator"):
        async with palermo.desk(other) as desk:
            assert (await desk.post(f"/twins/{pair}", decision="same")).status_code == 404
    async with palermo.desk("pa.penc:caseworker") as desk:
        assert (await desk.post(f"/twins/{pair}", decision="merge")).status_code == 404
        assert (await desk.client.post(f"/twins/{pair}", data={"decision": "same"})).status_code == 403
        assert pair in await shown(desk)


# -- asked where the meeting was recorded ------------------------------------------------------------------------------


async def typed_in(desk: Desk, who: Entry) -> str:
    """As a caseworker types it into the form; the page that follows."""
    name = who["name"]
    said = await desk.post(
        "/new", key=uuid4().hex, basis="public_task", services="health.primary", given=name["given"],
        family=name["family"], birth_date=who["birth_date"]["value"],
    )  # fmt: skip
    assert said.status_code == 303, said.text
    return str(said.headers["location"]).partition("?")[0]


async def test_who_records_a_meeting_is_told_there_who_it_may_be_and_says_what_holds(palermo: Town) -> None:
    who: dict[str, Any] = another_person(uuid4().hex)
    await palermo.submit(met("pa.comune", who))

    async with palermo.desk("pa.penc:caseworker") as desk:
        page = await typed_in(desk, who)
        await palermo.settle()
        asked = (await desk.get(page)).text
        [pair] = PAIR.findall(asked)
        said = await desk.post(f"/twins/{pair}", decision="same", back="met")
        await palermo.settle()
        after = (await desk.get(page)).text

    assert "Stesso nome e cognome" in asked and "Forse già incontrata" in asked
    assert who["name"]["family"] not in asked
    assert said.headers["location"] == f"{page}?said=done"
    assert "Annulla: sono due persone" in after


async def test_of_somebody_new_the_page_says_that_nobody_is_known_and_shows_the_requests(palermo: Town) -> None:
    async with palermo.desk("pa.penc:caseworker") as desk:
        page = await typed_in(desk, another_person(uuid4().hex))
        await palermo.settle()
        told = (await desk.get(page)).text

    assert "Finora nessuna corrispondenza" in told and not PAIR.findall(told)
    assert 'href="/referrals/' in told


async def test_others_learn_nothing_of_a_meeting(palermo: Town) -> None:
    who: dict[str, Any] = another_person(uuid4().hex)
    await palermo.submit(met("pa.comune", who))
    async with palermo.desk("pa.penc:caseworker") as desk:
        page = await typed_in(desk, who)
        await palermo.settle()

    for other in ("pa.comune:caseworker", "pa.legale:caseworker"):
        async with palermo.desk(other) as desk:
            told = (await desk.get(page)).text
            never = (await desk.get(f"/new/{uuid4()}")).text
        assert not PAIR.findall(told)
        assert told.replace(page, "") == re.sub(r"/new/[0-9a-f-]{36}", "", never)


async def test_a_suspicion_that_comes_later_shows_without_a_reload(palermo: Town) -> None:
    who: dict[str, Any] = another_person(uuid4().hex)
    await palermo.submit(met("pa.comune", who))

    async with palermo.desk("pa.penc:caseworker") as desk:
        page = await typed_in(desk, who)
        async with asyncio.timeout(30), desk.client.stream("GET", f"{page}/live") as live:
            async for line in live.aiter_lines():
                if found := PAIR.search(line):
                    break

    assert found
