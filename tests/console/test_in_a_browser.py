"""What people do at their desks, in a real browser: wide and narrow, Italian and English, by keyboard alone."""

import re
import time
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4, uuid5

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from services.gateway.domain.door import INTAKES
from tests.builders import Entry, an_intake, another_person
from tests.console.browser import NARROW, WIDE, Screen, needs_a_browser, screen
from tests.console.desk import Town
from tests.console.test_correcting import typed

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_a_browser]

MOBILE, COMUNE = "Operatrice, Unità mobile", "Operatrice, Comune di Palermo"
ACCURA = "Operatrice, Centro Accura"
COORDINATOR = "Coordinamento, Comune di Palermo"
NATIONAL = "Direzione nazionale"
PUBLIC_TASK = "Compito di interesse pubblico"
SERVICE = "material.food"
"""Of the street unit, and nobody counts its places: there is always one more."""


def a_new_intake(service: str = SERVICE) -> Entry:
    return an_intake(f"pa.comune/{uuid4().hex}/1", services=(service,))


async def the_code_of(town: Town, stated: Entry) -> str:
    """By which people call what came of an intake."""
    async with town.desk("pa.comune:caseworker") as desk:
        opened = (await desk.post("/search", q=stated["tier0"]["sender_ref"])).headers["location"]
        found = await desk.get(opened)
    return found.text.partition("<h1>")[2][:9]


async def test_a_request_is_acknowledged_and_accepted_by_keyboard_alone(palermo: Town, browser: Browser) -> None:
    await palermo.submit(a_new_intake())
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(MOBILE)
        row = seen.page.locator("[data-row]").first
        code = await row.locator("strong").inner_text()
        mine = seen.page.locator("[data-row]", has_text=code)

        await seen.page.keyboard.press("ArrowDown")
        await expect(row).to_be_focused()
        await seen.page.keyboard.press("p")
        await expect(mine).to_contain_text("Presa visione")
        await expect(seen.page.get_by_role("status").filter(has_text=code)).to_contain_text("fatto")

        await seen.page.goto(f"{palermo.url}/r/{code}")
        await seen.page.locator(".acts[data-row]").focus()
        await seen.page.keyboard.press("a")
        await expect(seen.page.locator("form.asks")).to_be_visible()
        await seen.page.keyboard.press("Tab")
        await seen.page.locator("form.asks button").press("Enter")

        await expect(seen.page.locator("#live > p strong").first).to_have_text("Accettato")


async def test_a_decline_asks_its_reason_and_a_refusal_says_why(palermo: Town, browser: Browser) -> None:
    await palermo.submit(a_new_intake())
    async with screen(browser, palermo.url, size=NARROW) as seen:
        await seen.log_in(MOBILE)
        await seen.page.locator("[data-row]").first.locator("[data-key=r]").click()
        await seen.page.get_by_label("Motivo").select_option("not_eligible")
        await seen.page.get_by_role("button", name="Rifiuta", exact=True).click()

        await expect(seen.page.get_by_role("status").filter(has_text="non è stato possibile")).to_be_visible()
        await expect(seen.page.get_by_label("Requisito che manca")).to_have_attribute("aria-invalid", "true")
        await seen.page.get_by_label("Requisito che manca").select_option("age_between")
        await seen.page.get_by_role("button", name="Rifiuta", exact=True).click()
        await expect(seen.page.get_by_role("status").filter(has_text="fatto")).to_be_visible()


@pytest.mark.parametrize(("who", "service", "keys", "state", "size", "language"), [
    (MOBILE, SERVICE, ("r", "2"), "Non accettato.*Servizio non offerto", WIDE, "it-IT"),
    (ACCURA, "health.primary", ("i", "1"), "Rerouted.*No capacity", NARROW, "en-GB"),
    (MOBILE, SERVICE, ("a", "Enter"), "Accettato", NARROW, "it-IT"),
], ids=["decline", "pass on", "accept"])  # fmt: skip
async def test_two_key_presses_answer(
    palermo: Town, browser: Browser, who: str, service: str, keys: tuple[str, str], state: str, size: ViewportSize,
    language: str,
) -> None:  # fmt: skip
    stated = a_new_intake(service)
    await palermo.submit(stated)
    async with screen(browser, palermo.url, size=size, language=language) as seen:
        await seen.log_in(who)
        code = await the_code_of(palermo, stated)
        await seen.page.locator("[data-row]", has_text=code).focus()

        await seen.page.keyboard.press(keys[0])
        await seen.page.wait_for_url("**/referrals/**")
        await expect(seen.page.locator("form.asks")).not_to_have_count(0)
        assert await seen.faults_of_access() == [] and not await seen.is_wider_than_the_screen()
        await seen.page.keyboard.press(keys[1])

        await seen.page.wait_for_url("**/queue?said=done**")
        await seen.page.goto(f"{palermo.url}/r/{code}")
        await expect(seen.page.locator("#live > p").first).to_have_text(re.compile(state, re.DOTALL))


