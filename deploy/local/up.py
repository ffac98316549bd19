"""Brings the whole relay up on one machine, if the machine allows, and returns when the person has stopped it."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from deploy.local import checks
from deploy.local.engine import Engine
from deploy.local.faults import CannotRun
from deploy.local.kafka import kafka
from deploy.local.mail import mail
from deploy.local.session import Session
from deploy.local.stack import PROVIDER, Stack, given
from deploy.local.state import forget, only_one
from deploy.local.store import store

DATA = ("KAFKA_URL", "MONGO_URL")
"""The engines that keep what the relay knows."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person at the keyboard asked for. http_port: the first service's, the others follow."""

    fresh: bool
    demo: bool
    kafka_port: int
    mongo_port: int
    http_port: int
    mail_port: int


def up(wish: Wish, state: Path) -> None:
    """Raises CannotRun when something stands in the way."""
    with only_one(state):
        (state / "endpoints.json").unlink(missing_ok=True)
        theirs = {name: url for name in (*DATA, "SMTP_URL") if (url := given(os.environ, name))}
        if wish.fresh:
            _forget(state, theirs)
        engines = _engines(wish, state, theirs)
        urls = {name: engine.url for name, engine in engines.items()} | theirs
        stack = Stack(urls["KAFKA_URL"], urls["MONGO_URL"], urls["SMTP_URL"], wish.http_port, state)
        _check(stack, list(engines.values()))
        asyncio.run(Session(stack, list(engines.values()), wish.demo).run())


def _forget(state: Path, theirs: dict[str, str]) -> None:
    if data := [name for name in DATA if name in theirs]:
        raise CannotRun(f"--fresh deletes local data only: leave it out, or {' and '.join(data)}.")
    forget(state)


def _engines(wish: Wish, state: Path, theirs: dict[str, str]) -> dict[str, Engine]:
    ours = {
        "KAFKA_URL": kafka(state, wish.kafka_port),
        "MONGO_URL": store(state, wish.mongo_port),
        "SMTP_URL": mail(state, wish.mail_port),
    }
    return {name: engine for name, engine in ours.items() if name not in theirs}


def _check(stack: Stack, engines: list[Engine]) -> None:
    for engine in engines:
        checks.port_is_free(engine.port, engine.name, f"--{engine.log.stem.replace('store', 'mongo')}-port")
    for service in stack.services:
        checks.port_is_free(stack.port(service), service, "--http-port")
    if not given(os.environ, "OIDC_ISSUER"):
        checks.port_is_free(stack.provider_port, PROVIDER, "--http-port")
    checks.disk_is_enough(stack.state)
    checks.memory_is_enough()
    for engine in engines:
        # what has to be fetched is fetched here, where Ctrl-C ends it and nothing runs yet
        engine.argv()
