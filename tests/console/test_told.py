"""What people are told beside their own work: counts of the whole network, and who is called so."""

import re
from dataclasses import dataclass
from uuid import uuid4

import pytest

from tests.builders import an_intake, another_person
from tests.console.desk import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b[A-Z]{2}-[0-9A-Z]{6}\b|\bp[0-9a-f]{16,}")
"""An id of ours, a code that people say."""


async def test_the_national_desk_reads_counts_and_nothing_of_anybody(palermo: Town) -> None:
    await palermo.submit(*[an_intake(f"pa.comune/{uuid4().hex}/1", services=("material.food",)) for _ in range(6)])
    palermo.an_hour_later()
    async with palermo.desk("national") as desk:
        begun = await desk.get("/")
        page = (await desk.get("/national")).text
        english = (await desk.get("/national?lang=en")).text

    shown = page.partition("<main")[2]
    assert begun.headers["location"] == "/national"
    assert "<strong>5</strong> Bisogni" in shown and "<strong>5</strong> Needs" in english
    assert ">Palermo</th>" in shown
    assert re.search(r"Numeri fino a [a-z]{3} \d\d/\d\d/\d{4} \d\d:00\.", shown)
    assert not ID.search(shown) and "pa." not in shown and "Unità" not in shown


# -- who is called so --------------------------------------------------------------------------------------------------
@dataclass
class Met:
    """A person whom an agency met and pa.accura was asked to take in. asked: a way to write their name otherwise."""

    town: Town
    name: str
    asked: str
    referral_id: str

    async def is_found_by(self, subject: str, asked: str = "") -> bool:
        async with self.town.desk(subject) as desk:
            return f"/referrals/{self.referral_id}" in (await desk.post("/search", name=asked or self.asked)).text


async def met(town: Town, scope: str = "tier1", sender: str = "pa.comune") -> Met:
    """Nobody else here is called so."""
    given, family = another_person(uuid4().hex)["name"].values()
    stated = an_intake(f"{sender}/{uuid4().hex}/1", sender=sender) | {
        "tier1": {"name": {"given": given, "family": family}}
    }
    stated["tier0"]["sharing_basis"][0]["scope"] = scope
    async with town.desk("pa.accura:caseworker") as desk:
        before = set(REFERRAL.findall((await desk.get("/queue")).text))
        await town.submit(stated)
        [referral_id] = set(REFERRAL.findall((await desk.get("/queue")).text)) - before
    return Met(town, f"{given} {family}", f"{family.upper()} {given[0]}{given[1:].replace('a', 'à')}", referral_id)


REFERRAL = re.compile(r'href="/referrals/([0-9a-f-]{36})"')


async def test_who_is_called_so_is_found_by_who_met_them_and_after_acceptance_by_who_takes_them_in(
    palermo: Town,
) -> None:
    person = await met(palermo)

    before = [await person.is_found_by(f"{agency}:caseworker") for agency in ("pa.comune", "pa.accura")]
    async with palermo.desk("pa.accura:caseworker") as desk:
        await desk.post(f"/referrals/{person.referral_id}/accept")
        await palermo.settle()
    after = [await person.is_found_by(f"{agency}:caseworker") for agency in ("pa.comune", "pa.accura", "pa.penc")]

    assert (before, after) == ([True, False], [True, True, False])


async def test_whom_nobody_was_asked_for_is_found_by_the_agency_that_met_them(palermo: Town) -> None:
    given, family = another_person(uuid4().hex)["name"].values()
    nobody = ("pa.accura", "pa.salute")
    stated = an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.primary",), withhold=nobody)
    await palermo.submit(stated | {"tier1": {"name": {"given": given, "family": family}}})
    pages = {}
    for who in ("pa.comune:caseworker", "pa.penc:caseworker", "pa.comune:coordinator"):
        async with palermo.desk(who) as desk:
            pages[who] = (await desk.post("/search", name=f"{given} {family}")).text
    async with palermo.desk("auditor") as desk:
        looks = (await desk.get("/looks")).text
    meeting = re.search(r'href="/new/([0-9a-f-]{36})"', pages.pop("pa.comune:caseworker"))

    assert meeting and f"Ricerca per nome: {meeting[1]}" in looks
    assert not [who for who, page in pages.items() if meeting[1] in page]


async def test_a_basis_that_does_not_cover_a_name_finds_nobody_for_the_receiver(palermo: Town) -> None:
    person = await met(palermo, scope="tier0")
    async with palermo.desk("pa.accura:caseworker") as desk:
        await desk.post(f"/referrals/{person.referral_id}/accept")
        await palermo.settle()

    assert not await person.is_found_by("pa.accura:caseworker")
    assert await person.is_found_by("pa.comune:supervisor")


