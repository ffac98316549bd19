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
EARLY, RENEWING = timedelta(seconds=30), timedelta(seconds=15)
"""How long before its end a token is renewed, and how long one request may try to: what renews it is good once."""


@dataclass(frozen=True, slots=True)
class Token:
    """What the provider gave: for the network's services, until when, and (or nothing) for what it gives the next."""

    access: str
    until: datetime
    refresh: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """csrf: what every form of this session carries."""

    id: str
    actor: Actor
    token: Token
    csrf: str
    ends_at: datetime

    def has_to_renew(self, now: datetime) -> bool:
        return bool(self.token.refresh) and self.token.until - EARLY <= now


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


async def begin(db: Any, actor: Actor, token: Token, now: datetime) -> tuple[str, datetime]:
    """A new secret for the browser, whatever it held before, and when the session ends at the latest."""
    key, ends_at = secret(), now + LONGEST if token.refresh else min(now + LONGEST, token.until)
    doc = {"_id": _hashed(key), "csrf": secret(), "seen_at": now, "ends_at": ends_at}
    await db[SESSIONS].insert_one(doc | _person(actor) | _sealed(key, token))
    return key, ends_at


async def find(db: Any, key: str, now: datetime, *, used: bool = False) -> Session | None:
    """used: whether a person did something, which keeps the session from ending as idle.

    So does, as long, one for which the provider vouches no longer: it was away.
    """
    doc = await db[SESSIONS].find_one({"_id": _hashed(key)}) if key else None
    if doc is None or doc["ends_at"] <= now or doc["seen_at"] + IDLE <= now or doc["token_until"] + IDLE <= now:
        return None
    if used and doc["seen_at"] + FRESH < now:
        await db[SESSIONS].update_one({"_id": doc["_id"]}, {"$set": {"seen_at": now}})
    lists = {name: frozenset(doc[name]) for name in ("roles", "queues", "cities")}
    actor = Actor(doc["subject"], doc["name"], doc["agency"], **lists)
    access, refresh = (_sealer(key).decrypt(bytes(doc[name])).decode() for name in ("token", "refresh"))
    return Session(doc["_id"], actor, Token(access, doc["token_until"], refresh), doc["csrf"], doc["ends_at"])


async def was_left(db: Any, key: str, now: datetime) -> bool:
    """Whether it ended because nobody did anything in it: somebody else may sit there."""
    doc = await db[SESSIONS].find_one({"_id": _hashed(key)}, {"seen_at": 1}) if key else None
    return doc is not None and doc["seen_at"] + IDLE <= now


async def claim(db: Any, session: Session, now: datetime) -> bool:
    """Whether it is for this request to renew the token."""
    free = {"_id": session.id, "token_until": session.token.until, "renewing": {"$not": {"$gt": now}}}
    changed = await db[SESSIONS].update_one(free, {"$set": {"renewing": now + RENEWING}})
    return bool(changed.modified_count)


async def release(db: Any, session: Session) -> None:
    """It could not; the next request may try."""
    await db[SESSIONS].update_one({"_id": session.id}, {"$unset": {"renewing": ""}})


async def renew(db: Any, key: str, actor: Actor, token: Token) -> None:
    """What the provider says now, of whom the session is and for how long."""
    new = _person(actor) | _sealed(key, token)
    await db[SESSIONS].update_one({"_id": _hashed(key)}, {"$set": new, "$unset": {"renewing": ""}})


async def end(db: Any, key: str) -> None:
    await db[SESSIONS].delete_one({"_id": _hashed(key)})


def _hashed(key: str) -> str:
    return sha256(f"session/2:{key}".encode()).hexdigest()


def _sealer(key: str) -> Fernet:
    """Who reads the store has no token: it opens only with the browser's secret."""
    return Fernet(base64.urlsafe_b64encode(sha256(f"token:{key}".encode()).digest()))


def _person(actor: Actor) -> dict[str, Any]:
    lists = {"roles": sorted(actor.roles), "queues": sorted(actor.queues), "cities": sorted(actor.cities)}
    return {"subject": actor.subject, "name": actor.name, "agency": actor.agency} | lists


def _sealed(key: str, token: Token) -> dict[str, Any]:
    seal = _sealer(key).encrypt
    return {"token": seal(token.access.encode()), "refresh": seal(token.refresh.encode()), "token_until": token.until}
