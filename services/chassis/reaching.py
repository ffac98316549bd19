"""How every client gets to the broker: where it is, and with what it proves who it is."""

import ssl
from typing import TYPE_CHECKING, Any

from services.chassis.settings import Settings

if TYPE_CHECKING:
    from faststream.security import BaseSecurity


def broker(settings: Settings, url: str = "") -> dict[str, Any]:
    """The arguments of a client of aiokafka. url: of another door of the same broker. Raises OSError for a file that
    is not there, ssl.SSLError for one that is no certificate.
    """
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


def tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.kafka_ca or None)
    if settings.kafka_certificate:
        context.load_cert_chain(settings.kafka_certificate)
    return context
