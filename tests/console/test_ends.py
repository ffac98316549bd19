"""What ends by itself in the console: a session that nobody uses, every session once, and glass that was broken."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

import pytest
import pytest_asyncio
from fastapi import Response

from services.chassis.settings import Settings
from services.console import gate, sessions, settings, store, web
from services.console.domain.access import Actor
from services.console.sessions import Token
from tests.console.test_indexes import ROW
from tests.networks import database

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LEGALE = Actor("pa.legale:1", "Anna", "pa.legale", frozenset({"caseworker"}))


@pytest_asyncio.fixture
async def db(network: Settings) -> AsyncIterator[Any]:
    async with database(network, "console") as found:
        yield found


async def begun(db: Any) -> str:
    key, _ = await sessions.begin(db, LEGALE, Token("a token", NOW + 24 * HOUR), NOW)
    return key


async def test_a_session_that_nobody_uses_ends_after_half_an_hour(db: Any) -> None:
    key = await begun(db)

    assert await sessions.find(db, key, NOW + 29 * MINUTE)
    assert await sessions.find(db, key, NOW + 30 * MINUTE) is None


async def test_who_does_something_stays_and_a_page_that_is_only_open_does_not(db: Any) -> None:
    key = await begun(db)

    assert await sessions.find(db, key, NOW + 29 * MINUTE, used=True)
    assert await sessions.find(db, key, NOW + 58 * MINUTE)
    assert await sessions.find(db, key, NOW + 59 * MINUTE) is None


async def test_a_session_ends_after_ten_hours_whatever_is_done(db: Any) -> None:
    key, now = await begun(db), NOW
    while now < NOW + 10 * HOUR - 20 * MINUTE:
        now += 20 * MINUTE
        assert await sessions.find(db, key, now, used=True) or now == NOW + 10 * HOUR

    assert await sessions.find(db, key, NOW + 10 * HOUR) is None


async def test_broken_glass_opens_one_referral_for_four_hours(db: Any) -> None:
    await db[store.AGENCIES].insert_one({"_id": "pa.legale", "city": "palermo"})
    await db[store.REFERRALS].insert_one(ROW | {"person": None, "person_ref": None})
    opened = await gate.opened(db, LEGALE, lambda: NOW)
    assert await opened.case("r-1") is None

    assert await opened.glasses.break_for("PA-7K3M9Q", "Ricovero d'urgenza") == "r-1"

    for now, sees in ((NOW, True), (NOW + 4 * HOUR - MINUTE, True), (NOW + 4 * HOUR, False)):
        seen = await (await gate.opened(db, LEGALE, repeat(now).__next__)).case("r-1")
        assert (seen is not None) == sees


@pytest.mark.parametrize("status", ["suspended", "left"])
async def test_no_glass_is_broken_by_who_is_of_an_agency_that_does_not_work_and_what_was_broken_is_whole(
    db: Any, status: str
) -> None:
    await db[store.AGENCIES].insert_one({"_id": "pa.legale", "city": "palermo", "status": "active"})
    await db[store.REFERRALS].insert_one(ROW | {"person": None, "person_ref": None})
    opened = await gate.opened(db, LEGALE, lambda: NOW)
    assert await opened.glasses.break_for("PA-7K3M9Q", "Ricovero d'urgenza") == "r-1"
    assert await (await gate.opened(db, LEGALE, lambda: NOW)).case("r-1")

    await db[store.AGENCIES].update_one({"_id": "pa.legale"}, {"$set": {"status": status}})

    after = await gate.opened(db, LEGALE, lambda: NOW)
    assert await after.case("r-1") is None and await after.glasses.still_open() == []
    assert await after.glasses.break_for("PA-7K3M9Q", "Ricovero d'urgenza") is None


async def test_a_coordinator_whose_own_agency_the_person_excluded_sees_nothing_of_them(db: Any) -> None:
    lead = {"_id": "pa.comune", "city": "palermo", "sharing_role": "public_body", "status": "active"}
    task = {"_id": "t-1", "agency": "pa.penc", "cities": ["palermo"], "open": True, "due_at": NOW,
            "kind": "no_candidate", "service": "health.primary", "documents": [], "journey_id": "j-1",
            "referral_id": "r-1"}  # fmt: skip
    pair = {"_id": "p-1", "sender_agency": "pa.penc", "cities": ["palermo"], "state": "same", "intake_id": "j-1",
            "person_refs": ["p_1"], "service": "health.primary", "asked_at": NOW}  # fmt: skip
    await db[store.AGENCIES].insert_one(lead)
    await db[store.REFERRALS].insert_one(ROW | {"sender_agency": "pa.penc", "person": None, "person_ref": None})
    await db[store.TASKS].insert_one(task)
    await db[store.TWINS].insert_one(pair)
    met = {"sender_agency": "pa.penc", "sender_queue": None, "sender_ref": None}
    carla = Actor("c", "Carla", "pa.comune", frozenset({"coordinator"}), cities=frozenset({"palermo"}))

    async def seen() -> tuple[int, ...]:
        at = await gate.opened(db, carla, lambda: NOW)
        shown = (await at.open_as("coordinator", 1), await at.case("r-1"), await at.called("PA-7K3M9Q"))
        there = bool(shown[0].cases), bool(shown[1]), bool(shown[2])
        return (*there, bool(await at.tasks()), bool(await at.twins()), bool(await at.pair("p-1")))

    for excluded, sees in (([], True), (["pa.comune"], False), (["city:palermo"], False), (["pa.penc"], True)):
        await db[store.MEETINGS].replace_one({"_id": "j-1"}, met | {"excluded": excluded}, upsert=True)
        assert await seen() == (sees,) * 6, excluded


async def test_each_whom_broken_glass_concerns_is_told_until_they_have_looked(db: Any) -> None:
    await db[store.AGENCIES].insert_one({"_id": "pa.legale", "city": "palermo"})
    await db[store.REFERRALS].insert_one(ROW | {"receiver_agency": "pa.accura"})
    people = {
        "sara": Actor("s", "Sara", "pa.comune", frozenset({"caseworker"})),
        "sofia": Actor("t", "Sofia", "pa.comune", frozenset({"supervisor"})),
        "ada": Actor("a", "Ada", "pa.accura", frozenset({"caseworker"})),
        "rita": Actor("r", "Rita", None, frozenset({"auditor"})),
        "anna": LEGALE,
        "carla": Actor("c", "Carla", None, frozenset({"coordinator"})),
    }
    at = {name: await gate.opened(db, who, lambda: NOW) for name, who in people.items()}

    for _ in range(2):
        await at["anna"].glasses.break_for("PA-7K3M9Q", "Ricovero d'urgenza")
    told = [await at[name].glasses.unseen() for name in people]
    for name in ("sara", "rita", "carla"):
        await at[name].glasses.see()
    then = [await at[name].glasses.unseen() for name in people]
    await at["anna"].glasses.break_for("PA-7K3M9Q", "Ricovero d'urgenza")

    assert told == [2, 2, 2, 2, 0, 0]
    assert then == [0, 2, 2, 0, 0, 0]
    assert [await at[name].glasses.unseen() for name in people] == [1, 3, 3, 1, 0, 0]


async def test_over_tls_the_session_is_bound_to_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_URL", "https://console.example")
    settings.current.cache_clear()
    response = Response()
    web.set_cookie(response, "staffetta", "a-secret", 60)
    settings.current.cache_clear()

    set_ = response.headers["set-cookie"]
    assert set_.startswith("__Host-staffetta=a-secret;")
    assert all(word in set_ for word in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"))
    assert "Domain" not in set_


async def test_in_production_people_reach_the_console_over_tls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_URL", "http://console.example")
    settings.current.cache_clear()
    with pytest.raises(SystemExit, match="https://"):
        settings.check("production")
    settings.current.cache_clear()


async def test_who_is_no_party_is_given_no_fact_of_the_person(db: Any) -> None:
    facts = {"age_band": "adult", "gender": "female", "language": "bn"}
    await db[store.REFERRALS].insert_one(ROW | {"person": facts, "person_ref": "p-1"})
    coordinator = Actor("c", "Carla", None, frozenset({"coordinator"}), cities=frozenset({"palermo"}))
    party = Actor("s", "Sara", "pa.comune", frozenset({"caseworker"}))

    seen = {}
    for who in (coordinator, party):
        at = await gate.opened(db, who, lambda: NOW)
        relation = "coordinator" if who is coordinator else "sender"
        [listed], alone = (await at.open_as(relation, 1)).cases, await at.case("r-1")
        assert alone
        seen[relation] = (listed.row["person"], alone.row["person"])

    assert seen == {"coordinator": (None, None), "sender": (facts, facts)}
