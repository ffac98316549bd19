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

PERSON_ROLES = frozenset({"supervisor", "coordinator"})
"""What a person's token may make of its bearer: a supervisor of their agency, a coordinator of their agency's city."""


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


LISTS = {
    "update_code": (("reports", "update_codes"),),
    "result": (("reports", "contact_results"),),
    "lapse_cause": (("reports", "lapse_causes"),),
    "channel": (("channels", "contact_channels"),),
    "contact_mode": (("channels", "intake_channels"), ("channels", "contact_channels")),
    "priority": (("priorities", "items"),),
    "documents": (("identifiers", "items"),),
    "override_reason": (("override_reasons", "items"),),
    "timer": (("transitions", "timers"),),
}
"""Where the codes are kept that a field of a command on a referral may hold."""

REASON_FIELDS = {
    "decline_reasons": "decline_reason",
    "closure_outcomes": "closure_outcome",
    "withdraw_reasons": "withdraw_reason",
    "hold_reasons": "hold_reason",
}
OTHERWISE_NAMED = {"revoke": "revoke_cause"}
"""Commands that give a reason of such a list in a field of their own."""

REQUESTED_BY = ("person", "sender", "receiver", "coordinator")
"""Who may have asked for a withdrawal: the person at any desk, or one of those who may command it."""


def reason_field(list_: str, command: str) -> str:
    """In which field a command gives its reason, a code of this list."""
    return OTHERWISE_NAMED.get(command, REASON_FIELDS[list_])


def of_field(name: str) -> tuple[str, ...]:
    """The codes that this field of a command on a referral may hold; none where no list is kept, or its reasons are."""
    match name:
        case "failed_rule":
            return tuple(kind["rule"] for kind in table("admission_rules")["kinds"])
        case "requested_by":
            return REQUESTED_BY
        case "obligation":
            return tuple(code for code, o in codes("transitions", "obligations").items() if o["owed_by"] == "receiver")
    return tuple(dict.fromkeys(code for list_, part in LISTS.get(name, ()) for code in codes(list_, part)))


LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")


def is_language(tag: str) -> bool:
    """Whether a tag has the shape of one: ISO 639 with script and region (BCP 47), in our list of languages or not."""
    return LANGUAGE_TAG.fullmatch(tag) is not None


def bus_code(service: str) -> str:
    """What logs, spans, metrics, mails and boards say for a service (a sensitive one never shows its real code)."""
    return str(codes("services")[service]["bus_code"])


def is_counted(kind: str) -> bool:
    """Whether a running service counts places of this kind; if none does, nothing is asked for."""
    return codes("services", "capacity_kinds")[kind]["provided_by"] in table("running")["counting_services"]


def is_taken_to_the_end(service: str) -> bool:
    """Whether a place is taken until the referral ends; else only until the person was seen."""
    kind = codes("services", "capacity_kinds")[codes("services")[service]["capacity_kind"]]
    return bool(kind["taken_until"] != "referral.started")


def commands_on_referrals() -> list[Item]:
    """Every row of `transitions.json`, those that change no state too."""
    life = table("transitions")
    return [*life["transitions"], *life["non_transition_commands"]]


def door_refusal(command: str, person: frozenset[str] = frozenset()) -> str | None:
    """Why this command of `transitions.json` is not taken at the door, as a refusal code; None when it is.

    person: the roles of the person who speaks (`PERSON_ROLES`); none for an agency's system.
    """
    rows, speaks = [row for row in commands_on_referrals() if row["command"] == command], AGENCY_ROLES | person
    if rows and not any(speaks & set(row["by"]) and _is_supervised_by(row, person) for row in rows):
        return "not_authorised"
    switched_on = table("running")["commands"].get(command)
    if not rows or switched_on is None:
        return "unknown_type"
    return None if speaks & set(switched_on) else "not_authorised"


def _is_supervised_by(row: Item, person: frozenset[str]) -> bool:
    return not row.get("supervised") or "supervisor" in person