async def test_when_the_chosen_row_goes_the_next_is_ready_for_a_key_and_enter_opens_it(
    palermo: Town, browser: Browser
) -> None:
    await palermo.submit(a_new_intake(), a_new_intake())
    async with screen(browser, palermo.url) as seen, palermo.desk("pa.mobile:caseworker") as colleague:
        await seen.log_in(MOBILE)
        first = seen.page.locator("[data-row]").first
        await first.focus()
        gone = await first.get_attribute("id")
        declined = await colleague.post(f"/referrals/{str(gone)[2:]}/decline", decline_reason="out_of_area")
        assert declined.status_code == 303

        await expect(seen.page.locator(f"#{gone}")).to_have_count(0)
        left = seen.page.locator("[data-row]:focus")
        await expect(left).to_have_count(1)
        code = await left.locator("strong").first.inner_text()
        await seen.page.keyboard.press("Enter")
        await expect(seen.page.locator("h1")).to_contain_text(code)


async def test_who_passes_on_sees_to_whom_and_may_choose_otherwise_with_one_tap(
    palermo: Town, browser: Browser
) -> None:
    stated = a_new_intake("health.primary")
    await palermo.submit(stated)
    async with screen(browser, palermo.url, size=NARROW, java_script_enabled=False) as seen:
        await seen.log_in(ACCURA)
        code = await the_code_of(palermo, stated)
        await seen.page.goto(f"{palermo.url}/r/{code}")
        await seen.page.locator("[data-key=i]").click()

        to, reasons = seen.page.get_by_label("Ente a cui inoltrare").first, seen.page.locator("form.once fieldset")
        await expect(to).to_have_value("pa.salute")
        assert await to.locator("option").evaluate_all("all => all.map(one => one.value)") == ["pa.salute"]
        above, below = await to.bounding_box(), await reasons.bounding_box()
        assert above and below and above["y"] + above["height"] <= below["y"]
        await reasons.get_by_role("button", name="Fuori dal territorio servito", exact=True).click()

        await expect(seen.page.get_by_role("status").filter(has_text="fatto")).to_be_visible()
        await palermo.settle()
        await seen.page.reload()  # no script follows what happens
        await expect(seen.page.locator("ol.lines")).to_contain_text("Salute")


async def test_what_one_desk_does_the_other_sees_without_reloading(palermo: Town, browser: Browser) -> None:
    await palermo.submit(a_new_intake())
    async with screen(browser, palermo.url) as receiver, screen(browser, palermo.url) as sender:
        await receiver.log_in(MOBILE)
        link = receiver.page.locator("[data-row] a").first
        code = await link.inner_text()
        await sender.log_in(COMUNE)
        await sender.page.goto(f"{palermo.url}/r/{code}")
        state = sender.page.locator("#live > p strong").first
        await expect(state).to_have_text("Inviato")

        await receiver.page.locator("[data-row]", has_text=code).locator("[data-key=p]").click()

        await expect(state).to_have_text("Presa visione", timeout=10_000)


@pytest.mark.parametrize("connected", [True, False], ids=["when it was connected", "when it was about to"])
async def test_after_a_lost_connection_the_page_is_right_again(
    palermo: Town, browser: Browser, connected: bool
) -> None:
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(MOBILE)
        before = await seen.page.locator("[data-row]").count()
        if connected:
            await seen.is_listening()
        palermo.processes.kill("console-0")
        await expect(seen.page.locator(".lost")).to_be_visible(timeout=20_000)
        await palermo.submit(a_new_intake())

        await expect(seen.page.locator("[data-row]")).to_have_count(before + 1, timeout=60_000)
        await expect(seen.page.locator(".lost")).to_be_hidden()


