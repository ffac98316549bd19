"""A referral's page, with why it went where it went, and the queue of an agency."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from services.cli import http, tokens
from services.cli.endpoints import Endpoints
from services.cli.faults import UNKNOWN, CannotDo
from services.cli.session import Session
from services.cli.words import NOTHING, Words

if TYPE_CHECKING:
    from rich.console import Console

Shown = dict[str, Any]
CODE = re.compile("[A-Z]{2}-[0-9A-Z]{6}")
"""What `contracts.notifications.public_code` makes."""


def referral(session: Session, referral_id: str, *, replay: bool = False) -> None:
    """Where it stands, what happened, and the stored explanation; replay: made again from its facts."""
    where = session.endpoints
    where.need_service("referral")
    headers = tokens.bearer(where, roles=["network"])
    id = find_id(where, referral_id, headers)
    found = http.ask(where, "referral", f"/v1/referrals/{id}", headers=headers)
    params = {"replay": "true"} if replay else {}
    why = http.ask(where, "referral", f"/v1/referrals/{id}/explanation", headers=headers, params=params)
    if found is None and why is None:
        raise CannotDo(f"There is no referral {id}.", "staffetta queue --agency A lists an agency's open ones.")

    def page(console: "Console", words: Words) -> None:
        if found:
            _page(found, console, words)
        if why:
            _explanation(why, console, words)

    session.tell({"referral": found, "explanation": why}, page)


def queue(session: Session, agency: str) -> None:
    """What an agency has to answer, the most pressing first."""
    where = session.endpoints
    where.need_service("referral")
    headers = tokens.bearer(where, agency=agency, roles=["network"])
    found = http.ask_all(where, "referral", "/v1/queues", headers=headers, params={"agency": agency}) or []
    if not found:
        _check_agency(where, agency)
    session.tell(found, lambda console, words: _queue(agency, found, console, words))


def find_id(where: Endpoints, stated: str, headers: Mapping[str, str]) -> UUID:
    """A referral's id as it is, or looked up by its code among those that the bearer may read."""
    with suppress(ValueError):
        return UUID(stated)
    code = stated.upper()
    if not CODE.fullmatch(code):
        raise CannotDo(
            f"“{stated}” is neither a referral's id, a UUID, nor a code such as PA-7K3M9Q.",
            "staffetta queue --agency A shows both.", status=2,
        )  # fmt: skip
    found = http.ask(where, "referral", "/v1/referrals", headers=headers, params={"code": code}) or []
    if not found:
        raise CannotDo(f"There is no referral {code} here.", "staffetta queue --agency A lists an agency's open ones.")
    if len(found) > 1:
        ids = ", ".join(of["referral_id"] for of in found)
        raise CannotDo(f"Several referrals are called {code}.", f"Name one by its id: {ids}.")
    return UUID(found[0]["referral_id"])


def _check_agency(where: Endpoints, agency: str) -> None:
    """An empty queue may be the queue of nobody."""
    if http.ask(where, "directory", f"/v1/agencies/{quote(agency, safe='')}", headers={}) is None:
        raise CannotDo(f"The directory knows no agency {agency}.", UNKNOWN)


# -- a referral --------------------------------------------------------------------------------------------------------
def _page(of: Shown, console: "Console", words: Words) -> None:
    rows = {
        "code": of["code"], "referral": of["referral_id"], "journey": of["journey_id"],
        "service": words.service(of["service"]["code"]),
        "state": words.label(of["state"]), "priority": words.label(of["priority"]),
        "sender": of["sender_queue"], "to": of["receiver_queue"] or NOTHING, "offer": of["offer"] or NOTHING,
        "seat": _seat(of, words), "owner": of["owner"] or NOTHING, "due": _due(of, words), "hop": str(of["hop"]),
    }  # fmt: skip
    rows |= {name: of[f"{name}_id"] for name in ("predecessor", "successor") if of.get(f"{name}_id")}
    _pairs(rows, console, words)
    if of["timers"]:
        console.print(f"\n[bold]{words('timers')}[/]")
        _rows(([words.label(t), words.at(t["due_at"])] for t in of["timers"]), console)
    console.print(f"\n[bold]{words('timeline')}[/]")
    _rows((_happened(entry, words) for entry in of["timeline"]), console)


