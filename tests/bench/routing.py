"""`./dev bench routing`: one service asked for among 20,000 offers in 500 cities, beside reading all of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from rich.console import Console
from rich.table import Table

from contracts import codes
from contracts.commands import Need
from contracts.directory import Agency, AreaServed, Offer
from services.chassis.settings import Settings, from_environment
from services.chassis.transaction import Transaction
from services.referral import deciding, store
from services.referral.domain import routing
from services.referral.domain.candidates import all_of, candidates
from services.referral.domain.routing import Decision, Search
from services.referral.domain.rules import RULE_SETS
from tests.builders import TODAY, a_basis, a_need, an_agency, an_offer

CITIES, AGENCIES, OFFERS, REFERRALS, AT_ONCE = 500, 4, 20_000, 20_000, 1000
ALONE, BATCH, SCANS = 500, 200, 25
SERVICES = tuple(codes.codes("services"))
RULES = ({"rule": "age_between", "min": 18, "max": None}, {"rule": "gender_in", "values": ("female",)})
Doc = dict[str, Any]


async def main() -> None:
    settings = from_environment()
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    db = client[settings.model_copy(update={"namespace": f"routing{uuid4().hex[:8]}"}).named("referral")]
    try:
        await _fill(db)
        bench = Bench(client, db, settings)
        rows = {
            "one need alone": await bench.alone(_needs(ALONE)),
            "one of who would travel to two more cities": await bench.alone(_needs(ALONE, travels=2)),
            "one, fewest waiting first": await bench.alone(_needs(ALONE), rule_set="fewest-waiting-1"),
            f"one of {BATCH} in a batch": await bench.together(_needs(BATCH)),
            "one need alone, all of its service read": await bench.alone(_needs(SCANS), decide=_scan),
        }
        Console(width=100).print(_table(rows))
    finally:
        await client.drop_database(db.name)
        client.close()


def _table(rows: dict[str, list[float]]) -> Table:
    table = Table("needs", "n", "p50 ms", "p95 ms", "p99 ms", "max ms", "reading all is")
    *_, scan = rows.values()
    for name, times in rows.items():
        figures = (f"{of(times, share):.1f}" for share in (0.50, 0.95, 0.99, 1))
        table.add_row(name, str(len(times)), *figures, f"{of(scan, 0.5) / of(times, 0.5):.1f} x")
    return table


def of(times: list[float], share: float) -> float:
    """The nearest rank."""
    return sorted(times)[max(0, round(share * len(times)) - 1)]


class Bench:
    """Every need is decided as a handler does it: in a transaction that reads a snapshot."""

    def __init__(self, client: Any, db: Any, settings: Settings) -> None:
        self.client, self.db, self.settings = client, db, settings

    async def alone(self, needs: list[Need], rule_set: str = "network-1", decide: Any = deciding.decide) -> list[float]:
        """Milliseconds of each, in a transaction of its own."""
        codes.table("routing")["in_force"]["network"] = rule_set
        times = []
        for need in needs:
            async with self._transaction() as tx:
                times.append(await _timed(need, tx, decide))
        return times

    async def together(self, needs: list[Need]) -> list[float]:
        codes.table("routing")["in_force"]["network"] = "network-1"
        async with self._transaction() as tx:
            return [await _timed(need, tx, deciding.decide) for need in needs]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        async with await self.client.start_session() as session:
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"))
            yield Transaction(self.db, session, "referral", self.settings)
            await session.abort_transaction()


async def _timed(need: Need, tx: Transaction, decide: Any) -> float:
    began = time.perf_counter()
    decision: Decision = await decide(Search(need), TODAY, tx.find)
    took = (time.perf_counter() - began) * 1000
    if decision.first is None or not decision.out_by_area:
        raise SystemExit(f"nobody was found for {need.service} in {need.city_of_presence}")
    return took


async def _scan(search: Search, day: Any, find: Any) -> Decision:
    """The same decision from all offers of the service, wherever they are."""
    offers = [Offer.model_validate(doc) for doc in await find("offers", {"service": search.need.service}, ())]
    found = await find("agencies", {"_id": {"$in": sorted({offer.agency for offer in offers})}}, ())
    agencies = {doc["_id"]: Agency.model_validate(doc) for doc in found}
    return routing.route(search, candidates(offers, agencies), day, RULE_SETS["network-1"])


# -- the network -------------------------------------------------------------------------------------------------------


def _city(n: int) -> str:
    return f"city{n % CITIES}"


def _needs(count: int, travels: int = 0) -> list[Need]:
    """Of people all over the country, each for a service that somebody gives there."""
    chance = random.Random(count + travels)
    drawn = [chance.randrange(OFFERS) for _ in range(count)]
    return [_need(n, UUID(int=i + 1), tuple(_city(n + k + 1) for k in range(travels))) for i, n in enumerate(drawn)]


def _need(n: int, id: UUID, to: tuple[str, ...]) -> Need:
    bases = tuple(a_basis(f"city:{city}", basis_id=city) for city in (_city(n), *to))
    person = {"language": "bn", "other_languages": ("en",), "gender": "female", "age_band": "25-39"}
    return a_need(_offer(n).service, need_id=id, city_of_presence=_city(n), willing_to_travel=to,
                  sharing_basis=bases, **person)  # fmt: skip


def _offer(n: int) -> Offer:
    """Of a city each, of its agencies and of the services in turn; one of eight takes people of any city."""
    agency = f"{_city(n)}.a{n // CITIES % AGENCIES}"
    area = AreaServed(cities=(_city(n),), any_network_city=n % 8 == 0)
    service = SERVICES[(n // CITIES * 3 + n) % len(SERVICES)]
    return an_offer(f"{agency}.o{n}", service=service, area_served=area, languages=("it", "en"), rules=RULES)


async def _fill(db: Any) -> None:
    """As the copy of the directory would be, with the referrals that wait."""
    for collection, indexes in store.INDEXES.items():
        await db[collection].create_indexes(list(indexes))
    offers = [_offer(n) for n in range(OFFERS)]
    codes_ = dict.fromkeys(offer.agency for offer in offers)
    agencies = [an_agency(code, city=code.partition(".")[0]) for code in codes_]
    counts = Counter(offer.service for offer in offers)
    await _insert(db.offers, [_entry(offer) for offer in offers])
    await _insert(db.agencies, [_entry(agency) for agency in agencies])
    await _insert(db.agencies, [{"_id": all_of(service), "offers": n} for service, n in counts.items()])
    await _insert(db.referrals, [_waiting(n, agencies[n % len(agencies)]) for n in range(REFERRALS)])


def _entry(of: Offer | Agency) -> Doc:
    return of.model_dump(mode="json", by_alias=True) | {"_id": of.code}


def _waiting(n: int, at: Agency) -> Doc:
    """What the count reads of a referral; two of three are decided."""
    state = ("REQUESTED", "ACCEPTED", "CLOSED")[n % 3]
    return {"_id": str(UUID(int=n)), "state": state, "place": {"agency": at.code, "queue": at.queues[0].code}}


async def _insert(collection: Any, docs: list[Doc]) -> None:
    for n in range(0, len(docs), AT_ONCE):
        await collection.insert_many(docs[n : n + AT_ONCE])


if __name__ == "__main__":
    asyncio.run(main())