PAGES: dict[str, tuple[str, ...]] = {
    MOBILE: (
        "/queue", "/sent", "/tasks", "/twins", "/new", f"/new/{uuid4()}", "/directory",
        "/directory/pa.mobile.food", "/search", "/looks", "{referral}", "{referral}/decline",
        "{referral}/pass_on", "/batch?command=acknowledge&of={id}",
        "{referral}/add_note", "/glossary", "/nothing",
    ),
    COORDINATOR: ("/city", "/board", "/tasks", "{referral}"),
    "Direzione nazionale": ("/national",),
    "Revisore": ("/looks",),
    "Gestione tecnica": ("/ops",),
}  # fmt: skip
"""What each person opens, and where the referral is one that both the street unit and the coordination see."""


@pytest.mark.parametrize(
    ("size", "language", "colours"),
    [(WIDE, "it-IT", "light"), (NARROW, "en-GB", "dark")],
    ids=["wide-it-light", "narrow-en-dark"],
)
async def test_every_page_can_be_used_by_everybody_and_loads_nothing_from_elsewhere(
    palermo: Town, browser: Browser, language: str, size: ViewportSize, colours: Literal["light", "dark"]
) -> None:
    twin = an_intake(f"pa.mobile/{uuid4().hex}/1", sender="pa.mobile")
    other = an_intake(f"pa.mobile/{uuid4().hex}/1", sender="pa.mobile") | {"tier1": twin["tier1"]}
    await palermo.submit(a_new_intake(), twin, other)
    found: dict[str, list[str]] = {}
    referral = ""
    for who, paths in PAGES.items():
        async with screen(browser, palermo.url, size=size, language=language, color_scheme=colours) as seen:
            await seen.log_in(who)
            if not referral:
                referral = await seen.page.locator("[data-row] a").first.get_attribute("href") or ""
                await seen.page.goto(f"{palermo.url}/twins")
                await expect(seen.page.locator("[data-row]").first).to_be_visible()
            for path in (p.format(referral=referral, id=referral[-36:]) for p in paths):
                await seen.page.goto(palermo.url + path)
                wrong = await seen.faults_of_access()
                if await seen.is_wider_than_the_screen():
                    wrong.append("is wider than the screen")
                found |= {f"{who}: {path}": wrong} if wrong else {}
                assert await seen.page.get_attribute("html", "lang") == language[:2]

            hosts = {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in seen.asked}
            assert hosts == {palermo.url, palermo.provider}
            assert not [said for said in seen.complaints if "404" not in said]
    assert not found


async def test_dark_pages_and_print_can_be_read(palermo: Town, browser: Browser) -> None:
    async with screen(browser, palermo.url, color_scheme="dark") as seen:
        await seen.log_in(MOBILE)
        assert await seen.faults_of_access() == []
        await expect(seen.page.locator(".printed")).to_be_hidden()
        await seen.page.emulate_media(media="print", color_scheme="light")
        await expect(seen.page.locator("header.top")).to_be_hidden()
        await expect(seen.page.locator("main button").first).to_be_hidden()
        await expect(seen.page.locator(".printed")).to_contain_text("Unità mobile")


async def test_an_acceptance_shows_elsewhere_in_under_a_second(palermo: Town, browser: Browser) -> None:
    """The bench (`./dev bench console`) measures it; here only that it is live at all."""
    await palermo.submit(a_new_intake())
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(MOBILE)
        row = seen.page.locator("[data-row]").first
        code = await row.locator("strong").inner_text()
        async with palermo.desk("pa.mobile:supervisor") as desk:
            referral = await row.locator("a").first.get_attribute("href")
            began = time.monotonic()
            await desk.post(f"{referral}/acknowledge")
        await expect(seen.page.locator("[data-row]", has_text=code)).to_contain_text("Presa visione")
        assert time.monotonic() - began < 30


