"""How every client gets to the broker: where it is, and with what it proves who it is."""

import ssl
from typing import TYPE_CHECKING, Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from services.chassis.settings import Settings

if TYPE_CHECKING:
    from faststream.security import BaseSecurity

PATIENCE_MS = 1500


def broker(settings: Settings, url: str = "") -> dict[str, Any]:
    """The arguments of a client of aiokafka. url: of another door of the same broker."""
    where: dict[str, Any] = {
        "bootstrap_servers": url or settings.kafka_url,
        "security_protocol": settings.kafka_security,
    }
    if settings.kafka_security == "PLAINTEXT":
        return where
    where |= {"ssl_context": tls(settings)}
    if settings.kafka_security == "SSL":
        return where
    user, password = settings.kafka_user, settings.kafka_password.get_secret_value()
    return where | {"sasl_mechanism": settings.kafka_mechanism, "sasl_plain_username": user,
                    "sasl_plain_password": password}  # fmt: skip


def of_faststream(settings: Settings) -> "BaseSecurity | None":
    """The same for its broker."""
    from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512  # a command needs none

    if settings.kafka_security == "PLAINTEXT":
        return None
    if settings.kafka_security == "SSL":
        return BaseSecurity(ssl_context=tls(settings))
    known = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    password = settings.kafka_password.get_secret_value()
    return known[settings.kafka_mechanism](settings.kafka_user, password, ssl_context=tls(settings))


def kind_of(fault: Exception) -> str:
    """What a log says of it; of a right that we lack also to which topics or group."""
    lacks = isinstance(fault, TopicAuthorizationFailedError | GroupAuthorizationFailedError)
    return str(fault) if lacks else type(fault).__name__


async def why(settings: Settings, fault: Exception, url: str = "") -> str:
    """What kept us from the broker. Of a first connection the client does not say it: so each address is tried anew."""
    if not isinstance(fault, KafkaConnectionError):
        return kind_of(fault)
    where = broker(settings, url)
    hosts = collect_hosts(where.pop("bootstrap_servers"), randomize=False)
    return "; ".join([f"{host}:{port}: {await _met(host, port, where)}" for host, port, _ in hosts])


async def _met(host: str, port: int, how: dict[str, Any]) -> str:
    try:
        (await create_conn(host, port, request_timeout_ms=PATIENCE_MS, **how)).close()
    except (KafkaError, OSError) as fault:
        return str(fault) or type(fault).__name__
    return "lets us in"


def tls(settings: Settings) -> ssl.SSLContext:
    """Ends the process where a file does not hold what it should."""
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca or None)
    except ssl.SSLError:
        raise SystemExit("KAFKA_CA holds no certificate in PEM") from None
    try:
        if settings.kafka_certificate:
            context.load_cert_chain(settings.kafka_certificate)
    except ssl.SSLError:
        raise SystemExit("KAFKA_CERTIFICATE does not hold a certificate and its key in PEM") from None
    return context
