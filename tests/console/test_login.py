"""Logging in with a provider that is not ours, and what a stranger may try on the way."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
import pytest_asyncio

from services.chassis.settings import Settings
from services.console.login import local_path
from tests.console.desk import CSRF
from tests.processes import Processes, free_port, plain_http, running

VOUCHED = timedelta(minutes=20)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    """A console alone, and a provider with an auditor and with somebody who has no part in the network."""
    settings = engines.model_copy(update={"namespace": f"t{free_port()}login"})
    url, port = f"http://127.0.0.1:{free_port()}", free_port()
    people = [
        oidc_provider_mock.User(sub="auditor", claims={"name": "Revisore", "roles": ["auditor"]}),
        oidc_provider_mock.User(sub="stranger", claims={"name": "Nessuno", "roles": ["king"]}),
        oidc_provider_mock.User(sub="lost", claims={"roles": ["caseworker"], "agency": "pa.unknown"}),
    ]
    told = {"CONSOLE_URL": url, "OIDC_ISSUER": f"http://localhost:{port}", "OIDC_CLIENT_SECRET": "a secret"}
    with oidc_provider_mock.run_server_in_thread(port, user_claims=people, access_token_max_age=VOUCHED):
        folder = tmp_path_factory.mktemp("login")
        async with running(settings, folder, ("console",), load=(), environment=told, urls={"console-0": url}) as found:
            yield found


@pytest.fixture
def console(alone: Processes) -> str:
    return alone.url("console")


@pytest_asyncio.fixture(loop_scope="module")
async def browser(console: str) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_http(console, timeout=30) as client:
        yield client


async def back_from_provider(browser: httpx.AsyncClient, sub: str = "auditor", start: str = "/login") -> str:
    """Where the provider sends the browser once the person has said who they are."""
    begun = await browser.get(start)
    return str((await browser.post(begun.headers["location"], data={"sub": sub})).headers["location"])


async def word_of(browser: httpx.AsyncClient) -> str:
    found = CSRF.search((await browser.get("/looks")).text)
    return found[1] if found else ""


async def test_one_comes_back_to_the_page_that_was_wanted(browser):
    asked = await browser.get("/looks?said=done")

    came = await browser.get(await back_from_provider(browser, start=asked.headers["location"]))

    assert (came.status_code, came.headers["location"]) == (303, "/looks?said=done")
    assert "Revisore" in (await browser.get("/looks")).text


async def test_the_session_is_a_secret_that_scripts_and_other_sites_never_hold(browser):
    came = await browser.get(await back_from_provider(browser))

    cookies = [c for c in came.headers.get_list("set-cookie") if c.startswith("staffetta=")]
    assert len(cookies) == 1
    assert all(word in cookies[0] for word in ("HttpOnly", "SameSite=lax", "Path=/"))


async def test_a_login_is_good_once_and_in_the_browser_that_began_it(browser, console):
    link = await back_from_provider(browser)
    async with plain_http(console, timeout=30) as another:
        stolen = await another.get(link)

    assert stolen.status_code == 400
    assert (await browser.get(link)).status_code == 303
    assert (await browser.get(link)).status_code == 400


async def test_a_new_login_gives_a_new_secret_and_ends_the_old_session(browser):
    await browser.get(await back_from_provider(browser))
    before = browser.cookies["staffetta"]

    await browser.get(await back_from_provider(browser))

    assert browser.cookies["staffetta"] != before
    assert (await browser.get("/looks", headers={"cookie": f"staffetta={before}"})).status_code == 303


async def test_a_secret_that_was_chosen_by_somebody_else_is_no_session(browser):
    assert (await browser.get("/looks", headers={"cookie": "staffetta=chosen"})).status_code == 303


@pytest.mark.parametrize("who", ["stranger", "lost"])
async def test_who_has_no_part_in_the_network_gets_no_session(browser, who):
    came = await browser.get(await back_from_provider(browser, who))

    assert came.status_code == 403
    assert "staffetta" not in browser.cookies


async def test_what_a_provider_that_is_not_ours_gave_is_renewed(browser, alone):
    await browser.get(await back_from_provider(browser))
    before = browser.cookies["staffetta"]

    for ahead in (1, 2, 3):
        alone.move_clock(ahead * VOUCHED)
        assert (await browser.get("/looks")).status_code == 200

    assert browser.cookies["staffetta"] == before


async def test_a_login_goes_with_proof_of_possession_and_a_nonce(browser):
    there = parse_qs(urlsplit((await browser.get("/login")).headers["location"]).query)

    assert there["code_challenge_method"] == ["S256"]
    assert there["response_type"] == ["code"]
    assert there["nonce"] and there["state"] and there["code_challenge"]


def asked_of_provider(begun: httpx.Response) -> dict[str, list[str]]:
    """How well the provider has to look at who is there."""
    there = parse_qs(urlsplit(begun.headers["location"]).query)
    return {name: there[name] for name in ("prompt", "max_age") if name in there}


async def test_who_logged_in_at_the_provider_within_a_working_day_need_not_do_it_twice(browser):
    assert asked_of_provider(await browser.get("/login")) == {"max_age": ["36000"]}


async def test_the_next_at_a_shared_browser_is_not_taken_for_who_logged_out(browser):
    await browser.get(await back_from_provider(browser))
    await browser.post("/logout", data={"csrf": await word_of(browser)})

    assert asked_of_provider(await browser.get("/login")) == {"prompt": ["login"]}
    assert asked_of_provider(await browser.get("/login")) == {"prompt": ["login"]}, "until somebody has logged in"
    await browser.get(await back_from_provider(browser))
    assert asked_of_provider(await browser.get("/login")) == {"max_age": ["36000"]}


async def test_the_next_at_a_browser_that_was_left_is_not_taken_for_who_left(browser, alone):
    began, nearly = timedelta(hours=2), timedelta(minutes=29)
    alone.move_clock(began)
    await browser.get(await back_from_provider(browser))

    alone.move_clock(began + nearly)
    assert asked_of_provider(await browser.get("/login")) == {"max_age": ["36000"]}
    alone.move_clock(began + nearly + timedelta(minutes=31))
    assert asked_of_provider(await browser.get("/login")) == {"prompt": ["login"]}


@pytest.mark.parametrize("path", ["/here", "/looks/live"])
async def test_what_an_open_page_asks_for_by_itself_is_no_sign_of_life(browser, alone, path):
    began, later = timedelta(hours=4), timedelta(minutes=20)
    alone.move_clock(began)
    await browser.get(await back_from_provider(browser))

    alone.move_clock(began + later)
    async with browser.stream("GET", path) as asked:
        assert asked.status_code in (200, 204)
    alone.move_clock(began + 2 * later)

    assert (await browser.get("/here")).status_code == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", "/a\r\nb"]
)
async def test_a_link_never_leads_elsewhere_after_the_login(wanted):
    assert local_path(wanted) == "/"


async def test_logging_out_ends_the_session_for_whoever_has_its_secret(browser):
    await browser.get(await back_from_provider(browser))
    secret = browser.cookies["staffetta"]

    await browser.post("/logout", data={"csrf": await word_of(browser)})

    assert (await browser.get("/looks", headers={"cookie": f"staffetta={secret}"})).status_code == 303


async def test_a_form_of_another_site_is_refused(browser):
    await browser.get(await back_from_provider(browser))
    word = await word_of(browser)

    without = await browser.post("/logout", data={})
    guessed = await browser.post("/logout", data={"csrf": "guessed"})
    foreign = await browser.post("/logout", data={"csrf": word}, headers={"Origin": "https://evil.example"})

    assert [r.status_code for r in (without, guessed, foreign)] == [403, 403, 403]
    assert (await browser.get("/looks")).status_code == 200


async def test_a_form_that_is_too_large_or_of_no_stated_length_is_refused(browser):
    await browser.get(await back_from_provider(browser))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"csrf=x"

    large = await browser.post("/logout", data={"csrf": "x" * 70_000})
    unstated = await browser.post("/logout", content=pieces())

    assert (large.status_code, unstated.status_code) == (413, 411)


async def test_every_answer_tells_browsers_what_they_may_not_do(browser):
    for path in ("/login", "/looks", "/static/console.css", "/nothing"):
        headers = (await browser.get(path)).headers
        if path == "/nothing":
            continue
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_one_who_asks_too_often_is_told_to_wait(browser):
    answers = [(await browser.get("/static/icon.svg")).status_code for _ in range(260)]

    assert answers.count(200) >= 100
    assert 429 in answers
