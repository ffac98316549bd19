"""Is this machine fit to run the relay, and is every part of it well? A sentence for each fault."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.endpoints import REMEDY, Endpoints
from services.cli.faults import AWAY, CannotDo
from services.cli.session import Session
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

GB = 1024**3
DISK_GB, MEMORY_GB = 1.0, 0.5
PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """remedy: what to do, where it is not well."""

    name: str
    well: bool
    found: str
    remedy: str = ""


def doctor(session: Session) -> None:
    """Look at everything; fails when something is not well."""
    checks = [_seen(check) for check in _checks(session)]
    session.tell([asdict(check) for check in checks], lambda console, words: _page(checks, console, words))
    if bad := [check.name for check in checks if not check.well]:
        raise CannotDo(f"Not well: {', '.join(bad)}.", status=1)


def _checks(session: Session) -> Iterator[Callable[[], Check]]:
    yield python
    yield disk
    yield memory
    try:
        where = session.endpoints
    except CannotDo as fault:
        reason, remedy = fault.reason, fault.remedy
        yield lambda: Check("endpoints", False, reason, remedy)
        return
    yield lambda: endpoints(where)
    if where.kafka:
        yield lambda: kafka(where.kafka or "")
    if where.mongo:
        yield lambda: store(where.mongo or "")
    for name, url in where.services.items():
        yield partial(service, name, url)


def _seen(look: Callable[[], Check]) -> Check:
    return look()


# -- this machine ------------------------------------------------------------------------------------------------------
def python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check(
        "Python",
        sys.version_info >= (3, 11),
        version,
        "Staffetta needs Python 3.11 or newer: install it and run ./dev up.",
    )


def disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / GB
    return Check(
        "disk", free >= DISK_GB, f"{free:.1f} GB free", f"Free some space: Kafka and the store need {DISK_GB:g} GB."
    )


def memory() -> Check:
    free = _available_bytes() / GB
    return Check(
        "memory", free >= MEMORY_GB, f"{free:.1f} GB free", "End other programs: below this the engines are killed."
    )


def _available_bytes() -> int:
    """What programs may still take; where the system does not say (macOS), what is not in use."""
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("utf-8").splitlines())
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        names = os.sysconf_names
        pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in names else "SC_PHYS_PAGES"
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")


# -- the relay ---------------------------------------------------------------------------------------------------------
def endpoints(where: Endpoints) -> Check:
    known = bool(where.kafka and where.services)
    return Check("endpoints", known, str(where.file or "environment"), REMEDY)


def kafka(url: str) -> Check:
    remedy = f"{AWAY} {_log('kafka')}"
    try:
        topics = asyncio.run(asyncio.wait_for(_topics(url), PATIENCE_S))
    except Exception as fault:
        return Check("Kafka", False, asyncio.run(_why_not(url, fault)), remedy)
    return Check("Kafka", True, f"{url}, {topics} topics")


async def _why_not(url: str, fault: Exception) -> str:
    from services.chassis import reaching
    from services.chassis.settings import from_environment

    return f"{url}: {await reaching.why(from_environment(), fault, url)}"


async def _topics(url: str) -> int:
    import logging

    from aiokafka.admin import AIOKafkaAdminClient

    from services.chassis import reaching
    from services.chassis.settings import from_environment

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    reached = reaching.broker(from_environment(), url)
    admin = AIOKafkaAdminClient(**reached, request_timeout_ms=int(PATIENCE_S * 1000))
    try:
        await admin.start()
        return len(await admin.list_topics())
    finally:
        await admin.close()


def store(url: str) -> Check:
    """The address may hold a password, so it is not shown."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    remedy = f"{AWAY} {_log('store')}"
    try:
        with MongoClient[dict[str, object]](url, timeoutMS=int(PATIENCE_S * 1000), appname="staffetta") as client:
            version = str(client.admin.command("buildInfo").get("version", ""))
    except PyMongoError as fault:
        return Check("store", False, type(fault).__name__, remedy)
    return Check("store", True, f"MongoDB protocol, {version}")


def service(name: str, url: str) -> Check:
    import httpx

    from services.http.trust import authorities

    log = _log(name)
    try:
        response = httpx.get(f"{url.rstrip('/')}/ready", timeout=PATIENCE_S, verify=authorities())
        seen = response.json()
    except (httpx.HTTPError, ValueError) as fault:
        return Check(
            name, False, f"{url}: {type(fault).__name__}", f"It does not answer; what runs it starts it again. {log}"
        )
    waits_for = [part for part, well in seen.items() if part != "ready" and not well]
    if not response.is_success or waits_for:
        return Check(name, False, f"{url}: not ready", f"It waits for: {', '.join(waits_for) or 'its start'}. {log}")
    return Check(name, True, f"{url}, ready")


def _log(name: str) -> str:
    return f"Its log says why: of ./dev up it is .staffetta/logs/{name}.log."


def _page(checks: list[Check], console: "Console", words: Words) -> None:
    from rich.table import Table

    table = Table("", words("check"), words("found"), words("todo"), box=None, pad_edge=False)
    for check in checks:
        mark = "[green]ok[/]" if check.well else "[bold red]no[/]"
        table.add_row(mark, check.name, check.found, "" if check.well else check.remedy)
    console.print(table)