async def test_an_intake_takes_a_need_a_suggestion_and_a_name_and_arrives_at_the_other_desk(
    palermo: Town, browser: Browser
) -> None:
    async with screen(browser, palermo.url, size=NARROW) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/new")
        await seen.page.get_by_label("Sta male oggi").check()
        await seen.page.get_by_role("button", name="Proponi i servizi").click()
        await expect(seen.page.get_by_label("Medicina di base").first).to_be_checked()
        await expect(seen.page.locator("[name=basis]:checked")).to_have_count(0)
        await seen.page.get_by_label(PUBLIC_TASK).check()
        await seen.page.get_by_label("Lingua", exact=True).select_option("wo")
        await seen.page.get_by_label("Vostro riferimento").fill("COMUNE-77")
        await seen.page.get_by_role("button", name="Invia le richieste").click()

        await expect(seen.page.get_by_role("status").filter(has_text="fatto")).to_be_visible()
        await expect(seen.page.locator("#live a[href^='/referrals/']")).to_be_visible(timeout=20_000)
        assert not await seen.is_wider_than_the_screen()
        await seen.page.get_by_role("main").get_by_role("link", name="Inviati").click()
        await expect(seen.page.locator("[data-row]", has_text="wolof").first).to_be_visible(timeout=20_000)


async def test_a_need_that_is_ticked_says_what_to_do_and_what_else_to_ask(palermo: Town, browser: Browser) -> None:
    async with screen(browser, palermo.url, size=NARROW, java_script_enabled=False) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/new")
        first, lives = seen.page.get_by_text("Numero antiviolenza: 1522"), seen.page.get_by_label("Dove vive adesso")
        await expect(first).to_be_hidden()
        await expect(lives).to_be_hidden()
        await seen.page.get_by_label("Subisce o teme violenza").check()
        await expect(first).to_be_visible()
        await seen.page.get_by_label("Stanotte non ha dove dormire").check()
        await expect(lives).to_be_visible()
        await seen.page.get_by_role("link", name="Andrebbe anche in un'altra città").click()
        await seen.page.get_by_label("Torino").check()
        await seen.page.get_by_role("button", name="Proponi i servizi").click()
        await expect(seen.page.get_by_label("Torino")).to_be_visible()
        await expect(first).to_be_visible()


async def test_an_intake_with_needs_ticked_can_be_read_by_everybody(palermo: Town, browser: Browser) -> None:
    async with screen(browser, palermo.url, size=NARROW) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/new")
        for need in ("Rischio di farsi del male", "Stanotte non ha dove dormire", "È isolata, isolato"):
            await seen.page.get_by_label(need).check()
        await seen.page.get_by_role("button", name="Proponi i servizi").click()
        await expect(seen.page.get_by_text("dipende dal genere").first).to_be_visible()

        assert await seen.faults_of_access() == []
        assert not await seen.is_wider_than_the_screen()


async def test_an_intake_is_taken_by_keyboard_a_number_leads_to_its_part_and_enter_sends_nothing_half_written(
    palermo: Town, browser: Browser
) -> None:
    async with screen(browser, palermo.url) as seen:
        keys, on = seen.page.keyboard, seen.page.locator("*:focus")
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/new")
        await keys.press("1")
        await expect(on).to_have_attribute("name", "needs")
        await seen.page.get_by_label("Sta male oggi").focus()
        await keys.press("Space")
        await seen.page.get_by_role("button", name="Proponi i servizi").press("Enter")
        await expect(seen.page.locator("[value='health.primary']")).to_be_focused()
        await keys.press("3")
        await keys.press("Space")
        await keys.press("4")
        await expect(on).to_have_attribute("name", "age_band")
        await keys.press("2")
        await expect(seen.page.get_by_label("Età")).to_have_value("")
        await keys.press("5")
        await expect(on).to_have_attribute("name", "given")
        for typed in ("Amina 3", "Ceesay", "1990"):
            await keys.type(typed)
            await keys.press("Enter")
        await expect(on).to_have_attribute("name", "phone")
        assert seen.page.url.partition("#")[0] == f"{palermo.url}/new"
        await seen.page.get_by_label("Vostro riferimento").focus()
        await keys.press("Enter")
        await expect(on).to_have_text("Invia le richieste")
        await keys.press("Enter")

        await expect(seen.page.locator("#live a[href^='/referrals/']")).to_be_visible(timeout=20_000)


