"""People of an agency put right what the directory says of their offers, and a file that is loaded again leaves it."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.builders import an_intake
from tests.console.desk import Desk, Town
from tests.processes import ROOT, load_directory, plain_http
from tests.verified import assert_verified

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = json.loads((ROOT / "deploy/local/demo/directory.palermo.json").read_text("utf-8"))
OFFER = "pa.penc.it"
SUPERVISOR = "pa.penc:supervisor"


def filed(code: str = OFFER) -> dict[str, Any]:
    return next(offer for offer in FILE["offers"] if offer["code"] == code)


def typed(of: str = OFFER, **changed: Any) -> dict[str, Any]:
    """The form as it stands for an offer of the file, with this changed."""
    offer = filed(of)
    contact, words = offer.get("contact", {}), offer.get("description", {})
    form: dict[str, Any] = {
        "status": offer["status"], "phone": contact.get("phone", ""), "email": contact.get("email", ""),
        "languages": offer["languages"], "description_it": words.get("it", ""), "description_en": words.get("en", ""),
    }  # fmt: skip
    for n, hours in enumerate(offer["opening_hours"]):
        form |= {f"days-{n}": hours["days"], f"from-{n}": hours["from"], f"to-{n}": hours["to"]}
    return form | changed


async def told(town: Town, code: str = OFFER) -> dict[str, Any]:
    """As the directory tells everybody."""
    await town.settle()
    async with plain_http(town.processes.url("directory")) as client:
        offers = (await client.get("/v1/offers", params={"agency": code.rpartition(".")[0]})).json()
    return dict(next(offer for offer in offers if offer["id"] == code))


async def correct(desk: Desk, **changed: Any) -> httpx.Response:
    return await desk.post(f"/directory/{OFFER}", **typed(**changed))


async def test_a_supervisor_corrects_an_own_offer_and_everybody_reads_it(palermo: Town) -> None:
    async with palermo.desk(SUPERVISOR) as desk:
        form = (await desk.get(f"/directory/{OFFER}")).text
        said = await correct(
            desk, phone="+39 091 222222", languages=["it", "wo"], description_it="Corso <b> di base",
            **{"days-0": ["tue"], "from-0": "10:00", "to-0": "12:30"},
        )  # fmt: skip
        now = await told(palermo)
        page = (await desk.get("/directory")).text
    async with palermo.desk("pa.comune:caseworker") as desk:
        elsewhere = (await desk.get("/directory")).text

    assert 'value="it" checked' in form
    assert said.headers["location"] == "/directory?said=done"
    assert [phone["number"] for phone in now["phones"]] == ["+39 091 222222"]
    assert [language["code"] for language in now["languages"]] == ["it", "wo"]
    assert (now["schedules"][0]["byday"], now["schedules"][0]["closes_at"]) == ("TU", "12:30")
    assert "Corso &lt;b&gt; di base" in page and "+39 091 222222" in page and "corretto il" in page
    assert "+39 091 222222" in elsewhere and "/directory/pa." not in elsewhere


async def test_the_directory_tells_how_many_places_are_free_where_they_are_counted(palermo: Town) -> None:
    async with palermo.desk("pa.comune:caseworker") as desk:
        before = places((await desk.get("/directory?service=health.primary")).text)
        await palermo.submit(an_intake(f"pa.comune/{uuid4().hex}/1"))
        after = places((await desk.get("/directory?service=health.primary")).text)
        uncounted = places((await desk.get("/directory?service=material.food")).text)

    assert before == {"pa.accura.primary": "12 / 12", "pa.salute.primary": "10 / 10"}
    assert after == {"pa.accura.primary": "11 / 12", "pa.salute.primary": "10 / 10"}
    assert uncounted == {"pa.mobile.food": "-"}


def places(page: str) -> dict[str, str]:
    """What the last column says of each offer."""
    found = re.findall(r"<tr>.*?</tr>", page.partition("<tbody>")[2], re.DOTALL)
    free = re.compile(r'<td data-label="Posti liberi">([^<]*)</td>\s*</tr>')
    return {re.findall(r" · (pa\.[a-z._]+)<", row)[0]: free.findall(row)[0] for row in found}


async def test_the_same_file_loaded_again_does_not_undo_it(palermo: Town) -> None:
    async with palermo.desk(SUPERVISOR) as desk:
        await correct(desk, phone="+39 091 333333")
        before = await told(palermo)

        await load_directory(palermo.settings, ("directory.palermo.json",))
        after = await told(palermo)

    assert after == before and after["phones"] == [{"number": "+39 091 333333"}]


async def test_an_offer_that_takes_nobody_at_present_is_not_asked_until_it_does_again(palermo: Town) -> None:
    async with palermo.desk("pa.comune:coordinator") as desk:
        await correct(desk, status="closed")
        closed = await told(palermo)
        await correct(desk, status="open")
        opened = await told(palermo)

    assert (closed["status"], opened["status"]) == ("inactive", "active")


async def test_who_says_that_they_do_not_offer_it_is_asked_to_correct_and_by_that_has_done_it(palermo: Town) -> None:
    async with palermo.desk(WORKER) as worker:
        before = set(ROW.findall((await worker.get("/queue")).text))
        await palermo.submit(an_intake(f"pa.comune/{uuid4().hex}/1", services=("lab.it",), **MOTHER))
        [id] = set(ROW.findall((await worker.get("/queue")).text)) - before
        declined = await worker.post(f"/referrals/{id}/decline", decline_reason="service_not_offered")
        assert declined.status_code == 303, declined.text
        await palermo.settle()
        to_worker = (await worker.get("/tasks")).text
    async with palermo.desk(SUPERVISOR) as desk:
        to_supervisor = (await desk.get("/tasks")).text
        await correct(desk, phone=f"+39 091 {uuid4().int % 10**6:06}", **{"days-0": ["tue"], "from-0": "8.30"})
        now = await told(palermo)
        after = (await desk.get("/tasks")).text

    link = f'href="/directory/{OFFER}"'
    assert OFFER not in to_worker, "people read its name"
    assert link not in to_worker and "La scheda la corregge chi fa da supervisore" in to_worker
    assert link in to_supervisor and "La scheda la corregge" not in to_supervisor
    assert now["schedules"][0]["opens_at"] == "08:30"
    assert link not in after


MOTHER: dict[str, Any] = {"gender": "female", "household": "mother_with_children", "household_size": 2}
WORKER = "pa.penc:caseworker"
ROW = re.compile(r'href="/referrals/([0-9a-f-]{36})"><strong>')


async def test_what_makes_no_sense_comes_back_as_it_was_typed_with_what_is_wrong(palermo: Town) -> None:
    async with palermo.desk(SUPERVISOR) as desk:
        no_mail = await correct(desk, email="nobody", description_it="Resta scritto")
        no_time = await correct(desk, **{"days-0": ["mon"], "from-0": "12:00", "to-0": "09:00"})

    assert no_mail.status_code == 422 and "<strong>E-mail</strong>" in no_mail.text and "Resta scritto" in no_mail.text
    assert no_time.status_code == 422 and "<strong>Orari, Riga 1, Alle</strong>" in no_time.text


@pytest.mark.parametrize("who", ["pa.penc:caseworker", "pa.accura:supervisor", "auditor", "ops", "national"])
async def test_nobody_corrects_what_is_not_theirs(palermo: Town, who: str) -> None:
    async with palermo.desk(who) as desk:
        seen, said = await desk.get(f"/directory/{OFFER}"), await correct(desk, phone="+39 666")

    assert (seen.status_code, said.status_code) == (404, 404)


# -- at the door -------------------------------------------------------------------------------------------------------


async def at_the_door(town: Town, agency: str, *roles: str, **stated: Any) -> dict[str, Any]:
    body = {"command_id": f"c-{json.dumps(stated)}-{roles}"[:120], "offer": OFFER, "agency": agency} | stated
    headers = town.processes.bearer(agency, *roles)
    headers |= {"ce-id": body["command_id"], "ce-type": "staffetta.directory.correct.v1"}
    async with plain_http(town.processes.url("gateway"), timeout=30) as client:
        return dict((await client.post("/v1/commands", json=body, headers=headers)).json())


async def test_the_door_takes_it_from_those_people_alone_and_once(palermo: Town) -> None:
    of_another = await at_the_door(palermo, "pa.accura", "supervisor", phone="1")
    of_a_system = await at_the_door(palermo, "pa.penc", phone="2")
    unknown = await at_the_door(palermo, "pa.penc", "supervisor", phone="3", offer="pa.penc.none")
    first = await at_the_door(palermo, "pa.penc", "supervisor", phone="+39 091 4")
    again = await at_the_door(palermo, "pa.penc", "supervisor", phone="+39 091 4")
    odd = await at_the_door(palermo, "pa.penc", "supervisor", capacity=1000)

    refused = [(said["answer"]["code"], said["answer"]["pointer"]) for said in (of_another, of_a_system, unknown)]
    assert refused == [("not_authorised", "/offer"), ("not_authorised", "/offer"), ("unknown_code", "/offer")]
    assert first["answer"]["outcome"] == "accepted" and first == again
    assert (odd["code"], odd["pointer"]) == ("unknown_field", "/capacity")
    await assert_verified(palermo.settings)


async def shown_after(palermo: Town, folder: Path, changes: dict[str, Any]) -> str:
    """The directory's page after the file has said something else; what it said before holds again afterwards."""
    changed = folder / "changed.json"
    changed.write_text(json.dumps(FILE | changes), "utf-8")
    try:
        await load_directory(palermo.settings, (str(changed),))
        await palermo.settle()
        async with palermo.desk("pa.comune:caseworker") as desk:
            return (await desk.get("/directory?service=health.primary")).text
    finally:
        await load_directory(palermo.settings, ("directory.palermo.json",))
        await palermo.settle()


