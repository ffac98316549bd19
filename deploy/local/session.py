"""One stay of the relay on one machine: every part started in the order of need, kept up, and ended in the reverse."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import httpx
from pymongo import MongoClient

from deploy.local.engine import Engine, end_with_us
from deploy.local.faults import CannotRun
from deploy.local.lines import Printer
from deploy.local.mail import FOLDER
from deploy.local.stack import SERVICES, Stack, exists, given, module
from deploy.local.state import FIRST_START, ROOT, write_endpoints
from deploy.local.supervisor import Child, Supervisor

ENGINE_PATIENCE_S, SERVICE_PATIENCE_S, STARTS = 60.0, 120.0, 3


class Session:
    """engines: those that are ours to run. demo: whether a first start plays the demonstration."""

    def __init__(self, stack: Stack, engines: list[Engine], demo: bool) -> None:
        self.stack, self.engines, self.demo = stack, engines, demo
        self.supervisor = Supervisor(Printer())

    async def run(self) -> None:
        """Until the person stops it; whatever ends it, every process ends."""
        asked_to_stop = _stop_signal()
        try:
            await _unless(asked_to_stop, self._start())
            await asked_to_stop.wait()
        finally:
            say("stopping")
            (self.stack.state / "endpoints.json").unlink(missing_ok=True)
            await self.supervisor.stop(last=len(self.engines))

    async def _start(self) -> None:
        say(f"starting {' and '.join(engine.name for engine in self.engines) or 'on the engines that were given'}")
        self.supervisor.keep(Child(engine.log.stem, engine.argv, engine.log) for engine in self.engines)
        for engine in self.engines:
            await _until(partial(asyncio.to_thread, engine.answers), engine.name, ENGINE_PATIENCE_S, engine.log)
        first = await asyncio.to_thread(self._is_first_start)
        say(f"starting {', '.join(self.stack.services)}")
        self.supervisor.keep(self.stack.child(service) for service in self.stack.services)
        if not given(os.environ, "OIDC_ISSUER"):
            self.supervisor.keep([self.stack.provider()])
        await self._services_are_ready()
        if first:
            await self._first_start()
        self._write_endpoints()
        self._say_where()

    def _is_first_start(self) -> bool:
        """The store holds none of our databases, or an earlier first start did not get to its end."""
        mark, space = self.stack.state / FIRST_START, os.environ.get("STAFFETTA_NAMESPACE", "")
        ours = {f"{space}-{name}" if space else name for name in SERVICES}
        with MongoClient[dict[str, object]](self.stack.mongo, timeoutMS=10_000) as client:
            if not ours & set(client.list_database_names()):
                mark.touch()
        return mark.exists()

    async def _services_are_ready(self) -> None:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            for name, url in self.stack.services.items():
                log = self.stack.state / "logs" / f"{name}.log"
                await _until(partial(self._lives_and_is_ready, client, name, url), name, SERVICE_PATIENCE_S, log)

    async def _lives_and_is_ready(self, client: httpx.AsyncClient, name: str, url: str) -> bool:
        if self.supervisor.starts(name) > STARTS:
            raise CannotRun(f"{name} does not keep running; what went wrong stands above.")
        return await _is_ready(client, url)

    async def _first_start(self) -> None:
        files = sorted(str(path) for path in (ROOT / "deploy" / "local" / "demo").glob("directory.*.json"))
        if files and exists("services.directory.load"):
            say("the store is empty: loading the sample directory")
            if await self._show(module("services.directory.load", *files)):
                raise CannotRun("The sample directory could not be loaded; what went wrong stands above.")
        if self.demo and exists("deploy.local.demo.__main__") and await self._show(module("deploy.local.demo")):
            say("the demonstration did not get to its end; what went wrong stands above")
        (self.stack.state / FIRST_START).unlink(missing_ok=True)

    async def _show(self, argv: list[str]) -> int:
        """Run one program to its end in the person's sight; it ends with us."""
        told = self.stack.environment()
        with self.supervisor.printer.held():
            process = await asyncio.create_subprocess_exec(
                *argv, env=told, start_new_session=True, preexec_fn=end_with_us()
            )
            try:
                return await process.wait()
            finally:
                if process.returncode is None:
                    process.terminate()

    def _write_endpoints(self) -> None:
        stack = self.stack
        box = None if given(os.environ, "SMTP_URL") else stack.state / FOLDER
        write_endpoints(stack.state, stack.kafka, stack.mongo, stack.services, smtp=stack.smtp, mail=box)

    def _say_where(self) -> None:
        """What the caller brings is not printed where its address may hold a password."""
        store = "as MONGO_URL says" if given(os.environ, "MONGO_URL") else self.stack.mongo
        mail = "as SMTP_URL says" if given(os.environ, "SMTP_URL") else self.stack.smtp
        say("up. Ctrl-C stops it.")
        for name, url in ({"Kafka": self.stack.kafka, "store": store, "mail": mail} | self.stack.services).items():
            print(f"  {name:<14} {url}", flush=True)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/ready")).status_code == 200
    except httpx.HTTPError:
        return False


async def _until(true: Callable[[], Awaitable[bool]], who: str, patience_s: float, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + patience_s
    while not await true():
        if asyncio.get_running_loop().time() > deadline:
            raise CannotRun(f"{who} was not ready within {patience_s:.0f} s; its last words are in {log}")
        await asyncio.sleep(0.1)


async def _unless(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Do the work to its end, or until the person has had enough."""
    doing, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not doing.done():
        doing.cancel()
    await asyncio.gather(doing, return_exceptions=stop.is_set())


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def say(text: str) -> None:
    print(f"staffetta: {text}", flush=True)