async def test_likely_twins_show_where_the_meeting_was_recorded_while_the_page_is_open(
    palermo: Town, browser: Browser
) -> None:
    who = another_person(uuid4().hex)
    known = an_intake(f"pa.comune/{uuid4().hex}/1") | {"tier1": who}
    async with screen(browser, palermo.url, size=NARROW) as seen:
        await palermo.submit(known)
        await seen.log_in("Operatrice, Centro Penc")
        await seen.page.goto(f"{palermo.url}/new")
        await seen.page.get_by_label("Medicina di base").first.check()
        await seen.page.get_by_label(PUBLIC_TASK).check()
        await seen.page.get_by_label("Nome", exact=True).fill(who["name"]["given"])
        await seen.page.get_by_label("Cognome").fill(who["name"]["family"])
        await seen.page.get_by_label("Nascita").fill(who["birth_date"]["value"])
        await seen.page.get_by_role("button", name="Invia le richieste").click()

        await expect(seen.page.get_by_text("Stesso nome e cognome")).to_be_visible(timeout=20_000)
        assert await seen.faults_of_access() == []
        assert not await seen.is_wider_than_the_screen()
        await seen.page.get_by_label("Perché").first.press("Enter")
        await expect(seen.page.get_by_role("button", name="È la stessa persona").first).to_be_focused()
        await seen.page.get_by_role("button", name="Decido più tardi").click()
        await expect(seen.page.get_by_role("status").filter(has_text="fatto")).to_be_visible()


async def test_an_intake_that_breaks_a_rule_comes_back_as_it_was_typed_with_what_is_wrong(
    palermo: Town, browser: Browser
) -> None:
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/new")
        await seen.page.get_by_label("Vostro riferimento").fill("COMUNE-78")
        await seen.page.get_by_label(PUBLIC_TASK).check()
        await seen.page.get_by_role("button", name="Invia le richieste").click()

        said = seen.page.get_by_role("status").filter(has_text="non è stato possibile")
        await expect(said).to_contain_text("scegli almeno un servizio")
        await expect(seen.page.locator("p.wrong strong")).to_have_text("Servizi richiesti")
        await expect(seen.page.get_by_label("Vostro riferimento")).to_have_value("COMUNE-78")


async def test_a_coordinator_sees_the_numbers_of_the_city_change(palermo: Town, browser: Browser) -> None:
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(COORDINATOR)
        await seen.page.goto(f"{palermo.url}/board")
        waiting = seen.page.locator("ul.numbers strong").first
        before = int(await waiting.inner_text())
        await palermo.submit(a_new_intake())

        await expect(waiting).to_have_text(str(before + 1), timeout=20_000)
        assert await seen.faults_of_access() == []


SOON_MS = 10_000
"""Sooner than a page is told anyway."""


async def test_the_directory_changes_while_it_is_open_and_what_was_chosen_for_the_next_look_stays(
    palermo: Town, browser: Browser
) -> None:
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/directory?service=health.primary")
        taken, closed = (seen.page.locator("tr", has_text=f"pa.{agency}.primary") for agency in ("accura", "salute"))
        free = await taken.locator("td").last.inner_text()
        await expect(closed).to_contain_text("aperta")
        await seen.page.get_by_label("Richiesta").select_option("legal.advice")
        await seen.is_listening()

        await palermo.submit(a_new_intake("health.primary"))
        await expect(taken.locator("td").last).not_to_have_text(free, timeout=SOON_MS)
        async with palermo.desk("pa.salute:supervisor") as desk:
            for status, word in (("closed", "chiusa"), ("open", "aperta")):
                said = await desk.post("/directory/pa.salute.primary", **typed("pa.salute.primary", status=status))
                assert said.headers["location"] == "/directory?said=done"
                await expect(closed).to_contain_text(word, timeout=SOON_MS)

        await expect(seen.page.get_by_label("Richiesta")).to_have_value("legal.advice")
        assert await seen.faults_of_access() == []


@pytest.mark.parametrize("who", [MOBILE, "Revisore"])
async def test_broken_glass_comes_up_while_the_page_is_open_and_what_is_being_typed_stays(
    palermo: Town, browser: Browser, who: str
) -> None:
    stated = a_new_intake()
    await palermo.submit(stated)
    code = await the_code_of(palermo, stated)
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(who)
        await seen.page.goto(f"{palermo.url}/looks")
        reason = seen.page.get_by_label("Perché è necessario ora")
        if who == MOBILE:
            await reason.fill("Una cosa lasciata a me")
        await seen.is_listening()

        async with palermo.desk("pa.legale:supervisor") as desk:
            assert (await desk.post("/looks", code=code, reason=f"Ricovero di {code}")).status_code == 303

        await expect(seen.page.locator("tr", has_text=f"Ricovero di {code}")).to_be_visible(timeout=SOON_MS)
        if who == MOBILE:
            await expect(reason).to_have_value("Una cosa lasciata a me")
        await seen.page.goto(f"{palermo.url}/glossary")
        menu = seen.page.get_by_role("link", name="accessi d'emergenza non ancora visti: 1")
        await expect(menu).to_be_visible()
        assert await seen.faults_of_access() == []


