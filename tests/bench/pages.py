"""What a first page weighs and how long it takes where the console has stored 100,000 referrals: `./dev bench pages`.

The real network takes some intakes, and people answer them; what the console then stored of a referral in each state it
stores again under other names: of 300 agencies, years back, with what of it is open. Then people ask for their pages.
"""

import asyncio
import logging
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import psutil
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console
from rich.table import Table

from contracts import codes
from contracts.notifications import public_code
from services.console import store
from services.console.domain import picture
from services.console.domain.picture import ALWAYS
from tests.bench.flat import insert
from tests.bench.hop import store_process
from tests.bench.roomy import roomy
from tests.builders import an_intake
from tests.console.desk import Desk, Town, town

STORED, AGENCIES, ASKED = 100_000, 300, 50
OPEN_OF_ALL, OF_ONE_CITY = 0.04, 0.95
"""What is open is then what was sent in six weeks."""
YEARS_BACK = timedelta(days=3 * 365)
BUSY, BUSY_OF_ALL = "pa.comune", 0.03
"""Who is looked at sends so much of all, and receives as much."""
SERVICES = ("material.food", "health.primary", "legal.advice", "housing.emergency_bed", "lab.tailoring")
BEHIND = ("gateway", "intake", "directory", "referral", "housing", "programmes", "notifications", "console")
STATIC = ("console.css", "console.js", "htmx.js", "hx-sse.js", "icon.svg")
CASEWORKER, COORDINATOR = f"{BUSY}:caseworker", f"{BUSY}:coordinator"
ASKS = ((CASEWORKER, "/queue"), (CASEWORKER, "/queue?page=5"), (CASEWORKER, "/sent"), (CASEWORKER, "/tasks"),
        (CASEWORKER, "/new"), (CASEWORKER, "/directory"), (CASEWORKER, "/search q={code}"),
        (CASEWORKER, "/search q={ref}"), (CASEWORKER, "/referrals/{id}"), (COORDINATOR, "/city"),
        (COORDINATOR, "/board"), (COORDINATOR, "/tasks"), ("national", "/national"))  # fmt: skip
Doc = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """bytes of the page, and how many travelled; milliseconds from the question to the last byte, over loopback; what
    console and store computed for one, in milliseconds, whatever else the machine does meanwhile.
    """

    page: int
    sent: int
    times: list[float]
    cpu: tuple[float, ...]


async def main() -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, roomy("1G") as own:
        settings = own.model_copy(update={"namespace": f"pag{uuid4().hex[:8]}"})
        client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value(), tz_aware=True)
        async with town(settings, Path(folder), BEHIND) as here:
            await _live(here)
            some = await fill(client[settings.named("console")])
            show(await measured(here, some), await _static(here))
        client.close()


async def _live(here: Town) -> None:
    """Some referrals of each kind: waiting, seen, accepted, declined."""
    await here.submit(*(an_intake(f"{BUSY}/pages-{s}-{n}", services=(s,)) for n in range(4) for s in SERVICES))
    for agency in ("pa.mobile", "pa.accura", "pa.legale", "pa.penc", BUSY):
        async with here.desk(f"{agency}:supervisor") as desk:
            await _answer(desk)
    await here.settle()


async def _answer(desk: Desk) -> None:
    found = re.findall(r'href="/referrals/([0-9a-f-]{36})"', (await desk.get("/queue")).text)
    for n, id in enumerate(dict.fromkeys(found)):
        for command in (("acknowledge",), ("accept",), ("accept", "start"), ())[n % 4]:
            await desk.post(f"/referrals/{id}/{command}")


# -- what is stored ----------------------------------------------------------------------------------------------------


