"""Who logs people in, where the console is reached, and where its commands and questions go."""

import os
from functools import cache
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, PositiveInt, SecretStr

from contracts.topics import TOPICS

NAMES = {
    "issuer": "OIDC_ISSUER",
    "client_id": "OIDC_CLIENT_ID",
    "client_secret": "OIDC_CLIENT_SECRET",
    "scope": "OIDC_SCOPE",
    "url": "CONSOLE_URL",
    "gateway_url": "GATEWAY_URL",
    "intake_url": "INTAKE_URL",
    "per_minute": "REQUESTS_PER_MINUTE",
}


class ConsoleSettings(BaseModel):
    """issuer: an OpenID provider, whose discovery document says the rest. url: what people's browsers call us.
    per_minute: how often one session, or one address without one, may ask.

    The provider's access token must be a JWT that the network's services take (`TOKEN_ISSUER`, `TOKEN_AUDIENCE`).
    """

    model_config = ConfigDict(frozen=True)

    issuer: str = "http://127.0.0.1:8088"
    client_id: str = "staffetta-console"
    client_secret: SecretStr = SecretStr("")
    scope: str = "openid profile"
    url: str = "http://127.0.0.1:8087"
    gateway_url: str = "http://127.0.0.1:8080"
    intake_url: str = "http://127.0.0.1:8081"
    per_minute: PositiveInt = 240

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("https://")

    @property
    def origin(self) -> str:
        at = urlsplit(self.url)
        return f"{at.scheme}://{at.netloc}"

    @property
    def back(self) -> str:
        return f"{self.url.rstrip('/')}/login/back"


@cache
def current() -> ConsoleSettings:
    return ConsoleSettings.model_validate({field: os.environ[n] for field, n in NAMES.items() if os.environ.get(n)})


@cache
def services() -> dict[str, str]:
    """Where each service is that the environment says (`REFERRAL_URL` and so on), by name: for operations."""
    names = sorted({topic.owner for topic in TOPICS} | {"console"})
    return {name: url for name in names if (url := os.environ.get(f"{name.upper()}_URL"))}


def check(environment: str) -> None:
    """Ends the process where a setting cannot be meant. environment: that of the chassis."""
    settings = current()
    for name, address in (("CONSOLE_URL", settings.url), ("OIDC_ISSUER", settings.issuer)):
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise SystemExit(f"{name} is no address of the web: https://host")
        if environment == "production" and not address.startswith("https://"):
            raise SystemExit(f"{name} must begin with https:// in production: sessions and passwords pass there")