async def test_a_referral_is_found_by_its_code_and_by_the_own_reference(palermo: Town, browser: Browser) -> None:
    stated = a_new_intake()
    await palermo.submit(stated)
    async with screen(browser, palermo.url) as seen, screen(browser, palermo.url) as other:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/search")
        await seen.page.get_by_label("Codice").fill(stated["tier0"]["sender_ref"])
        await seen.page.keyboard.press("Enter")
        code = (await seen.page.locator("h1").inner_text()).partition(":")[0]
        await other.log_in(MOBILE)
        await other.page.goto(f"{palermo.url}/search")
        await other.page.get_by_label("Codice").fill(stated["tier0"]["sender_ref"])
        await other.page.keyboard.press("Enter")

        await expect(other.page.get_by_role("status").filter(has_text="Nessun risultato")).to_be_visible()
        await other.page.get_by_label("Codice").fill(code.lower())
        await other.page.keyboard.press("Enter")
        await expect(other.page.locator("h1")).to_contain_text(code)
        assert not [url for url in (*seen.asked, *other.asked) if "/search?" in url]


@pytest.mark.parametrize(("language", "label"), [("it-IT", "Nome e cognome"), ("en-GB", "Given and family name")])
async def test_a_person_is_found_by_a_name_spelled_otherwise_and_no_address_holds_it(
    palermo: Town, browser: Browser, language: str, label: str
) -> None:
    who = another_person(uuid4().hex)
    await palermo.submit(a_new_intake() | {"tier1": who})
    async with screen(browser, palermo.url, size=NARROW, language=language) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/search")
        await seen.page.get_by_label(label).fill(who["name"]["family"].upper().replace("A", "À"))
        await seen.page.keyboard.press("Enter")

        await expect(seen.page.locator("main strong", has_text=who["name"]["family"])).to_be_visible()
        assert await seen.faults_of_access() == [] and not await seen.is_wider_than_the_screen()
        assert not [url for url in seen.asked if who["name"]["family"].upper() in url.upper()]
        await seen.page.locator("main li li a").press("Enter")
        await expect(seen.page.locator("h1")).to_contain_text("PA-")


async def test_a_phone_that_is_not_safe_is_marked_by_keyboard_and_who_met_the_person_reads_it(
    palermo: Town, browser: Browser
) -> None:
    stated = a_new_intake()
    stated["tier1"] |= {"contact": {"channel": "phone", "value": "+39 000 43", "safe": True}}
    await palermo.submit(stated)
    code = await the_code_of(palermo, stated)
    async with palermo.desk("pa.mobile:caseworker") as desk:
        at = (await desk.get(f"/r/{code}")).headers["location"]
        await desk.post(f"{at}/accept")
        await palermo.settle()
    async with screen(browser, palermo.url, size=NARROW, language="en-GB") as seen:
        await seen.log_in(MOBILE)
        await seen.page.goto(f"{palermo.url}{at}/person")
        faults = [*await seen.faults_of_access()]
        await seen.page.get_by_role("button", name="Do not use: it is not safe").press("Enter")
        await expect(seen.page.locator("dl strong.late")).to_contain_text("Do not use: it is not safe")
        await seen.page.get_by_label("Number, address or place").fill("+39 000 44")
        await seen.page.keyboard.press("Enter")
        await expect(seen.page.locator("dl")).to_contain_text("+39 000 44")
        faults += await seen.faults_of_access()
        assert not await seen.is_wider_than_the_screen()
    met = f"/new/{uuid5(INTAKES, 'pa.comune/' + stated['idempotency_key'])}"
    async with screen(browser, palermo.url, size=NARROW) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(palermo.url + met)
        await expect(seen.page.locator("#live")).to_contain_text("Unità mobile")
        faults += await seen.faults_of_access()
        assert not await seen.is_wider_than_the_screen()

    assert faults == []