async def fill(db: Any) -> Doc:
    """Returns one of the busy agency's referrals that are open."""
    began, random_ = time.monotonic(), random.Random(7)
    kept = {name: [doc async for doc in db[name].find()] for name in (store.REFERRALS, store.LINES, store.TASKS)}
    unmet: list[Doc] = [doc async for doc in db[store.UNMET].find()]
    agencies = [doc async for doc in db[store.AGENCIES].find()]
    cities = list(codes.codes("cities"))
    more = [_agency(random_.choice(agencies), n, cities[n % len(cities)]) for n in range(AGENCIES)]
    await insert(db[store.AGENCIES], iter(more))
    world = World(random_, {doc["_id"]: doc for doc in (*agencies, *more)}, kept, datetime.now(UTC))
    await insert(db[store.REFERRALS], (world.referral(n) for n in range(STORED)))
    await db[store.COUNTED].delete_many({})
    await insert(db[store.COUNTED], await _tallies(db))
    await insert(db[store.LINES], world.lines())
    await insert(db[store.TASKS], (world.task(n) for n in range(STORED // 20)))
    if unmet:
        await insert(db[store.UNMET], (world.unmet(unmet[n % len(unmet)]) for n in range(STORED // 50)))
    print(f"{STORED:,} referrals are stored after {time.monotonic() - began:.0f} s", file=sys.stderr)
    found: Doc = await db[store.REFERRALS].find_one({"shown_to": BUSY})
    return found


async def _tallies(db: Any) -> Iterable[Doc]:
    """What boards count of all of it, as if it had come by six partitions."""
    found: dict[str, Doc] = {}
    wanted = dict.fromkeys((*picture.COUNTED, "cities"), 1)
    async for doc in db[store.REFERRALS].find({"sent_at": {"$ne": None}}, wanted, batch_size=1000):
        partition, counted = int(doc["_id"][:4], 16) % 6, picture.counted(doc) or {}
        for city in doc["cities"]:
            id = picture.tally_id(city, doc["sent_at"], partition)
            found[id] = found.get(id) or picture.tally(None, city, partition, doc["_id"], counted)
            found[id]["of"][doc["_id"]] = counted
    return found.values()


def _agency(like: Doc, n: int, city: str) -> Doc:
    code = f"xx.agency{n:03}"
    queues = [queue | {"code": f"{code}.{i}"} for i, queue in enumerate(like["queues"])]
    return like | {"_id": code, "code": code, "city": city, "queues": queues}


@dataclass
class World:
    """by: the agencies by code. kept: what the console stored of what really happened."""

    random: random.Random
    by: dict[str, Doc]
    kept: dict[str, list[Doc]]
    now: datetime

    def __post_init__(self) -> None:
        self.codes, self.of_city = sorted(self.by), dict[str, list[str]]()
        for code, agency in sorted(self.by.items()):
            self.of_city.setdefault(agency["city"], []).append(code)

    def referral(self, n: int) -> Doc:
        """One in ten is open; of the rest only the end is known."""
        is_open = self.random.random() < OPEN_OF_ALL
        like = self.random.choice([doc for doc in self.kept[store.REFERRALS] if doc["sent_at"]])
        id, sender = uuid5(UUID(int=6), str(n)), self._agency()
        receiver = self._agency(near=sender)
        back = timedelta(days=self.random.random() * 42) if is_open else self.random.random() * YEARS_BACK
        at, city = self.now - back, self.by[sender]["city"]
        ends = {} if is_open else {"state": "CLOSED", "ended": ["closure_outcomes", "completed"], "due_at": None}
        due = self.now + timedelta(hours=self.random.uniform(-48, 96))
        doc = like | {
            "_id": str(id), "code": public_code(id, "palermo"), "journey_id": str(uuid5(id, "journey")),
            "sender_agency": sender, "receiver_agency": receiver, "sender_queue": self._queue(sender),
            "receiver_queue": self._queue(receiver), "owner": self._queue(receiver),
            "person_ref": f"p-{uuid5(id, 'p')}",
            "sent_at": at, "answered_at": at + timedelta(hours=self.random.uniform(1, 90)), "changed_at": at,
            "sender_ref": f"{sender}/{n}", "cities": sorted({city, self.by[receiver]["city"]}),
            "open": is_open, "due_at": due,
            "read_until": ALWAYS if is_open else at + timedelta(days=30), "shown_to": receiver if is_open else None,
        }  # fmt: skip
        return doc | ends

    def lines(self) -> Iterator[Doc]:
        """Of every tenth referral, as many as one of the real ones has."""
        like = self.kept[store.LINES][:5]
        for n in range(0, STORED, 10):
            id = uuid5(UUID(int=6), str(n))
            yield from (line | {"_id": str(uuid5(id, str(i))), "referral_id": str(id)} for i, line in enumerate(like))

    def task(self, n: int) -> Doc:
        agency, is_open = self._agency(), self.random.random() < OPEN_OF_ALL
        due = self.now + timedelta(hours=self.random.uniform(-48, 48))
        where = {"agency": agency, "queue": self._queue(agency), "cities": [self.by[agency]["city"]]}
        like = self.random.choice(self.kept[store.TASKS]) if self.kept[store.TASKS] else TASK
        return like | where | {"_id": str(uuid5(UUID(int=8), str(n))), "open": is_open, "due_at": due}

    def unmet(self, like: Doc) -> Doc:
        city = self.by[self._agency()]["city"]
        at = self.now - self.random.random() * YEARS_BACK
        return like | {"_id": str(uuid4()), "cities": [city], "at": at}

    def _agency(self, near: str = "") -> str:
        """near: mostly one of the same city, as routing picks."""
        city = self.by[near]["city"] if near and self.random.random() < OF_ONE_CITY else None
        if self.random.random() < BUSY_OF_ALL:
            return BUSY
        return self.random.choice(self.of_city[city] if city else self.codes)

    def _queue(self, agency: str) -> str:
        return str(self.random.choice(self.by[agency]["queues"])["code"])


TASK: Doc = {"kind": "ask_next", "reason": "no_capacity", "service": "health.primary", "level": 0, "version": 1,
             "referral_id": None, "opened_at": datetime(2026, 11, 1, tzinfo=UTC)}  # fmt: skip


# -- what is asked -----------------------------------------------------------------------------------------------------


async def measured(here: Town, some: Doc) -> dict[tuple[str, str], Seen]:
    names = {"code": some["code"], "ref": some["sender_ref"], "id": some["_id"]}
    found = {}
    for who, path in ASKS:
        async with here.desk(who) as desk:
            found[who, path] = await _asked(desk, path.format(**names), _processes(here))
    return found


def _processes(here: Town) -> list[psutil.Process]:
    """The console's, and the store's where it runs on this machine."""
    console = psutil.Process(here.processes.workers["console-0"].pid)
    return [process for process in (console, store_process(here.settings)) if process]


def _cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2]) * 1000


async def _asked(desk: Desk, path: str, processes: list[psutil.Process]) -> Seen:
    """path: behind a space, the field of a form and what is typed there."""
    where, _, typed = path.partition(" ")
    form = dict([typed.split("=", 1)]) if typed else {}
    await desk.csrf()
    times, before = [], [_cpu(process) for process in processes]
    for _ in range(ASKED):
        began = time.monotonic()
        answered = await (desk.post(where, **form) if form else desk.get(where))
        times.append((time.monotonic() - began) * 1000)
        assert answered.status_code in (200, 303), f"{path}: {answered.status_code}"
    cpu = tuple((_cpu(process) - began) / ASKED for process, began in zip(processes, before, strict=True))
    return Seen(len(answered.content), answered.num_bytes_downloaded, times, cpu)


async def _static(here: Town) -> tuple[int, int]:
    async with here.desk() as desk:
        files = [await desk.get(f"/static/{name}") for name in STATIC]
    return sum(len(f.content) for f in files), sum(f.num_bytes_downloaded for f in files)


def show(found: dict[tuple[str, str], Seen], static: tuple[int, int]) -> None:
    table = Table("who", "page", "kB", "kB sent", "p50 ms", "p95 ms", "max ms", "CPU ms")
    for (who, path), seen in found.items():
        p95 = statistics.quantiles(seen.times, n=20)[-1]
        kb = (f"{n / 1000:.0f}" for n in (seen.page, seen.sent))
        times = (f"{n:.0f}" for n in (statistics.median(seen.times), p95, max(seen.times)))
        table.add_row(who.partition(":")[2], path, *kb, *times, " + ".join(f"{ms:.0f}" for ms in seen.cpu))
    table.add_row("every page", "its files, kept for an hour", *(f"{n / 1000:.0f}" for n in static), "", "", "", "")
    Console(width=110).print(table)


if __name__ == "__main__":
    asyncio.run(main())
