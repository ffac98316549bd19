"""Services as they run: each its own process on a network of its own, killed and started anew as a test likes."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from services.chassis.settings import Settings
from services.cli.verify.network import opened
from tests import nursery
from tests.networks import forget

ROOT = Path(__file__).parents[1]
RELAY = ("gateway", "intake", "directory", "referral", "housing", "programmes")
ISSUER, AUDIENCE = "https://issuer.test", "staffetta"
PORTS = 1_500
PALERMO = ("directory.palermo.json",)
SIXTEEN = (*PALERMO, "directory.network.json")
"""All cities: for what is offered in another one, or spoken of there."""


@dataclass
class Processes:
    """The workers of one network. `again`: whether one that dies is started anew, as a supervisor would."""

    settings: Settings
    folder: Path
    again: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    workers: dict[str, nursery.Child] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    watching: set[asyncio.Task[None]] = field(default_factory=set)
    stopping: bool = False
    killed: int = 0
    """How often `kill_some` killed a worker."""

    def __post_init__(self) -> None:
        key = ECKey.generate_key("P-256", {"kid": "test", "alg": "ES256", "use": "sig"})
        self.key = key
        self.jwks = self.folder / "jwks.json"
        self.clock = self.folder / "clock"
        self.clock.write_text("0")
        self.jwks.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))

    def move_clock(self, ahead: timedelta) -> None:
        """Set the clock of the whole network so far ahead of the world's: its sweeps and its door read it again."""
        new = self.clock.with_suffix(".new")
        new.write_text(str(ahead.total_seconds()))
        new.replace(self.clock)

    def token(self, agency: str | None, *roles: str, actor: str = "system", seconds: int = 600) -> str:
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": f"{agency or 'network'}:{actor}", "exp": int(time.time()) + seconds,
            "agency": agency, "roles": list(roles),
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": "test"}, claims, self.key)

    def bearer(self, agency: str | None, *roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(agency, *roles)}"}

    async def start(self, service: str, replica: str = "0", **more: str) -> None:
        name = f"{service}-{replica}"
        port = self.urls.get(name, "").rpartition(":")[2] or str(free_port())
        self.urls[name] = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "KAFKA_URL": self.settings.kafka_url, "MONGO_URL": self.settings.mongo_url.get_secret_value(),
            "STAFFETTA_NAMESPACE": self.settings.namespace, "STAFFETTA_ENV": "test", "HTTP_PORT": port,
            "REPLICA": replica, "TOKEN_ISSUER": ISSUER, "TOKEN_AUDIENCE": AUDIENCE, "TOKEN_JWKS": str(self.jwks),
            "PSEUDONYM_KEY": "a key for tests only", "CLOCK_FILE": str(self.clock),
            "SESSION_S": "15", "TIDY_S": "0.3",  # a machine that tests is busy, and waits for rest often
        } | self.environment | more  # fmt: skip
        log = self.folder / f"{name}.log"
        process = await nursery.start(f"services.{service}", environment=environment, log=log)
        self.workers[name] = process
        if self.stopping:
            process.kill()
        self.watching.add(asyncio.create_task(self._watch(service, replica, process)))

    async def _watch(self, service: str, replica: str, process: nursery.Child) -> None:
        await process.wait()
        await asyncio.sleep(0.1)
        if self.again and not self.stopping:
            await self.start(service, replica)

    def url(self, service: str, replica: str = "0") -> str:
        return self.urls[f"{service}-{replica}"]

    def kill(self, name: str) -> None:
        if self.workers[name].returncode is None:
            self.workers[name].send_signal(signal.SIGKILL)

    async def kill_some(self, rng: random.Random, times: int = sys.maxsize) -> None:
        """One worker after another, the next when the last is back at work: a busy machine would do nothing else."""
        for _ in range(times):
            await asyncio.sleep(rng.uniform(1, 3))
            name = rng.choice(sorted(self.workers))
            self.kill(name)
            await self.workers[name].wait()
            self.killed += 1
            await self.ready(only=name)

    async def ready(self, seconds: float = 120, only: str = "") -> None:
        until = time.monotonic() + seconds
        async with plain_http(timeout=2) as client:
            for name, url in self.urls.items():
                while name.startswith(only) and not await _is_ready(client, url):
                    if time.monotonic() > until:
                        raise TimeoutError(f"{name} is not ready after {seconds} s")
                    await asyncio.sleep(0.1)

    async def stop(self) -> None:
        self.stopping = True
        for process in self.workers.values():
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(p.wait() for p in self.workers.values()))


def plain_http(url: str = "", **more: Any) -> httpx.AsyncClient:
    """For what listens here without TLS: to load the world's authorities takes longer than most that is asked."""
    return httpx.AsyncClient(base_url=url, verify=False, **more)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/ready")).status_code == 200
    except httpx.HTTPError:
        return False


@cache
def _ports() -> Iterator[int]:
    """Each of pytest's workers has its own, and goes through them: what was given and is not taken yet is given to
    nobody else. All are below those that the system gives to connections.
    """
    first = 20_000 + PORTS * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8)
    return cycle(random.SystemRandom().sample(range(first, first + PORTS), PORTS))


def free_port() -> int:
    while True:
        port = next(_ports())
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


@asynccontextmanager
async def running(settings: Settings, folder: Path, services: tuple[str, ...] = RELAY, *, replicas: int = 1,
                  load: tuple[str, ...] = PALERMO,
                  environment: dict[str, str] | None = None, urls: dict[str, str] | None = None,
                  ) -> AsyncIterator[Processes]:  # fmt: skip
    """These services, ready, with Palermo's sample directory loaded. urls: of workers that others must know before."""
    processes = Processes(settings, folder, environment=environment or {}, urls=dict(urls or {}))
    try:
        for service in services:
            for replica in range(replicas):
                await processes.start(service, str(replica))
        await processes.ready()
        if load:
            await load_directory(settings, load)
            async with opened(settings) as network, asyncio.timeout(120):  # until everybody knows what was loaded
                while set(services) - (await network.stores.positions()).keys():
                    await asyncio.sleep(0.1)  # who was given no partition yet is not behind, and knows nothing
                await network.settle(60)
        yield processes
    finally:
        await processes.stop()
        await forget(settings)


async def load_directory(settings: Settings, names: tuple[str, ...]) -> None:
    files = [str(ROOT / "deploy/local/demo" / name) for name in names]
    environment = os.environ | {
        "KAFKA_URL": settings.kafka_url, "MONGO_URL": settings.mongo_url.get_secret_value(),
        "STAFFETTA_NAMESPACE": settings.namespace, "STAFFETTA_ENV": "test",
    }  # fmt: skip
    # beside other networks that start, on a busy machine, the first answers take their time
    loaded = await nursery.run("services.directory.load", "--wait", "180", *files, environment=environment)
    if loaded.status:
        raise RuntimeError(loaded.said + loaded.complaint)
