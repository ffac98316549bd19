"""A vital interest is confirmed by a second person: who records it says why, who may confirm finds it and can judge."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.console.browser import NARROW, WIDE, needs_a_browser, screen
from tests.console.desk import Desk, Town
from tests.console.test_meeting import a_form, hidden

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASEWORKER, SUPERVISOR = "pa.comune:caseworker", "pa.comune:supervisor"
WHY = "Minacciata in casa, stanotte non è al sicuro"
LOOK = re.compile(r'href="/vital/([0-9a-f-]{36})"')
BASIS = re.compile(r'name="basis" value="([^"]+)"')
REVOKED = "Revocato"


@dataclass
class Recorded:
    intake_id: str

    @property
    def page(self) -> str:
        return f"/vital/{self.intake_id}"


async def recorded(town: Town, by: str = CASEWORKER) -> Recorded:
    """As somebody types it into the form."""
    async with town.desk(by) as desk:
        said = await desk.post("/new", **await a_form(desk, basis="vital_interest", priority_reason=WHY))
        assert said.status_code == 303, said.text
    await town.settle()
    return Recorded(str(UUID(said.headers["location"].partition("?")[0].rpartition("/")[2])))


async def decide(desk: Desk, of: Recorded, decision: str) -> str:
    page = (await desk.get(of.page)).text
    said = await desk.post(of.page, decision=decision, basis=BASIS.findall(page)[0])
    return str(said.headers.get("location", said.status_code))


async def test_who_records_a_vital_interest_says_why(palermo: Town) -> None:
    async with palermo.desk(CASEWORKER) as desk:
        form = await a_form(desk, basis="vital_interest")
        refused = await desk.post("/new", **form, priority_reason="  ")
        mended = await desk.post("/new", **form | hidden(refused.text), priority_reason=WHY)

    assert refused.status_code == 422 and "Motivo della base" in refused.text
    assert mended.status_code == 303, mended.text


async def test_who_recorded_it_is_told_at_once_that_another_person_has_to_confirm_it(palermo: Town) -> None:
    met = await recorded(palermo)

    async with palermo.desk(CASEWORKER) as desk:
        came_of_it, page = (await desk.get(f"/new/{met.intake_id}")).text, (await desk.get(met.page)).text

    assert met.intake_id in LOOK.findall(came_of_it)
    assert "hai registrato tu" in page
    assert 'value="confirm"' not in page and 'value="withdraw"' in page


async def test_a_supervisor_finds_it_sees_what_it_is_about_and_confirms_it(palermo: Town) -> None:
    met = await recorded(palermo)

    async with palermo.desk(SUPERVISOR) as desk:
        listed, page = (await desk.get("/tasks")).text, (await desk.get(met.page)).text
        [referral] = re.findall(r'href="(/referrals/[0-9a-f-]{36})"', page)
        from_the_referral = (await desk.get(referral)).text
        said = await decide(desk, met, "confirm")
        await palermo.settle()
        after, tasks, later = (await desk.get(met.page)).text, (await desk.get("/tasks")).text, await desk.get(referral)
    async with palermo.desk(CASEWORKER) as desk:
        english = (await desk.get(f"{met.page}?lang=en")).text

    assert met.intake_id in LOOK.findall(listed) and met.intake_id in LOOK.findall(from_the_referral)
    assert "Minacciata in casa" in page and "pa.comune:caseworker" in page and "2 g 23 h" in page
    assert "Nome e contatti" in page and "Palermo: Ente capofila, enti pubblici" in page
    assert said == "/tasks?said=done"
    assert "nulla da confermare" in after and "nothing to confirm" in english
    assert met.intake_id not in LOOK.findall(tasks) and met.intake_id not in LOOK.findall(later.text)
    assert REVOKED not in later.text


async def test_a_supervisor_who_recorded_it_leaves_it_to_another(palermo: Town) -> None:
    met = await recorded(palermo, SUPERVISOR)

    async with palermo.desk(CASEWORKER) as other:
        of_other = (await other.get(met.page)).text
    async with palermo.desk(SUPERVISOR) as desk:
        page, said = (await desk.get(met.page)).text, await decide(desk, met, "confirm")

    assert "Lo conferma chi fa da supervisore" in of_other and 'value="confirm"' not in of_other
    assert "hai registrato tu" in page and 'value="confirm"' not in page
    assert said == f"{met.page}?said=refused&why=not_authorised"


async def test_what_was_none_is_ended_at_once_by_who_recorded_it(palermo: Town) -> None:
    met = await recorded(palermo)

    async with palermo.desk(CASEWORKER) as desk:
        page = (await desk.get(met.page)).text
        [referral] = re.findall(r'href="(/referrals/[0-9a-f-]{36})"', page)
        said = await decide(desk, met, "withdraw")
        await palermo.settle()
        after = (await desk.get(referral)).text
    async with palermo.desk("pa.comune:coordinator") as city:
        tasks = (await city.get("/tasks")).text

    assert said == "/tasks?said=done"
    assert REVOKED in after and "Interesse vitale non confermato" in after
    assert "Interesse vitale non confermato" in tasks


async def test_others_learn_nothing_of_it(palermo: Town) -> None:
    met = await recorded(palermo)

    for other in ("pa.penc:supervisor", "pa.comune:coordinator"):
        async with palermo.desk(other) as desk:
            page = await desk.get(met.page)
            said = await desk.post(met.page, decision="confirm", basis="b1")
            assert WHY not in page.text and "Minacciata" not in page.text
            assert said.status_code == 404 or said.headers["location"] == met.page
    async with palermo.desk("pa.comune:coordinator") as city:
        tasks = (await city.get("/tasks")).text
    assert met.intake_id not in LOOK.findall(tasks) and "Lo conferma chi fa da supervisore" in tasks
    async with palermo.desk(SUPERVISOR) as desk:
        assert met.intake_id in LOOK.findall((await desk.get("/tasks")).text)
        assert (await desk.client.post(met.page, data={"decision": "confirm", "basis": "b1"})).status_code == 403
        assert (await desk.post(met.page, decision="other", basis="b1")).status_code == 422


async def test_the_list_of_who_may_confirm_shows_it_without_a_reload(palermo: Town) -> None:
    async with palermo.desk(SUPERVISOR) as desk:
        before = set(LOOK.findall((await desk.get("/tasks")).text))
        async with asyncio.timeout(60), desk.client.stream("GET", "/tasks/live") as live:
            met = await recorded(palermo)
            async for line in live.aiter_lines():
                if set(LOOK.findall(line)) - before == {met.intake_id}:
                    break


@needs_a_browser
@pytest.mark.parametrize(("size", "language"), [(WIDE, "it-IT"), (NARROW, "en-GB")], ids=["wide", "narrow"])
async def test_it_is_read_and_confirmed_in_a_browser(
    palermo: Town, browser: Browser, size: ViewportSize, language: str
) -> None:
    met = await recorded(palermo)
    async with screen(browser, palermo.url, size=size, language=language) as seen:
        await seen.log_in("Responsabile, Comune di Palermo")
        await seen.page.goto(f"{palermo.url}/tasks")
        await seen.page.locator(f'a[href="/vital/{met.intake_id}"]').first.click()
        await expect(seen.page.get_by_text("Minacciata in casa")).to_be_visible()
        assert await seen.faults_of_access() == []
        assert not await seen.is_wider_than_the_screen()
        await seen.page.locator('button[value="confirm"]').click()
        await expect(
            seen.page.get_by_role("status").filter(has_text="fatto" if language == "it-IT" else "done")
        ).to_be_visible()
        await seen.page.goto(f"{palermo.url}{met.page}")
        assert await seen.faults_of_access() == []


async def test_what_nobody_confirmed_is_gone_from_the_lists_when_its_time_is_over(palermo: Town) -> None:
    """The clock of the network is moved: last in the file."""
    met = await recorded(palermo)
    palermo.processes.move_clock(timedelta(hours=73))
    async with asyncio.timeout(60):
        async with palermo.desk(SUPERVISOR) as desk:
            while met.intake_id in LOOK.findall((await desk.get("/tasks")).text):
                await asyncio.sleep(0.2)
            page = (await desk.get(met.page)).text

    assert "nulla da confermare" in page
