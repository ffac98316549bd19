"""A session outlives the token that it began with: that is for minutes, and people work for hours."""

import asyncio
import logging
from datetime import datetime
from typing import Any

from services.console import gate, openid, sessions
from services.console.sessions import Session

log = logging.getLogger("staffetta.console")

AGAIN_S = 0.1


async def renewed(db: Any, key: str, session: Session, now: datetime) -> Session | None:
    """With a token that is good for what is asked now; None once the provider vouches for the person no longer.

    While it is away the old one stays: what needs one is refused, and what was typed comes back.
    """
    if not await sessions.claim(db, session, now):
        return session if session.token.until > now else await _by_another(db, key, session, now)
    try:
        vouched = await openid.renewed(session.actor.subject, session.token, now)
    except openid.Refused:
        log.info("a session ends: the provider vouches for it no longer")
        await sessions.end(db, key)
        return None
    except openid.Away as away:
        log.warning("a token is not renewed: the provider is away (%s)", type(away.__cause__).__name__)
        await sessions.release(db, session)
        return session
    actor = vouched.actor or session.actor
    if not await gate.has_a_part(db, actor):
        await sessions.end(db, key)
        return None
    await sessions.renew(db, key, actor, vouched.token)
    return await sessions.find(db, key, now)


async def _by_another(db: Any, key: str, session: Session, now: datetime) -> Session | None:
    """Another request of the same session renews it at this moment."""
    for _ in range(int(openid.RENEWAL_S / AGAIN_S)):
        await asyncio.sleep(AGAIN_S)
        found = await sessions.find(db, key, now)
        if found is None or found.token.until != session.token.until:
            return found
    return session
