"""A command on a referral, as an agency gives it: through the gateway, with a token of that agency."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from contracts import codes
from services.cli import fields, http, tokens
from services.cli.faults import CannotDo
from services.cli.referral import find_id
from services.cli.session import Session
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

REASON_FIELDS = {
    "decline_reasons": "decline_reason", "withdraw_reasons": "withdraw_reason", "hold_reasons": "hold_reason",
}  # fmt: skip
LATE_S, LOOK_S = 20, 0.3

Page = Callable[["Console", Words], None]


def commands() -> list[str]:
    """What an agency may say of a referral today."""
    beginning = {row["command"] for row in codes.commands_on_referrals() if row.get("initial")}
    known = [name for name in codes.table("running")["commands"] if name not in beginning]
    return [name for name in known if codes.door_refusal(name) is None]


def reason_list(command: str) -> str | None:
    """Where the reasons of a command are listed."""
    rows = codes.table("transitions")["transitions"]
    return next((row["reasons"] for row in rows if row["command"] == command and row.get("reasons")), None)


def reasons(command: str) -> dict[str, codes.Item]:
    """The reasons that may be given with a command; a list of one command only does not name it."""
    items = codes.codes(list_) if (list_ := reason_list(command)) else {}
    usable = {code: item.get("usable_in") or [item.get("command", command)] for code, item in items.items()}
    return {code: item for code, item in items.items() if command in usable[code]}


def help_page(words: Words) -> str:
    """The commands, what each needs, and the reasons it takes, from the reference data, for `--help`."""
    from contracts.stated import ReferralFields

    lines = ["COMMAND: " + ", ".join(commands())]
    for command in commands():
        if needs := fields.needed(command):
            lines.append(f"{command}: " + " ".join(_need(name, when) for name, when in needs.items()))
        if given := reasons(command):
            option = "--outcome" if command == "close" else "--reason"
            lines.append(f"{command} {option}: " + ", ".join(_reason(item, words) for item in given.values()))
    lines += [f"{name}: {', '.join(long)}" for name in ReferralFields.model_fields if (long := fields.long_list(name))]
    return "\n\n".join(lines)


def _need(name: str, when: str) -> str:
    return f"{fields.option(name)} (if {when})" if when else fields.option(name)


def _reason(item: codes.Item, words: Words) -> str:
    """With what it asks for besides."""
    asks = [fields.option(name) for name in item.get("required_fields", ())]
    asks += [fields.option("text")] if item.get("text_required") else []
    return f"{item['code']} (" + "; ".join([words.label(item), *asks]) + ")"


def answer(
    session: Session, referral_id: str, command: str, *, agency: str, reason: str | None, outcome: str | None,
    text: str | None, stated: Iterable[str], expected_version: int | None,
) -> None:  # fmt: skip
    """Say it, show how it was answered; fails when it was refused."""
    given, where = _fields(command, reason, outcome, stated), session.endpoints
    where.need_service("gateway")
    id = str(find_id(where, referral_id, tokens.bearer(where, agency=agency)))
    about = {"referral_id": id, "command": command, "text": text, "expected_version": expected_version}
    say(session, f"staffetta.referral.{command}.v1", given | about, agency=agency)


def say(session: Session, type: str, fields: Mapping[str, Any], *, agency: str) -> None:
    """Post one command of an agency and show how it was answered; fails when it was refused."""
    tell(session, *ask(session, type, fields, agency=agency))


def ask(session: Session, type: str, fields: Mapping[str, Any], *, agency: str) -> tuple[int, dict[str, Any]]:
    """The HTTP status, and the body with the answer once it is there."""
    where, id = session.endpoints, uuid4().hex
    where.need_service("gateway")
    headers = tokens.bearer(where, agency=agency)
    body = {name: value for name, value in {"command_id": id, "agency": agency, **fields}.items() if value is not None}
    headers |= {"ce-specversion": "1.0", "ce-id": id, "ce-source": f"/agencies/{agency}", "ce-type": type}
    response = http.send(where, "gateway", "/v1/commands", headers=headers, body=body)
    answered = _json(response)
    if response.status_code == 202 and answered.get("answer") is None:
        answered = _awaited(session, id, agency) or answered
    return response.status_code, answered


def _awaited(session: Session, command_id: str, agency: str) -> dict[str, Any] | None:
    """The gateway waits five seconds by itself; a busy relay may need longer."""
    until = time.monotonic() + LATE_S
    while time.monotonic() < until:
        headers = tokens.bearer(session.endpoints, agency=agency)
        found = http.ask(session.endpoints, "gateway", f"/v1/commands/{command_id}", headers=headers)
        if found and found["answer"]:
            return dict(found)
        time.sleep(LOOK_S)
    return None


def _fields(command: str, reason: str | None, outcome: str | None, stated: Iterable[str]) -> dict[str, Any]:
    if command not in commands():
        raise CannotDo(f"No agency may say “{command}” here.", f"Choose one of: {', '.join(commands())}.", status=2)
    field = REASON_FIELDS.get(reason_list(command) or "")
    if reason and field is None:
        raise CannotDo(
            f"{command} takes no --reason.", "close takes --outcome." if command == "close" else "", status=2
        )
    given = {field: reason} if field else {}
    return dict(fields.pair(text) for text in stated) | given | {"closure_outcome": outcome}


def _json(response: Any) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {}
    return body if isinstance(body, dict) else {}


def tell(session: Session, status: int, body: Mapping[str, Any], accepted: Page | None = None) -> None:
    """Show an answer; fails when it is a refusal or is not there. accepted: how one that was accepted is shown."""
    if status in (401, 403) and "code" not in body:
        raise CannotDo("The gateway does not let this agency in.", http.NOT_LET_IN)
    if status >= 500:
        raise CannotDo(f"The gateway answered {status}.", "Try again with the same command in a moment.")
    answered: Mapping[str, Any] | None = body.get("answer") if status == 202 else {"outcome": "rejected", **body}
    shown = accepted if answered and answered["outcome"] == "accepted" else None
    session.tell(body, shown or (lambda console, words: _page(answered, body, console, words)))
    if answered is None:
        raise CannotDo(
            "The command was taken in, its answer has not come yet.", f"Look at {body.get('location')} of the gateway."
        )
    if answered["outcome"] != "accepted":
        raise CannotDo(f"Refused: {answered.get('code')}.", _remedy(answered))


def _remedy(answered: Mapping[str, Any]) -> str:
    if answered.get("code") in ("missing_field", "missing_text") and (pointer := answered.get("pointer")):
        return fields.hint(str(pointer).removeprefix("/"))
    if allowed := answered.get("allowed"):
        return f"Taken would be: {', '.join(allowed)}."
    return str(answered.get("message") or answered.get("detail") or answered.get("title") or "")


def _page(answered: Mapping[str, Any] | None, body: Mapping[str, Any], console: "Console", words: Words) -> None:
    if answered is None:
        return
    if answered["outcome"] == "accepted":
        state = words.of("transitions", answered.get("state"), "states")
        console.print(f"[green]{words('accepted')}[/]: {state} (v{answered.get('version')}), {body.get('command_id')}")
        return
    code = str(answered.get("code"))
    at = f" ({answered['pointer']})" if answered.get("pointer") else ""
    state = (
        f", {words('state')}: {words.of('transitions', answered['state'], 'states')}" if answered.get("state") else ""
    )
    console.print(f"[red]{words('rejected')}[/]: {words.of('rejection_codes', code)}{at}{state}")
