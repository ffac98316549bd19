"""What a process is told by its environment."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr


class Settings(BaseModel):
    """Each is read from the variable of its own name in capitals, but for those of PREFIXED.

    kafka_url: bootstrap servers. kafka_security: PLAINTEXT, SSL or SASL_SSL. With TLS, kafka_ca is a file of those who
    vouch for the broker (without it the world's authorities), kafka_certificate one of our own certificate and its key;
    with SASL, kafka_user and kafka_password are said by kafka_mechanism. kafka_replication: copies of each new topic.
    replica: this process's stable name among its service's workers. session_s: after so long without a sign of life a
    worker's partitions go to another. tidy_s: how long what a worker did last, and how far it read, may wait to be
    stored while nothing new comes.
    namespace: goes before every topic, group and database, so that several networks can share one cluster. token_jwks:
    a file or an https address of the issuer's keys. failpoint: `name:nth`; clock_file: a file that says how many
    seconds the clock of our edges (door, sweeps) is set ahead, read again each time, so that a running network can be
    moved. Both are refused in production.
    """

    model_config = ConfigDict(frozen=True)

    kafka_url: str = "127.0.0.1:9092"
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    kafka_ca: str = ""
    kafka_certificate: str = ""
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_user: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_replication: int = 1
    mongo_url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?directConnection=true")
    http_host: str = "127.0.0.1"
    http_port: int = 0
    replica: str = "0"
    session_s: int = 3
    tidy_s: float = 2
    environment: str = "production"
    namespace: str = ""
    failpoint: str = ""
    clock_file: str = ""
    token_issuer: str = "https://issuer.invalid"
    token_audience: str = "staffetta"
    token_jwks: str = ""
    pseudonym_key: SecretStr = SecretStr("")

    def model_post_init(self, _context: Any) -> None:
        if self.environment == "production" and (self.failpoint or self.clock_file):
            raise SystemExit("FAILPOINT and CLOCK_FILE are for tests and are refused in production: unset them")
        if self.kafka_security == "SASL_SSL" and not (self.kafka_user and self.kafka_password.get_secret_value()):
            raise SystemExit("KAFKA_SECURITY is SASL_SSL: set KAFKA_USER and KAFKA_PASSWORD too")
        if self.token_jwks.startswith("http://"):
            raise SystemExit("TOKEN_JWKS begins with http://: give an https:// address, or a file")
        for name, file in (("KAFKA_CA", self.kafka_ca), ("KAFKA_CERTIFICATE", self.kafka_certificate)):
            if file and not Path(file).is_file():
                raise SystemExit(f"{name} is no file that can be read: give the path of one in PEM")

    @property
    def clock_ahead(self) -> timedelta:
        """How far the clock of an edge is ahead of the world's."""
        said = Path(self.clock_file).read_text("utf-8") if self.clock_file else ""
        return timedelta(seconds=float(said or 0))

    def named(self, name: str) -> str:
        """A topic, group or database name inside this network."""
        return f"{self.namespace}-{name}" if self.namespace else name


PREFIXED = {"environment": "STAFFETTA_ENV", "namespace": "STAFFETTA_NAMESPACE"}


def from_environment() -> Settings:
    """A variable that is empty counts as absent."""
    names = {field: PREFIXED.get(field, field.upper()) for field in Settings.model_fields}
    return Settings.model_validate({field: os.environ[n] for field, n in names.items() if os.environ.get(n)})