def offers_on(page: str) -> list[tuple[str, str]]:
    """Each offer with the text of its row."""
    return re.findall(r" · (pa\.[a-z._]+)<(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL)


@pytest.mark.parametrize(("status", "told"), [("suspended", "ente sospeso"), ("left", "ente non più nella rete")])
async def test_an_offer_of_an_agency_that_takes_nobody_is_marked_and_has_no_places(
    palermo: Town, tmp_path: Path, status: str, told: str
) -> None:
    agencies = [one | {"status": status} if one["code"] == "pa.salute" else one for one in FILE["agencies"]]
    page = await shown_after(palermo, tmp_path, {"agencies": agencies})

    rows = offers_on(page)
    marked = {offer: told in row for offer, row in rows}
    assert marked == {"pa.accura.primary": False, "pa.salute.primary": True}
    assert places(page)["pa.salute.primary"] == "-"


@pytest.mark.parametrize("days", [{"valid_to": "2026-02-01"}, {"valid_from": "2999-01-01"}])
async def test_an_offer_whose_last_day_is_over_or_whose_first_is_to_come_is_shown_as_closed(
    palermo: Town, tmp_path: Path, days: dict[str, str]
) -> None:
    own = {"pa.salute.primary": days, "pa.accura.primary": {"valid_to": "2999-12-31"}}
    offers = [one | own.get(one["code"], {}) for one in FILE["offers"]]
    page = await shown_after(palermo, tmp_path, {"offers": offers})

    rows = offers_on(page)
    assert {offer: "<td>chiusa" in row for offer, row in rows} == {
        "pa.accura.primary": False,
        "pa.salute.primary": True,
    }