async def test_forbidden_and_unknown_look_the_same_and_each_who_is_found_is_written_down(palermo: Town) -> None:
    person = await met(palermo)
    async with palermo.desk("pa.penc:caseworker") as desk:
        forbidden = (await desk.post("/search", name=person.name)).text
        unknown = (await desk.post("/search", name="Nessuno Dicosì")).text
    async with palermo.desk("pa.comune:caseworker") as desk:
        found = (await desk.post("/search", name=person.name)).text
    async with palermo.desk("auditor") as desk:
        looks = (await desk.get("/looks")).text

    assert forbidden.replace(person.name, "Nessuno Dicosì") == unknown and person.referral_id not in forbidden
    assert person.name in found and "Ricerca per nome: PA-" in looks
    assert person.name not in looks


async def test_who_asks_for_a_name_while_intake_is_away_is_told_so(palermo: Town) -> None:
    processes = palermo.processes
    processes.again = False
    async with palermo.desk("pa.comune:caseworker") as desk:
        processes.kill("intake-0")
        await processes.workers["intake-0"].wait()
        answered = await desk.post("/search", name="Nessuno Dicosì")
    await processes.start("intake")
    await processes.ready(only="intake")

    assert answered.status_code == 200
    assert "un servizio non risponde" in answered.text and 'value="Nessuno Dicosì"' in answered.text


async def test_a_name_is_in_no_log(palermo: Town) -> None:
    person = await met(palermo)

    assert await person.is_found_by("pa.comune:caseworker")
    said = "".join(path.read_text("utf-8", "replace") for path in palermo.processes.folder.glob("*.log"))
    assert not [part for part in (*person.name.split(), *person.asked.split()) if part in said]


# -- broken glass ------------------------------------------------------------------------------------------------------
async def test_whom_broken_glass_concerns_reads_so_in_the_menu_of_every_page_until_they_have_looked(
    palermo: Town,
) -> None:
    referral_id = (await met(palermo)).referral_id
    async with palermo.desk("pa.accura:supervisor") as desk:
        code = (await desk.get(f"/referrals/{referral_id}")).text.partition("<h1>")[2][:9]
    async with palermo.desk("pa.penc:supervisor") as stranger:
        assert (await stranger.post("/looks", code=code, reason="Ricovero d'urgenza")).status_code == 303
        assert NEW_GLASS not in (await stranger.get("/queue")).text

    for subject, page in (
        ("pa.accura:caseworker", "/queue"),
        ("pa.comune:supervisor", "/sent"),
        ("auditor", "/glossary"),
    ):
        async with palermo.desk(subject) as desk:
            assert f"{NEW_GLASS}: 1<" in (await desk.get(page)).text
            assert "emergency accesses not seen yet: 1<" in (await desk.get("/glossary?lang=en")).text
            assert NEW_GLASS not in (await desk.get("/looks?lang=it")).text
            assert NEW_GLASS not in (await desk.get("/glossary")).text


NEW_GLASS = "accessi d&#39;emergenza non ancora visti"


# -- what the coordination writes --------------------------------------------------------------------------------------
NOTE = re.compile(r'href="(/referrals/[0-9a-f-]{36}/notes/[0-9a-f-]{36})"')


async def test_a_note_of_the_coordination_is_read_by_the_two_agencies_and_by_no_other(palermo: Town) -> None:
    referral_id = (await met(palermo, sender="pa.penc")).referral_id
    at = f"/referrals/{referral_id}"
    async with palermo.desk("pa.comune:coordinator") as coordinator:
        said = await coordinator.post(f"{at}/add_note", text="Rispondete <oggi>, per favore")
        await palermo.settle()
        [link] = NOTE.findall((await coordinator.get(at)).text)
        own = (await coordinator.get(link)).text

    assert said.status_code == 303, said.text
    assert "Rispondete &lt;oggi&gt;" in own and "il coordinamento" in own
    for party in ("pa.penc:caseworker", "pa.accura:caseworker", "pa.accura:supervisor"):
        async with palermo.desk(party) as desk:
            page = (await desk.get(at)).text
            assert NOTE.findall(page) == [link] and "Rispondete" not in page
            assert "Rispondete &lt;oggi&gt;" in (await desk.get(link)).text
    for other in ("pa.comune:caseworker", "pa.legale:supervisor", "national", "auditor", "ops"):
        async with palermo.desk(other) as desk:
            assert (await desk.get(link)).status_code == 404


async def test_what_the_agencies_write_to_each_other_is_not_for_the_coordination(palermo: Town) -> None:
    referral_id = (await met(palermo, sender="pa.penc")).referral_id
    at = f"/referrals/{referral_id}"
    async with palermo.desk("pa.penc:caseworker") as sender:
        await sender.post(f"{at}/add_note", text="Chiamare dopo le 18")
        await palermo.settle()
        [link] = NOTE.findall((await sender.get(at)).text)
    async with palermo.desk("pa.comune:coordinator") as coordinator, palermo.desk("pa.accura:caseworker") as receiver:
        page, forbidden = (await coordinator.get(at)).text, await coordinator.get(link)
        early = (await receiver.get(link)).text

    assert not NOTE.findall(page) and forbidden.status_code == 404
    assert "Chiamare" not in early and "dopo aver accettato" in early
