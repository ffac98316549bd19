"""The code lists and policy tables of the network, read once from the reference data.

A new city, service, reason or limit is a change of `contracts/data/*.json`; no code names one.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

Item = dict[str, Any]

AGENCY_ROLES = frozenset({"sender", "receiver"})
"""What an agency's system speaks as; every other role of `transitions.json` is the network's own or a person's."""


@cache
def table(name: str) -> dict[str, Any]:
    """The whole file `contracts/data/<name>.json`."""
    loaded: dict[str, Any] = json.loads(files("contracts").joinpath(f"data/{name}.json").read_text("utf-8"))
    return loaded


@cache
def codes(name: str, part: str = "items") -> dict[str, Item]:
    """One list of a file by code, in the order of the file; `part` where the file holds several lists."""
    return {item["code"]: item for item in table(name)[part]}


def is_code(name: str, code: str, part: str = "items") -> bool:
    """Whether a code may be used today: in its list and not retired."""
    item = codes(name, part).get(code)
    return item is not None and bool(item.get("active", True))


REQUESTED_BY = ("person", "sender", "receiver", "coordinator")
"""Who may have asked for a withdrawal: the person at any desk, or one of those who may command it."""


def of_field(name: str) -> tuple[str, ...]:
    """The codes that this field of a command on a referral may hold; none where no list is kept, or its reasons are."""
    match name:
        case "contact_mode":
            return tuple(codes("channels", "intake_channels") | codes("channels", "contact_channels"))
        case "failed_rule":
            return tuple(kind["rule"] for kind in table("admission_rules")["kinds"])
        case "requested_by":
            return REQUESTED_BY
        case "documents":
            return tuple(codes("identifiers"))
        case "obligation":
            return tuple(code for code, o in codes("transitions", "obligations").items() if o["owed_by"] == "receiver")
    return ()


LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")


def is_language(tag: str) -> bool:
    """Whether a tag has the shape of one: ISO 639 with script and region (BCP 47), in our list of languages or not."""
    return LANGUAGE_TAG.fullmatch(tag) is not None


def bus_code(service: str) -> str:
    """What logs, spans, metrics, mails and boards say for a service (a sensitive one never shows its real code)."""
    return str(codes("services")[service]["bus_code"])


def is_counted(service: str) -> bool:
    """Whether a running service counts the places of this service; if none does, nothing is asked for."""
    kind = codes("services")[service]["capacity_kind"]
    return codes("services", "capacity_kinds")[kind]["provided_by"] in table("running")["counting_services"]


def door_refusal(command: str) -> str | None:
    """Why no agency may give this command of `transitions.json`, as a refusal code; None when some may."""
    life = table("transitions")
    rows = [r for r in (*life["transitions"], *life["non_transition_commands"]) if r["command"] == command]
    if rows and not any(role in AGENCY_ROLES for row in rows for role in row["by"]):
        return "not_authorised"
    switched_on = table("running")["commands"].get(command)
    if not rows or switched_on is None:
        return "unknown_type"
    return None if AGENCY_ROLES & set(switched_on) else "not_authorised"
