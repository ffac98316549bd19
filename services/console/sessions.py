"""Sessions, kept on our side: a browser holds a secret, and the store only what that secret hashes to."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.fernet import Fernet

from services.console.domain.access import Actor
from services.console.store import LOGINS, SESSIONS

IDLE, LONGEST, LOGIN = timedelta(minutes=30), timedelta(hours=10), timedelta(minutes=10)
FRESH = timedelta(minutes=1)
"""How exactly the last use is known."""


@dataclass(frozen=True, slots=True)
class Session:
    """token: what the provider gave, for the network's services. csrf: what every form of this session carries."""

    id: str
    actor: Actor
    token: str
    csrf: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """A login that was begun in this browser: what must come back with it, and where the person wanted to go."""

    nonce: str
    verifier: str
    next: str


def secret() -> str:
    return secrets.token_urlsafe(32)


async def begin_login(db: Any, state: str, login: Login, now: datetime) -> None:
    known = {"nonce": login.nonce, "verifier": login.verifier, "next": login.next}
    await db[LOGINS].insert_one({"_id": _hashed(state), "ends_at": now + LOGIN} | known)


async def end_login(db: Any, state: str, now: datetime) -> Login | None:
    """Each is good once, and for ten minutes."""
    doc = await db[LOGINS].find_one_and_delete({"_id": _hashed(state)})
    return Login(doc["nonce"], doc["verifier"], doc["next"]) if doc and doc["ends_at"] > now else None


async def begin(db: Any, actor: Actor, token: str, now: datetime, until: datetime) -> tuple[str, datetime]:
    """A new secret for the browser, whatever it held before, and when the session ends at the latest."""
    key, ends_at = secret(), min(now + LONGEST, until)
    doc = {
        "_id": _hashed(key), "subject": actor.subject, "name": actor.name, "agency": actor.agency,
        "roles": sorted(actor.roles), "queues": sorted(actor.queues), "cities": sorted(actor.cities),
        "token": _sealer(key).encrypt(token.encode()), "csrf": secret(), "seen_at": now, "ends_at": ends_at,
    }  # fmt: skip
    await db[SESSIONS].insert_one(doc)
    return key, ends_at


async def find(db: Any, key: str, now: datetime, *, used: bool = True) -> Session | None:
    """used: whether a person did something, which keeps the session from ending as idle."""
    doc = await db[SESSIONS].find_one({"_id": _hashed(key)}) if key else None
    if doc is None or doc["ends_at"] <= now or doc["seen_at"] + IDLE <= now:
        return None
    if used and doc["seen_at"] + FRESH < now:
        await db[SESSIONS].update_one({"_id": doc["_id"]}, {"$set": {"seen_at": now}})
    lists = {name: frozenset(doc[name]) for name in ("roles", "queues", "cities")}
    actor = Actor(doc["subject"], doc["name"], doc["agency"], **lists)
    token = _sealer(key).decrypt(bytes(doc["token"])).decode()
    return Session(doc["_id"], actor, token, doc["csrf"], doc["ends_at"])


async def end(db: Any, key: str) -> None:
    await db[SESSIONS].delete_one({"_id": _hashed(key)})


def _hashed(key: str) -> str:
    return sha256(f"session:{key}".encode()).hexdigest()


def _sealer(key: str) -> Fernet:
    """Who reads the store has no token: it opens only with the browser's secret."""
    return Fernet(base64.urlsafe_b64encode(sha256(f"token:{key}".encode()).digest()))