async def test_who_fills_in_a_long_form_is_at_work_and_stays_logged_in(palermo: Town, browser: Browser) -> None:
    async with screen(browser, palermo.url) as seen:
        await seen.page.clock.install()
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/new")
        first = seen.page.locator("form.wide input[type=text]").first
        await first.fill("A")
        assert not [url for url in seen.asked if url.endswith("/glossary")]
        await seen.page.clock.fast_forward("05:01")

        async with seen.page.expect_response("**/glossary") as told:
            await first.fill("Am")

        assert (await told.value).status == 200


async def test_several_are_acknowledged_at_once_after_a_look_at_what_comes_of_each(
    palermo: Town, browser: Browser
) -> None:
    await palermo.submit(a_new_intake(), a_new_intake())
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(MOBILE)
        asked = seen.page.locator("[data-row]", has_text="Inviato")
        codes = [await asked.nth(n).locator("strong").inner_text() for n in (0, 1)]
        for code in codes:
            await seen.page.get_by_label(f"Scegli {code}").check()
        await seen.page.locator("#batch").get_by_role("button", name="Presa visione").click()
        await expect(seen.page.locator("tbody tr")).to_have_count(2)
        assert await seen.faults_of_access() == []
        await seen.page.get_by_role("button", name="Conferma per 2").click()

        await expect(seen.page.locator("tbody .calm")).to_have_count(2)
        await seen.page.get_by_role("link", name="Continua").click()
        for code in codes:
            await expect(seen.page.locator("[data-row]", has_text=code)).to_contain_text("Presa visione")


async def test_what_is_written_outlives_the_network_and_the_session_and_is_sent_by_nobody_else(
    palermo: Town, browser: Browser
) -> None:
    async with screen(browser, palermo.url, size=NARROW) as seen:
        await seen.log_in(MOBILE)
        await seen.page.goto(f"{palermo.url}/new")
        await seen.page.get_by_label("Alimenti e pasti").check()
        await seen.page.get_by_label(PUBLIC_TASK).check()
        await seen.page.get_by_label("Nome", exact=True).fill("Awa")
        send = seen.page.get_by_role("button", name="Invia le richieste")

        await seen.page.context.set_offline(True)
        await send.click()
        await expect(seen.page.get_by_role("alert")).to_contain_text("il collegamento manca")
        await expect(send).not_to_have_attribute("aria-busy", "true")
        assert await seen.faults_of_access() == [] and not await seen.is_wider_than_the_screen()
        await seen.page.context.set_offline(False)

        await seen.page.route("**/glossary", lambda route: route.fulfill(status=429))
        await send.click()
        await expect(send).not_to_have_attribute("aria-busy", "true")
        await expect(seen.page.get_by_role("alert")).to_contain_text("il collegamento manca")
        await seen.page.unroute("**/glossary")

        await seen.page.context.clear_cookies(name="staffetta")
        for who in (COMUNE, NATIONAL, MOBILE):
            await send.click()
            await expect(send).not_to_have_attribute("aria-busy", "true")
            await expect(seen.page.get_by_role("alert")).to_contain_text("l'accesso è scaduto")
            async with seen.page.context.expect_page() as opened:
                await seen.page.get_by_role("alert").get_by_role("link", name="Entra").click()
            other = await opened.value
            await other.get_by_role("button", name=who).click()
            await other.wait_for_url(f"{palermo.url}/**")
        await send.dblclick()

        await expect(seen.page.get_by_role("status").filter(has_text="fatto")).to_be_visible(timeout=20_000)


async def test_who_logs_out_in_one_tab_leaves_no_other_open_and_none_to_go_back_to(
    palermo: Town, browser: Browser
) -> None:
    """Also of those that hear no news by themselves."""
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(COMUNE)
        others = [await seen.page.context.new_page() for _ in ("/sent", "/glossary")]
        for other, path in zip(others, ("/sent", "/glossary"), strict=True):
            await other.goto(f"{palermo.url}{path}")

        await seen.page.get_by_role("button", name="Esci").click()

        for other in others:
            await expect(other.get_by_role("button", name=COMUNE)).to_be_visible(timeout=10_000)
        await expect(seen.page.get_by_role("heading", name="Sei uscito")).to_be_visible()
        await seen.page.go_back()
        await expect(seen.page.get_by_role("button", name=COMUNE)).to_be_visible()


