"""What the console asks of others with the person's own token: commands of the gateway, people of intake, and of every
service what it set aside.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import httpx

from contracts.erasure import PERSON_ERASED
from services.console import settings
from services.console.sessions import Session
from services.http.attributes import encoded
from services.http.trust import authorities

PATIENCE_S, SOON_S = 15, 3
OR_GONE = (200, 410)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command was answered. code: of a refusal, `waiting` while there is no answer yet, None when accepted.

    intake_id: of an intake that was recorded. subject: of a refusal, what it is about, or what stands in the way.
    """

    code: str | None
    pointer: str | None = None
    message: str | None = None
    intake_id: str | None = None
    subject: str | None = None

    @property
    def is_refusal(self) -> bool:
        """No was said for good, and to say something else under the same id is a conflict."""
        return self.code not in (None, "waiting", "away", "parked")


@cache
def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False, verify=authorities(), follow_redirects=False)


async def say(session: Session, type: str, body: dict[str, Any], command_id: str = "") -> Answer:
    """One command of the person's agency through the one door; the same id said again is the same command."""
    id = command_id or uuid4().hex
    known = {"command_id": id, "agency": session.actor.agency, "actor": session.actor.subject}
    return await _post(session, type, known | body, id)


async def submit(session: Session, type: str, body: dict[str, Any]) -> Answer:
    """An intake, which is known by its idempotency key."""
    return await _post(session, type, {"actor": session.actor.subject} | body, body["idempotency_key"])


async def _post(session: Session, type: str, stated: dict[str, Any], id: str) -> Answer:
    headers = {"Authorization": f"Bearer {session.token.access}", "ce-id": encoded(id), "ce-type": type,
               "ce-specversion": "1.0", "ce-source": f"/agencies/{session.actor.agency}"}  # fmt: skip
    try:
        sent = await _client().post(f"{settings.current().gateway_url}/v1/commands", json=stated, headers=headers)
        said = sent.json()
    except (httpx.HTTPError, ValueError):
        return Answer("away")
    if sent.status_code != 202:
        return Answer(said.get("code") or "away", said.get("pointer"), said.get("detail"))
    answer = said.get("answer")
    if answer is None:
        return Answer("waiting")
    if answer["outcome"] == "accepted":
        return Answer(None, intake_id=answer["intake_id"])
    return Answer(answer["code"], answer["pointer"], answer["message"], subject=answer["subject"])


async def person(session: Session, person_ref: str) -> dict[str, Any] | None:
    """Who the person is, within the sharing basis, or that they are erased; None when intake does not tell."""
    return await _told(session, f"/v1/people/{person_ref}", statuses=OR_GONE)


async def intake(session: Session, intake_id: str) -> dict[str, Any] | None:
    """A meeting of the person's own agency, without who was met; None of any other, or when intake does not answer."""
    return await _told(session, f"/v1/intakes/{intake_id}")


async def text(session: Session, text_id: str) -> dict[str, Any] | None:
    """What was written with a command, or that the person is erased; None when it is not for this person's agency, or
    not yet.
    """
    return await _told(session, f"/v1/texts/{text_id}", statuses=OR_GONE)


def is_gone(told: dict[str, Any] | None) -> bool:
    return told is not None and told.get("code") == PERSON_ERASED


async def named(session: Session, name: str) -> list[dict[str, Any]] | None:
    """Who is called so, of those of whom intake tells this person's agency; None when it does not answer."""
    found = await _told(session, "/v1/search/people", {"name": name})
    return None if found is None else list(found["entries"])


async def _told(
    session: Session, path: str, asked: dict[str, str] | None = None, statuses: tuple[int, ...] = (200,)
) -> dict[str, Any] | None:
    """asked: what is posted, where an address must not hold it."""
    url = f"{settings.current().intake_url}{path}"
    found: dict[str, Any] | None = await _read(url, session, asked, statuses=statuses)
    return found


async def _read(url: str, session: Session | None, asked: dict[str, str] | None = None, *,
                seconds: float = PATIENCE_S, statuses: tuple[int, ...] = (200,)) -> Any:  # fmt: skip
    """The document that a service answers with, under one of these statuses; None for every other answer, or none."""
    headers = {"Authorization": f"Bearer {session.token.access}"} if session else {}
    try:
        method = "POST" if asked else "GET"
        found = await _client().request(method, url, headers=headers, json=asked, timeout=seconds)
        return found.json() if found.status_code in statuses else None
    except (httpx.HTTPError, ValueError):
        return None


# -- for operations ----------------------------------------------------------------------------------------------------
async def ready(service: str) -> dict[str, bool] | None:
    """What of a service is well; None when it does not answer."""
    url = f"{settings.services()[service]}/ready"
    found: dict[str, bool] | None = await _read(url, None, seconds=SOON_S, statuses=(200, 503))
    return found


async def parked(session: Session, service: str) -> list[dict[str, Any]] | None:
    """The messages that a service has set aside; None when it does not tell."""
    url = f"{settings.services()[service]}/ops/parked"
    found: list[dict[str, Any]] | None = await _read(url, session, seconds=SOON_S)
    return found


async def act_on_parked(session: Session, service: str, message_id: str, action: str, why: str) -> Answer:
    """`waiting` once the service is to do it, `ops_gone` where it holds no such message any more."""
    headers = {"Authorization": f"Bearer {session.token.access}"}
    url = f"{settings.services()[service]}/ops/parked/{message_id}/{action}"
    try:
        sent = await _client().post(url, headers=headers, json={"why": why})
        said = sent.json()
    except (httpx.HTTPError, ValueError):
        return Answer("away")
    told = {202: "waiting", 404: "ops_gone"}.get(sent.status_code)
    return Answer(told or said.get("code") or "away")
