"""Tokens for this machine, signed with the private key of the local issuer."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from services.cli.endpoints import Endpoints
from services.cli.faults import CannotDo

ACTOR = "cli"


def bearer(where: Endpoints, *, agency: str | None = None, roles: Sequence[str] = ()) -> dict[str, str]:
    """The header that says who speaks: STAFFETTA_TOKEN where the environment has one, else a token of our own."""
    token = os.environ.get("STAFFETTA_TOKEN") or sign(where.state, agency=agency, roles=roles, minutes=5)
    return {"Authorization": f"Bearer {token}"}


def sign(state: Path, *, agency: str | None, roles: Sequence[str], minutes: float) -> str:
    """An ES256 token of the issuer that `./dev up` made under `state`."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey

    file = state / "issuer" / "key.json"
    try:
        key = ECKey.import_key(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        raise CannotDo(
            f"The local issuer's private key, {file}, is not here.",
            "./dev up makes it, and it was looked for from here upwards: go to the folder of ./dev up, or give "
            "--endpoints; elsewhere put a token of your issuer in STAFFETTA_TOKEN.",
        ) from None
    except (OSError, ValueError, JoseError):
        raise CannotDo(
            f"{file} cannot be read as a private key.", "Remove the folder it is in; ./dev up makes a new one."
        ) from None
    # where only the services are installed there is no such key either
    from deploy.local.issuer import AUDIENCE, ISSUER

    now = int(time.time())
    claims = {
        "iss": os.environ.get("TOKEN_ISSUER", ISSUER), "aud": os.environ.get("TOKEN_AUDIENCE", AUDIENCE),
        "sub": f"{agency or 'network'}:{ACTOR}", "iat": now, "exp": now + int(minutes * 60),
        "agency": agency, "roles": list(roles),
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
