"""How mails leave: which server takes them, who they come from, and where their links lead."""

import ipaddress
import os
from email.utils import parseaddr
from functools import cached_property
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

NAMES = {
    "smtp_url": "SMTP_URL",
    "smtp_plain": "SMTP_PLAIN",
    "mail_from": "MAIL_FROM",
    "console_url": "CONSOLE_URL",
    "retry_pace": "RETRY_PACE",
}
SCHEMES = {"smtp": 25, "smtps": 465}


class MailSettings(BaseModel):
    """smtp_url: `smtp[s]://[user:password@]host[:port]`. TLS by STARTTLS is used where it is offered, and required of a
    server that is not on this machine, unless smtp_plain. retry_pace: what the waits between attempts are multiplied
    by; refused in production.
    """

    model_config = ConfigDict(frozen=True)

    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:25")
    smtp_plain: bool = False
    mail_from: str = "Staffetta <staffetta@localhost>"
    console_url: str = "http://127.0.0.1:8087"
    retry_pace: float = 1

    @cached_property
    def server(self) -> SplitResult:
        return urlsplit(self.smtp_url.get_secret_value())

    @property
    def host(self) -> str:
        return self.server.hostname or ""

    @property
    def port(self) -> int:
        return self.server.port or SCHEMES[self.server.scheme]

    @property
    def login(self) -> tuple[str | None, str | None]:
        name, password = self.server.username, self.server.password
        return name and unquote(name), password and unquote(password)

    @property
    def use_tls(self) -> bool:
        """From the first byte on."""
        return self.server.scheme == "smtps"

    @property
    def start_tls(self) -> bool | None:
        """None: where it is offered."""
        if self.use_tls:
            return False
        return None if self.smtp_plain or _is_here(self.host) else True

    @property
    def domain(self) -> str:
        return parseaddr(self.mail_from)[1].partition("@")[2]


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_environment(environment: str) -> MailSettings:
    """environment: that of the chassis. Ends the process where a setting cannot be meant."""
    given = {field: os.environ[name] for field, name in NAMES.items() if os.environ.get(name)}
    settings = MailSettings.model_validate(given)
    if settings.server.scheme not in SCHEMES or not settings.host:
        raise SystemExit("SMTP_URL says where mails go: smtp://host:port, or smtps://user:password@host")
    if not settings.domain:
        raise SystemExit("MAIL_FROM is no mail address")
    if settings.retry_pace != 1 and environment == "production":
        raise SystemExit("RETRY_PACE changes the waits between mails for tests and is refused in production: unset it")
    return settings
