"""The local stand-in for an issuer of tokens, and the secret that pseudonyms are made with: made once, kept private."""

import json
import secrets
from pathlib import Path

from joserfc.jwk import ECKey

from deploy.local.state import write_private

ISSUER = "urn:staffetta:local"
AUDIENCE = "staffetta"


def token_environment(state: Path) -> dict[str, str]:
    """What a service must know to check a token. The private key, an ES256 JWK, is `issuer/key.json` for who signs."""
    private, public = key_file(state), state / "issuer" / "jwks.json"
    if not public.exists():
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
        write_private(private, json.dumps(key.as_dict(private=True)))
        public.write_text(json.dumps({"keys": [key.as_dict(private=False)]}), "utf-8")
    return {"TOKEN_ISSUER": ISSUER, "TOKEN_AUDIENCE": AUDIENCE, "TOKEN_JWKS": str(public)}


def key_file(state: Path) -> Path:
    return state / "issuer" / "key.json"


def pseudonym_key(state: Path) -> str:
    """Kept from start to start: with another key the same person would get another pseudonym."""
    path = state / "pseudonym.key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text("utf-8")
