"""Which services run on one machine, where each listens, and what each is told by its environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local import issuer
from deploy.local.engine import HOST
from deploy.local.supervisor import Child

SERVICES = ("gateway", "intake", "directory", "referral", "housing", "programmes", "notifications", "console")
"""A service's place is its port, counted from the first."""
PROVIDER = "provider"
"""Who logs people in, unless OIDC_ISSUER says that somebody else does; its port follows the services'."""


@dataclass(frozen=True, slots=True)
class Stack:
    """kafka, mongo and smtp: what clients are given. http_port: the first service's."""

    kafka: str
    mongo: str
    smtp: str
    http_port: int
    state: Path

    @property
    def services(self) -> dict[str, str]:
        """The services that exist, with their addresses."""
        return {name: f"http://{HOST}:{self.port(name)}" for name in SERVICES if exists(f"services.{name}.__main__")}

    def port(self, service: str) -> int:
        return self.http_port + SERVICES.index(service)

    def environment(self) -> dict[str, str]:
        """What every process of the stack is told, beside what its caller's environment says (`OTEL_*` among it)."""
        provider = {"OIDC_ISSUER": given(os.environ, "OIDC_ISSUER") or self.provider_url}
        known = {"KAFKA_URL": self.kafka, "MONGO_URL": self.mongo, "SMTP_URL": self.smtp, "STAFFETTA_ENV": "local"}
        addresses = {f"{name.upper()}_URL": url for name, url in self.services.items()}
        secret = {"PSEUDONYM_KEY": issuer.pseudonym_key(self.state)}
        always = {"PYTHONUNBUFFERED": "1"}
        return {
            **os.environ,
            **known,
            **addresses,
            **issuer.token_environment(self.state),
            **secret,
            **provider,
            **always,
        }

    @property
    def provider_port(self) -> int:
        return self.http_port + len(SERVICES)

    @property
    def provider_url(self) -> str:
        return f"http://{HOST}:{self.provider_port}"

    def provider(self) -> Child:
        own = {"PROVIDER_PORT": str(self.provider_port), "KEY_FILE": str(issuer.key_file(self.state))}
        log = self.state / "logs" / f"{PROVIDER}.log"
        return Child(PROVIDER, lambda: module("deploy.local.provider"), log, self.environment() | own, shown=True)

    def child(self, service: str) -> Child:
        own = {"HTTP_HOST": HOST, "HTTP_PORT": str(self.port(service)), "REPLICA": f"{service}-0"}
        log = self.state / "logs" / f"{service}.log"
        return Child(service, lambda: module(f"services.{service}"), log, self.environment() | own, shown=True)


def module(name: str, *args: str) -> list[str]:
    return [sys.executable, "-m", name, *args]


def exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def given(environment: Mapping[str, str], name: str) -> str | None:
    """An engine that the caller brings; an empty value is none."""
    return environment.get(name) or None
