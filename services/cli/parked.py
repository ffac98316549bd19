"""Messages that could not be handled: which, and why. Never their content."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from services.cli import http, tokens
from services.cli.faults import CannotDo
from services.cli.session import Session
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

Shown = dict[str, Any]


def listed(session: Session) -> None:
    """The parked messages of every service that answers; one that does not is told of, and the exit code is 1."""
    found, silent = everywhere(session)
    session.tell({"parked": found, "silent": silent}, lambda console, words: _list(found, silent, console, words))
    if silent:
        raise CannotDo(f"These services do not answer: {', '.join(silent)}.", "staffetta doctor says more.")


def show(session: Session, message_id: str) -> None:
    found = one(session, message_id)
    session.tell(found, lambda console, words: _show(found, console, words))


def everywhere(session: Session, services: Iterable[str] | None = None) -> tuple[list[Shown], list[str]]:
    """What is parked by these services, or by all, and which of them do not answer."""
    services = services or session.endpoints.need_services()
    headers = tokens.bearer(session.endpoints, roles=["ops"])
    found: list[Shown] = []
    silent: list[str] = []
    for service in services:
        try:
            found += [{"service": service} | message for message in _all_of(session, service, headers)]
        except CannotDo:
            silent.append(service)
    return found, silent


def _all_of(session: Session, service: str, headers: dict[str, str]) -> list[Shown]:
    """Page after page, until one brings nothing new."""
    found: dict[str, Shown] = {}
    while True:
        page = http.ask(session.endpoints, service, "/ops/parked", headers=headers, params={"skip": str(len(found))})
        new = {message["id"]: message for message in page or ()}
        if new.keys() <= found.keys():
            return list(found.values())
        found |= new


def one(session: Session, message_id: str) -> Shown:
    headers, path = tokens.bearer(session.endpoints, roles=["ops"]), f"/ops/parked/{quote(message_id, safe='')}"
    silent: list[str] = []
    for service in session.endpoints.need_services():
        try:
            if found := http.ask(session.endpoints, service, path, headers=headers):
                return {"service": service, **found}
        except CannotDo:
            silent.append(service)
    more = f"These services do not answer: {', '.join(silent)}." if silent else "staffetta parked list shows what is."
    raise CannotDo(f"No message {message_id} is parked.", more)


def _list(found: list[Shown], silent: list[str], console: "Console", words: Words) -> None:
    from rich.table import Table

    if not found:
        if not silent:
            console.print(words("no_parked"))
        return
    headings = ("when", "services", "type", "reason", "key")
    table = Table(
        "ID", *(words(h) for h in headings), title=words("parked"), title_justify="left", box=None, pad_edge=False
    )
    for m in found:
        table.add_row(m["id"], words.at(m["at"]), m["service"], m["type"] or "", m["reason"], m["key"] or "")
    console.print(table)


def _show(message: Shown, console: "Console", words: Words) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    rows = {
        "ID": message["id"], words("services"): message["service"], words("when"): words.at(message["at"]),
        words("reason"): message["reason"], words("type"): message["type"] or "", words("key"): message["key"] or "",
        words("place"): f"{message['topic']}/{message['partition']}/{message['offset']}",
    }  # fmt: skip
    for name, value in (rows | message["headers"]).items():
        table.add_row(f"[bold]{name}[/]", str(value))
    console.print(table)