async def test_a_page_that_hears_no_news_goes_too_once_its_session_has_ended(palermo: Town, browser: Browser) -> None:
    async with screen(browser, palermo.url) as seen:
        await seen.page.clock.install()
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/search")
        async with seen.page.expect_response("**/here") as asked:
            await seen.page.clock.fast_forward("01:01")
        assert (await asked.value).status == 204

        await end_session(seen)
        await seen.page.clock.fast_forward("01:01")

        await expect(seen.page.get_by_role("button", name=COMUNE)).to_be_visible()


async def end_session(seen: Screen) -> None:
    """As if it were too old: no tab of the browser is told."""
    csrf = await seen.page.locator("form[action='/logout'] [name=csrf]").get_attribute("value")
    request, told = seen.page.context.request, {"Origin": seen.url}
    assert (await request.post(f"{seen.url}/logout", form={"csrf": csrf or ""}, headers=told)).ok


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_page_whose_session_ends_keeps_what_is_being_written_into_it_and_what_came_back(
    palermo: Town, browser: Browser, is_refused: bool
) -> None:
    stated = a_new_intake()
    await palermo.submit(stated)
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(COMUNE)
        await seen.page.goto(f"{palermo.url}/r/{await the_code_of(palermo, stated)}")
        await seen.page.get_by_role("link", name="Il colloquio e i recapiti").click()
        hours = seen.page.get_by_label("Orari sicuri")
        await hours.fill("9-12")
        if is_refused:
            await seen.page.get_by_role("button", name="Annota").click()
            await expect(seen.page.get_by_text("scrivi il numero")).to_be_visible()
        await seen.is_listening()
        if is_refused:  # in another tab, of which this one hears
            other = await seen.page.context.new_page()
            await other.goto(f"{palermo.url}/glossary")
            await other.get_by_role("button", name="Esci").click()
        else:
            await end_session(seen)

        await expect(seen.page.locator(".lost")).to_be_visible(timeout=30_000)
        await expect(hours).to_have_value("9-12")
        await seen.page.get_by_role("button", name="Annota").click()
        await expect(seen.page.get_by_role("alert")).to_contain_text("l'accesso è scaduto")


async def test_what_was_pressed_says_so_while_its_answer_is_awaited(palermo: Town, browser: Browser) -> None:
    await palermo.submit(a_new_intake())
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(MOBILE)
        await seen.page.locator("[data-row]").first.get_by_role("link", name="Rifiuta").click()
        await seen.page.route("**/glossary", lambda route: None)
        button = seen.page.get_by_role("button", name="Nessun posto")
        await button.click()

        await expect(button).to_have_attribute("aria-busy", "true")
        await seen.page.locator("#once button").last.click()
        await expect(seen.page.locator("[aria-busy]")).to_have_count(1)
        assert await seen.faults_of_access() == []


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_a_note_goes_with_an_answer_of_one_press_too_and_with_the_other_when_that_is_stopped(
    palermo: Town, browser: Browser, is_stopped: bool
) -> None:
    stated = a_new_intake()
    await palermo.submit(stated)
    async with screen(browser, palermo.url) as seen:
        await seen.log_in(MOBILE)
        code = await the_code_of(palermo, stated)
        await seen.page.goto(f"{palermo.url}/r/{code}")
        await seen.page.get_by_role("link", name="Rifiuta").click()
        await seen.page.get_by_label("Nota").fill("Chiamate la Casa Ponte")
        once = seen.page.get_by_role("button", name="Nessun posto")
        if is_stopped:
            await seen.page.route("**/decline?*", lambda route: route.fulfill(status=204))
            async with seen.page.expect_response("**/decline?*"):
                await once.click()
            await seen.page.unroute("**/decline?*")
            await seen.page.locator("[name=decline_reason]:is(select)").select_option("Nessun posto")
            once = seen.page.get_by_role("button", name="Rifiuta", exact=True)
        await once.click()
        await seen.page.wait_for_url("**said=done**")
        await seen.page.get_by_role("link", name="leggi la nota").click(timeout=20_000)

        await expect(seen.page.locator("p.text")).to_have_text("Chiamate la Casa Ponte", timeout=20_000)