def _due(of: Shown, words: Words) -> str:
    return f"{words.at(of['due_at'])} ({words.left(of['due_at'], datetime.now(UTC))})" if of["due_at"] else NOTHING


def _seat(of: Shown, words: Words) -> str:
    until = f" {words('until')} {words.at(of['place_until'])}" if of["place_until"] else ""
    position = f", {words('position')} {of['position']}" if of["position"] else ""
    return f"{words.seat(of['seat'])}{until}{position}"


def _happened(entry: Shown, words: Words) -> list[str]:
    reasons = ", ".join(words.label(reason) for reason in entry["reasons"])
    return [
        words.at(entry["at"]),
        entry["agency"] or entry["by"],
        entry["command"],
        words.label(entry["state"]),
        reasons,
    ]


# -- why it went there -------------------------------------------------------------------------------------------------
def _explanation(why: Shown, console: "Console", words: Words) -> None:
    console.print(f"\n[bold]{words('why')}[/] ({words('rule_set')} {why['rule_set']}, {why['day']})")
    if why.get("linked_referral_id"):
        console.print(f"{words('linked')}: {why['linked_referral_id']}")
    if why.get("why_nobody"):
        console.print(f"{words('nobody')} {words.label(why['why_nobody'])}")
    if why.get("override"):
        _override(why["override"], console, words)
    _verdicts("admitted", why["candidates"], console, words)
    _verdicts("out", why.get("out") or [], console, words)
    if why.get("out_by_area"):
        console.print(f"{why['out_by_area']} {words('city_out')}")
    if replay := why.get("replay"):
        _replay(replay, console, words)


def _override(override: Shown, console: "Console", words: Words) -> None:
    """Who chose this offer, against what, and why."""
    who = " ".join(filter(None, [override.get("agency"), override.get("actor")]))
    against = ", ".join(words.label(code) for code in override["against"])
    console.print(f"[bold]{words('override')}[/]: {words.label(override['reason'])}")
    rows = {"by": who, "set_aside": against, "instead_of": override.get("instead_of") or NOTHING}
    _pairs({name: value for name, value in rows.items() if value}, console, words)


def _replay(replay: Shown, console: "Console", words: Words) -> None:
    said = {True: "replay_same", False: "replay_differs", None: "replay_impossible"}[replay["same"]]
    console.print(": ".join([words(said), *filter(None, [", ".join(replay["differs"])])]))


def _verdicts(heading: str, verdicts: list[Shown], console: "Console", words: Words) -> None:
    if verdicts:
        console.print(f"[bold]{words(heading)}[/]")
        _rows(
            ([str(n), v["offer"], words.label(v["verdict"]), _because(v, words)] for n, v in enumerate(verdicts, 1)),
            console,
        )


def _because(verdict: Shown, words: Words) -> str:
    """What kept it out; else what is still to be checked, and what put it where it stands in the order."""
    if verdict["out_by"]:
        return words.label(verdict["out_by"])
    doubts = [f"{words.label(rule)}: {rule['answer']}" for rule in verdict["rules"] if rule["answer"] != "yes"]
    order = [f"{name}: {value}" for name, value in verdict["order"].items() if name not in ("admission", "offer_code")]
    return "; ".join([*doubts, *order])


# -- a queue -----------------------------------------------------------------------------------------------------------
def _queue(agency: str, found: list[Shown], console: "Console", words: Words) -> None:
    from rich.table import Table

    if not found:
        console.print(f"{words('empty_queue')} {agency}.")
        return
    now = datetime.now(UTC)
    headings = ("code", "due", "when", "priority", "state", "seat", "service", "referral")
    table = Table(
        *(words(h) for h in headings),
        title=f"{words('queue')} {agency}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for of in found:
        late = of["due_at"] and datetime.fromisoformat(of["due_at"]) < now
        row = (
            of["code"],
            words.left(of["due_at"], now),
            words.at(of["due_at"]),
            words.label(of["priority"]),
            words.label(of["state"]),
            _seat(of, words),
            words.service_on_a_board(of["service"]["code"]),
            of["referral_id"],
        )
        table.add_row(*row, style="bold red" if late else None)
    console.print(table)


def _pairs(rows: Mapping[str, str], console: "Console", words: Words) -> None:
    _rows(([f"[bold]{words(name)}[/]", value] for name, value in rows.items()), console)


def _rows(rows: Any, console: "Console") -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    console.print(table)
