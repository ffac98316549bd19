"""The main work of each role, by keyboard alone: in Italian on a wide screen or in English on a telephone's."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from contracts import codes
from services.console.pages import words
from tests.builders import an_intake, another_person
from tests.console.browser import NARROW, WIDE, Screen, needs_a_browser, screen
from tests.console.desk import Town
from tests.console.test_operating import set_aside

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_a_browser]

MOST_TABS = 120


@dataclass
class Seat:
    """One person before a screen, who has a keyboard and nothing else."""

    seen: Screen
    town: Town
    language: str

    @property
    def page(self) -> Page:
        return self.seen.page

    def say(self, key: str) -> str:
        return words()[key][self.language == "en"]

    def state(self, code: str) -> str:
        return str(codes.codes("transitions", "states")[code]["label"][self.language])

    async def reach(self, wanted: Locator) -> None:
        """From wherever the focus is, forwards."""
        await expect(wanted).to_be_visible()
        for _ in range(MOST_TABS):
            if await wanted.evaluate("found => found === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{wanted} is not reached by keyboard")

    async def press(self, wanted: Locator, key: str = "Enter") -> None:
        await self.reach(wanted)
        await self.page.keyboard.press(key)

    async def write(self, field: Locator, text: str) -> None:
        await self.reach(field)
        await self.page.keyboard.type(text)

    def act(self, command: str) -> Locator:
        """The button or link of a command on the page of a referral, or that says it in its form."""
        return self.page.locator(".acts").locator("a, button", has_text=self.say(f"do.{command}")).first

    async def shows_state(self, code: str) -> None:
        await expect(self.page.locator("#live > p strong").first).to_have_text(self.state(code), timeout=10_000)


async def a_referral(town: Town, *said: tuple[str, dict[str, str]], sender: str = "pa.penc") -> str:
    """The code of one that pa.mobile was asked for, after it has said so much."""
    stated = an_intake(f"{sender}/{uuid4().hex}/1", sender=sender, services=("material.food",))
    async with town.desk("pa.mobile:supervisor") as desk:
        before = set(ROW.findall((await desk.get("/queue")).text))
        await town.submit(stated | {"tier1": another_person(uuid4().hex)})
        [(id, code)] = set(ROW.findall((await desk.get("/queue")).text)) - before
        for command, fields in said:
            answer = await desk.post(f"/referrals/{id}/{command}", **fields)
            assert answer.status_code == 303, answer.text
            await town.settle()
    return code


ROW = re.compile(r'<a href="/referrals/([0-9a-f-]{36})"><strong>([A-Z0-9-]+)</strong>')
CLOSED: tuple[tuple[str, dict[str, str]], ...] = (("accept", {}), ("close", {"closure_outcome": "no_longer_needed"}))


async def a_caseworker_acknowledges_and_accepts(at: Seat) -> None:
    code = await a_referral(at.town)
    await at.page.reload()
    row = at.page.locator("[data-row]", has_text=code)
    await at.press(row.get_by_role("link", name=code))
    await at.press(at.act("acknowledge"))
    await at.shows_state("ACKNOWLEDGED")
    await at.press(at.act("accept"))
    await at.press(at.act("accept"))
    await at.shows_state("ACCEPTED")
    await at.press(at.page.get_by_role("link", name=at.say("who_is_it")))
    await expect(at.page.locator("dl.facts dd").first).not_to_be_empty()


async def a_supervisor_reopens_what_was_closed(at: Seat) -> None:
    code = await a_referral(at.town, *CLOSED)
    await at.press(at.page.get_by_role("link", name=at.say("find"), exact=True))
    await at.write(at.page.get_by_label(at.say("find_what")), code)
    await at.page.keyboard.press("Enter")
    await at.shows_state("CLOSED")
    await at.press(at.act("reopen"))
    await at.write(at.page.locator("textarea"), "Serve ancora")
    await at.press(at.act("reopen"))
    await at.shows_state("IN_SERVICE")


async def a_coordinator_asks_for_an_answer(at: Seat) -> None:
    code = await a_referral(at.town)
    await at.press(at.page.get_by_role("link", name=at.say("my_board"), exact=True))
    await expect(at.page.locator("ul.numbers strong").first).not_to_have_text("0")
    await at.press(at.page.get_by_role("link", name=at.say("my_city"), exact=True))
    await at.press(at.page.get_by_role("link", name=code))
    await expect(at.page.get_by_text(at.say("age"), exact=True)).to_have_count(0)
    await at.press(at.act("add_note"))
    await at.write(at.page.locator("textarea"), "Rispondete oggi")
    await at.press(at.act("add_note"))
    await at.press(at.page.get_by_role("link", name=at.say("note_read")))
    await expect(at.page.locator("p.text")).to_have_text("Rispondete oggi")


async def the_national_desk_reads_numbers_and_what_a_word_means(at: Seat) -> None:
    await at.town.submit(*[an_intake(f"pa.comune/{uuid4().hex}/1", services=("material.food",)) for _ in range(6)])
    at.town.an_hour_later()
    await at.seen.log_in("Direzione nazionale")
    await expect(at.page.locator("#by-city + table tbody th").first).to_have_text("Palermo")
    await at.press(at.page.get_by_role("link", name=at.say("national_unmet")))
    await expect(at.page.locator("dt:target")).to_be_visible()


async def an_auditor_reads_who_looked(at: Seat) -> None:
    code = await a_referral(at.town)
    async with at.town.desk("pa.legale:supervisor") as desk:
        assert (await desk.post("/looks", code=code, reason="Ricovero d'urgenza stanotte")).status_code == 303
    await at.page.reload()
    await expect(at.page.locator("tr", has_text=code).first).to_contain_text("Ricovero d'urgenza")
    await expect(at.page.get_by_role("heading", name=at.say("reads_list"))).to_be_visible()
    await expect(at.page.locator("main form[method=post]")).to_have_count(0)
    await at.page.get_by_label(at.say("glass_code")).fill(code)
    await at.page.keyboard.press("Enter")
    await at.page.wait_for_url("**/looks?code=*")
    await expect(at.page.locator("tr", has_text=code).first).to_be_visible()


async def operations_discard_what_nobody_can_read(at: Seat) -> None:
    id = await set_aside(at.town)
    row = at.page.locator("tr", has_text=id)
    await expect(row).to_be_visible(timeout=15_000)
    await at.write(row.get_by_label(at.say("ops_why")), "Chi l'ha mandato lo sa")
    await at.press(row.get_by_role("button", name=at.say("ops.discard")))
    await expect(at.page.locator("[role=status]", has_text=at.say("waiting"))).to_be_visible()
    await expect(row).to_have_count(0, timeout=15_000)


STORIES: dict[Callable[[Seat], Awaitable[None]], str] = {
    a_caseworker_acknowledges_and_accepts: "Operatrice, Unità mobile",
    a_supervisor_reopens_what_was_closed: "Responsabile, Unità mobile",
    a_coordinator_asks_for_an_answer: "Coordinamento, Comune di Palermo",
    the_national_desk_reads_numbers_and_what_a_word_means: "Direzione nazionale",
    an_auditor_reads_who_looked: "Revisore",
    operations_discard_what_nobody_can_read: "Gestione tecnica",
}
"""Each role's, and who tells it."""


TELEPHONE, DESK = ("en-GB", NARROW), ("it-IT", WIDE)
"""Each role's is done in one of two ways: that every page fits and speaks in both is seen in `test_in_a_browser`."""


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_the_main_work_of_a_role_is_done_by_keyboard_alone(palermo: Town, browser: Browser, story):
    language, size = (TELEPHONE, DESK)[[*STORIES].index(story) % 2]
    async with screen(browser, palermo.url, size=size, language=language) as seen:
        await seen.log_in(STORIES[story])

        await story(Seat(seen, palermo, language[:2]))

        assert await seen.faults_of_access() == []
        assert not await seen.is_wider_than_the_screen()
        assert not seen.complaints
