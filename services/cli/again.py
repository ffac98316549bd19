"""Parked messages that are to be handled again or given up: asked key by key, and what became of each."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from services.cli import http, parked, tokens
from services.cli.faults import CannotDo
from services.cli.parked import Shown
from services.cli.session import Session
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

Outcome = Literal["done", "again", "behind", "waiting", "gone"]
LONGEST_WHY, PATIENCE_S, LOOK_S = 500, 30, 0.3
AT_ONCE = 10
"""Keys that are asked for before it is waited for what becomes of them."""


@dataclass(frozen=True, slots=True)
class Became:
    """Of what was asked for one message. handled: how many of its key went through, or were given up.

    again: it is parked still, and why; behind: another of its key is, before it; waiting: nothing is known yet; gone:
    nobody holds it any more. failed: the message at which it ended.
    """

    service: str
    message_id: str
    asked: str
    outcome: Outcome
    handled: int = 0
    failed: str | None = None
    reason: str | None = None

    @property
    def is_well(self) -> bool:
        return self.outcome in ("done", "gone") and (self.failed is None or self.asked == "discard")


def one(session: Session, message_id: str, action: str, why: str) -> None:
    """Ask the service that parked it, and wait for what becomes of it; who asked and why is written down there."""
    _check(why)
    found = parked.one(session, message_id)
    at = _ask(session, found, action, why)
    if at is None:
        raise CannotDo(f"{message_id} is parked no longer.", "staffetta parked list shows what is.")
    became = _wait(session, found, action, at)
    session.tell(asdict(became), lambda console, words: console.print(_line(became, words)))
    if not became.is_well:
        raise CannotDo("Not all of it went through." if became.failed else "It is asked for, and not done yet.",
                       "staffetta parked list shows what waits.")  # fmt: skip


def every(session: Session, service: str | None, reason: str | None, why: str, *, sure: bool) -> None:
    """Ask for each key of a service, or of a reason's code, a few at a time. Ctrl-C asks for no more."""
    _check(why)
    if service:
        session.endpoints.need_service(service)
    keys, silent = _keys(session, service, reason)
    if silent:
        raise CannotDo(f"These services do not answer: {', '.join(silent)}.", "Nothing was asked for.")
    if keys and not sure:
        _confirm(session, len(keys))
    became: list[Became] = []
    try:
        for one in _each(session, keys, why):
            became.append(one)
            if not session.json:
                session.console.print(f"{len(became)}/{len(keys)}  {_line(one, session.words)}")
    finally:
        told = {"keys": len(keys), "became": [asdict(one) for one in became]}
        session.tell(told, lambda console, words: _sum(len(keys), became, console, words))
    if not all(one.is_well for one in became):
        raise CannotDo("Not all of it went through.", "staffetta parked list shows what waits.")


def _check(why: str) -> None:
    if not why.strip() or len(why) > LONGEST_WHY:
        raise CannotDo(f"--why takes a reason of up to {LONGEST_WHY} characters.", status=2)


def _confirm(session: Session, keys: int) -> None:
    import typer

    if session.json or not sys.stdin.isatty():
        raise CannotDo(f"{keys} keys would be replayed.", "Say --yes to have it done.", status=2)
    if not typer.confirm(f"{keys} {session.words('sure')}", err=True):
        raise CannotDo("Nothing was asked for.")


def _keys(session: Session, service: str | None, reason: str | None) -> tuple[list[Shown], list[str]]:
    """The first message of each key that waits."""
    found, silent = parked.everywhere(session, [service] if service else None)
    firsts = [message for message in found if message["id"] == message["first"]]
    return [m for m in firsts if reason in (None, m["reason"], m["reason"].partition(":")[0])], silent


def _each(session: Session, keys: list[Shown], why: str) -> Iterator[Became]:
    for n in range(0, len(keys), AT_ONCE):
        asked = [(message, _ask(session, message, "replay", why)) for message in keys[n : n + AT_ONCE]]
        for message, at in asked:
            yield _wait(session, message, "replay", at) if at else _gone(message, "replay")


def _gone(message: Shown, action: str) -> Became:
    return Became(message["service"], message["id"], action, "gone")


def _ask(session: Session, message: Shown, action: str, why: str) -> datetime | None:
    """When it was asked; None where nobody holds the message any more."""
    headers, path = tokens.bearer(session.endpoints, roles=["ops"]), f"/ops/parked/{_named(message)}/{action}"
    asked = http.ask(session.endpoints, message["service"], path, headers=headers, body={"why": why})
    return datetime.fromisoformat(asked["at"]) if asked else None


def _wait(session: Session, message: Shown, action: str, at: datetime) -> Became:
    """For its end, as long as it goes on."""
    until, handled, came = time.monotonic() + PATIENCE_S, 0, dict[str, Any]()
    while time.monotonic() < until and not came.get("ended"):
        headers = tokens.bearer(session.endpoints, roles=["ops"])
        told = http.ask(session.endpoints, message["service"], f"/ops/asked/{_named(message)}", headers=headers)
        came = told if told and datetime.fromisoformat(told["at"]) >= at else {}
        if len(came.get("done", ())) > handled:
            until, handled = time.monotonic() + PATIENCE_S, len(came["done"])
        if not came.get("ended"):
            time.sleep(LOOK_S)
    return _became(message, action, came)


def _named(message: Shown) -> str:
    return quote(message["id"], safe="")


def _became(message: Shown, action: str, came: dict[str, Any]) -> Became:
    failed, done = came.get("failed") or {}, came.get("done", ())
    outcome: Outcome = "behind"
    if message["id"] in done:
        outcome = "done"
    elif not came.get("ended"):
        outcome = "waiting"
    elif failed.get("id") == message["id"]:
        outcome = "again"
    elif not failed:
        outcome = "gone"
    return Became(message["service"], message["id"], action, outcome, len(done), failed.get("id"), failed.get("reason"))


# -- for a person ------------------------------------------------------------------------------------------------------
def _line(became: Became, words: Words) -> str:
    said = words(f"became_{became.asked}" if became.outcome == "done" else f"became_{became.outcome}")
    parts = [f"{became.service}: {became.message_id}  {said}"]
    if became.handled > 1:
        parts.append(f"{words('handled')} {became.handled}")
    if became.outcome == "again":
        parts.append(str(became.reason))
    elif became.failed:
        parts.append(f"{words('became_again')} {became.failed}: {became.reason}")
    return ", ".join(parts)


def _sum(keys: int, became: list[Became], console: "Console", words: Words) -> None:
    if not keys:
        return console.print(words("no_parked"))
    well = sum(one.is_well for one in became)
    console.print(f"{words('became_replay')}: {well}, {words('became_again')}: {len(became) - well}")
    if len(became) < keys:
        console.print(words("not_followed"))
    return None
