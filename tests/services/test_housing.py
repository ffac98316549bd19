"""Beds as housing counts them: households at once, several workers, kills; and the naive way that oversells."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.places import (
    CapacityEvent,
    CapacityHeld,
    CapacityRefused,
    CapacityReleased,
    HoldPlaces,
    PutPlaces,
    ReleasePlaces,
)
from services.chassis.settings import Settings
from tests.processes import Processes, plain_http, running
from tests.services.bus import Bus, bus

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEDS, HOUSEHOLDS, ROUNDS = 10, 50, 6
HOUR = timedelta(hours=1)


@dataclass
class Housing:
    bus: Bus
    processes: Processes
    client: Any
    settings: Settings

    async def places(self, offer: str) -> httpx.Response:
        async with plain_http(self.processes.url("housing")) as http:
            return await http.get(f"/v1/offers/{offer}/places", headers=self.processes.bearer("pa.comune"))

    async def heard(self, kind: type[CapacityEvent], *referrals: UUID, seconds: float = 90) -> list[Any]:
        """What was said of this kind about these referrals, as soon as it was said of each."""
        async with asyncio.timeout(seconds):
            while True:
                said = [m.message for m in self.bus.heard if isinstance(m.message, kind)]
                found = {m.referral_id: m for m in said if m.referral_id in referrals}
                if len(found) == len(referrals):
                    return list(found.values())
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def housing(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Housing]:
    """Two workers of housing; each test and round has an offer of its own."""
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    logs = tmp_path_factory.mktemp("housing")
    async with (
        running(network, logs, ("housing",), replicas=2, load=()) as processes,
        bus(network, "housing") as talk,
    ):
        client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value())
        yield Housing(talk, processes, client, network)
        client.close()


def a_household(offer: str, size: int, **known: Any) -> HoldPlaces:
    given = {"priority": "URGENT", "sent_at": datetime.now(UTC), "until": datetime.now(UTC) + HOUR} | known
    return HoldPlaces(offer=offer, referral_id=uuid4(), journey_id=uuid4(), places=size, **given)


@dataclass
class Outcome:
    """Who got beds and who was told that there are none, with the size of each household."""

    taken: list[int]
    refused: list[int]

    @property
    def free(self) -> int:
        return BEDS - sum(self.taken)

    @property
    def oversold(self) -> bool:
        return self.free < 0

    @property
    def kept_empty(self) -> bool:
        """Nothing is given back within a round, so whoever fits at its end fitted when refused."""
        return any(size <= self.free for size in self.refused)


Round = Callable[[str, list[int]], Awaitable[Outcome]]


async def play(one_round: Round, rounds: int) -> list[Outcome]:
    chance = random.Random(4)
    return [
        await one_round(f"pa.ponte.bed{uuid4().hex[:8]}", [chance.choice((1, 1, 2, 3, 4)) for _ in range(HOUSEHOLDS)])
        for _ in range(rounds)
    ]


async def test_fifty_households_at_once_never_get_more_than_ten_beds_and_none_stays_empty(housing: Housing) -> None:
    chance = random.Random(5)

    async def asked_of_housing(offer: str, sizes: list[int]) -> Outcome:
        asked = [a_household(offer, size) for size in sizes]
        await housing.bus.ask(PutPlaces(offer=offer, kind="bed_night", total=BEDS))
        await asyncio.gather(*(housing.bus.ask(hold) for hold in asked))
        housing.processes.kill(f"housing-{chance.randrange(2)}")
        answers = await housing.heard(CapacityEvent, *(hold.referral_id for hold in asked))
        kinds = {CapacityHeld: [m.places for m in answers if isinstance(m, CapacityHeld)],
                 CapacityRefused: [m.places for m in answers if isinstance(m, CapacityRefused)]}  # fmt: skip
        assert sum(map(len, kinds.values())) == HOUSEHOLDS
        await housing.processes.ready()
        shown = (await housing.places(offer)).json()
        assert (shown["held"], shown["free"]) == (sum(kinds[CapacityHeld]), BEDS - sum(kinds[CapacityHeld]))
        return Outcome(kinds[CapacityHeld], kinds[CapacityRefused])

    outcomes = await play(asked_of_housing, ROUNDS)

    assert not any(outcome.oversold for outcome in outcomes)
    assert not any(outcome.kept_empty for outcome in outcomes)


async def test_counting_and_then_inserting_oversells_in_the_same_harness(housing: Housing) -> None:
    beds = housing.client[housing.settings.named("naive")].beds

    async def counted_then_inserted(offer: str, sizes: list[int]) -> Outcome:
        async def ask(size: int) -> bool:
            taken = sum([doc["size"] async for doc in beds.find({"offer": offer})])
            if taken + size > BEDS:
                return False
            await beds.insert_one({"offer": offer, "size": size})
            return True

        got = await asyncio.gather(*(ask(size) for size in sizes))
        answers = list(zip(sizes, got, strict=True))
        return Outcome([size for size, yes in answers if yes], [size for size, yes in answers if not yes])

    outcomes = await play(counted_then_inserted, 3)

    assert any(outcome.oversold for outcome in outcomes)


async def test_a_hold_that_nobody_confirmed_in_time_is_given_to_the_next_who_waits(housing: Housing) -> None:
    offer = f"pa.ponte.bed{uuid4().hex[:8]}"
    late = a_household(offer, 2, until=datetime.now(UTC) - HOUR)
    waits = a_household(offer, 2)

    await housing.bus.ask(PutPlaces(offer=offer, kind="bed_night", total=2, waitlist=True, order_rule_version=1))
    await housing.bus.ask(late)
    await housing.bus.ask(waits)
    (released,) = await housing.heard(CapacityReleased, late.referral_id)
    (held,) = await housing.heard(CapacityHeld, waits.referral_id)

    assert (released.cause, held.promoted) == ("lapsed", True)


async def test_a_hold_until_a_person_decides_ends_with_the_referral_alone(housing: Housing) -> None:
    offer = f"pa.ponte.bed{uuid4().hex[:8]}"
    emergency = a_household(offer, 1, priority="EMERGENCY", until=None)

    await housing.bus.ask(PutPlaces(offer=offer, kind="bed_night", total=1))
    await housing.bus.ask(emergency)
    await housing.heard(CapacityHeld, emergency.referral_id)
    ended = ReleasePlaces(offer=offer, referral_id=emergency.referral_id, journey_id=uuid4(), cause="WITHDRAWN")
    await housing.bus.ask(ended)
    (released,) = await housing.heard(CapacityReleased, emergency.referral_id)

    assert (released.cause, released.free) == ("WITHDRAWN", 1)


async def test_places_of_an_offer_that_is_not_counted_here_are_not_found(housing: Housing) -> None:
    unknown = await housing.places("pa.accura.primary")
    async with plain_http(housing.processes.url("housing")) as http:
        stranger = await http.get("/v1/offers/pa.accura.primary/places")

    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "application/problem+json")
    assert stranger.status_code == 401
