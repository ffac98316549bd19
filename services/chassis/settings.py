"""What a process is told by its environment."""

import os
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

NAMES = {
    "kafka_url": "KAFKA_URL",
    "kafka_replication": "KAFKA_REPLICATION",
    "mongo_url": "MONGO_URL",
    "http_host": "HTTP_HOST",
    "http_port": "HTTP_PORT",
    "replica": "REPLICA",
    "environment": "STAFFETTA_ENV",
    "namespace": "STAFFETTA_NAMESPACE",
    "failpoint": "FAILPOINT",
    "clock_ahead_s": "CLOCK_AHEAD_S",
    "token_issuer": "TOKEN_ISSUER",
    "token_audience": "TOKEN_AUDIENCE",
    "token_jwks": "TOKEN_JWKS",
    "pseudonym_key": "PSEUDONYM_KEY",
}


class Settings(BaseModel):
    """kafka_url: bootstrap servers. kafka_replication: copies of each new topic.
    replica: this process's stable name among its service's workers.

    namespace: goes before every topic, group and database, so that several networks can share one cluster.
    token_jwks: a file or an https address of the issuer's keys. failpoint: `name:nth`, and
    clock_ahead_s: how far the clock of a sweep is set ahead; both are refused in production.
    """

    model_config = ConfigDict(frozen=True)

    kafka_url: str = "127.0.0.1:9092"
    kafka_replication: int = 1
    mongo_url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?directConnection=true")
    http_host: str = "127.0.0.1"
    http_port: int = 0
    replica: str = "0"
    environment: str = "production"
    namespace: str = ""
    failpoint: str = ""
    clock_ahead_s: int = 0
    token_issuer: str = "https://issuer.invalid"
    token_audience: str = "staffetta"
    token_jwks: str = ""
    pseudonym_key: SecretStr = SecretStr("")

    def model_post_init(self, _context: Any) -> None:
        if self.failpoint and self.environment == "production":
            raise SystemExit("FAILPOINT crashes the process on purpose and is refused in production: unset it")
        if self.clock_ahead_s and self.environment == "production":
            raise SystemExit("CLOCK_AHEAD_S moves a clock for tests and is refused in production: unset it")

    def named(self, name: str) -> str:
        """A topic, group or database name inside this network."""
        return f"{self.namespace}-{name}" if self.namespace else name


def from_environment() -> Settings:
    given = {field: os.environ[name] for field, name in NAMES.items() if os.environ.get(name)}
    return Settings.model_validate(given)
