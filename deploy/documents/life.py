"""The life of a referral as a page that people read: every state, who may do what there, what each command needs."""

from collections.abc import Iterable, Iterator
from typing import Any

from contracts import codes
from contracts.stated import ReferralFields, StatedDraft
from deploy.documents.tables import table

LIFE = codes.table("transitions")
RUNNING: dict[str, list[str]] = codes.table("running")["commands"]
REFUSALS = {guard["code"]: guard["rejection_code"] for guard in LIFE["guards"]}
CARRIED = ("Must carry", "May carry")
TEXTS = ("text", "reason_text")
CHOSEN = {"send": ("offer", "override_reason", "text"), "open": ("next_agency",)}
"""What a sender may say of where to ask; the rest routing fills in."""
ROLES = ("sender", "receiver", "coordinator", "system")

HEAD = """# The life of a referral

Made from `contracts/data` by `python -m deploy.documents`; do not edit. The same tables drive the code
(`services/referral/domain/life.py`), the test of every cell (`tests/domain/test_life_table.py`) and what each role is
offered. What is not in a table below is refused by name, with the current state, and changes nothing.

An agency's system speaks as sender or receiver. Coordinators, and supervisors where a row says so, speak over HTTP with
a person's token that carries the role: a coordinator for the city in which their agency is, a supervisor for theirs.
"""


def page() -> str:
    parts = (_diagram(), _states(), _cells(), _transitions(), _beside(), _timers(), _obligations(), *_lists(),
             _precedence())  # fmt: skip
    return "\n".join([HEAD, *(line for part in parts for line in (*part, ""))])


# -- the diagram -------------------------------------------------------------------------------------------------------


def _diagram() -> Iterator[str]:
    """One arrow for all commands between the same two states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in _running(LIFE["transitions"]):
        for state in row["from"] or ["[*]"]:
            arrows.setdefault((state, row["to"]), []).append(row["command"])
    yield "```mermaid"
    yield "stateDiagram-v2"
    for (before, after), commands in arrows.items():
        yield f"    {before} --> {after}: {', '.join(dict.fromkeys(commands))}"
    for state in LIFE["states"]:
        if state["kind"] == "terminal":
            yield f"    {state['code']} --> [*]"
    yield "```"


# -- states and cells --------------------------------------------------------------------------------------------------


def _states() -> Iterator[str]:
    yield "## States\n"
    columns = ("State", "Italian", "English", "Whose turn", "Timers", "Place", "FHIR Task")
    yield from table(columns, (_state(state) for state in LIFE["states"]))


def _state(state: dict[str, Any]) -> tuple[str, ...]:
    optional = [f"({timer})" for timer in state["timers_optional"]]
    return (
        f"`{state['code']}`",
        state["label"]["it"],
        state["label"]["en"],
        state["owner"] or "nobody: over",
        ", ".join([*state["timers_required"], *optional]),
        state["seat"].replace("_", " "),
        state["maps_to"]["fhir_task"],
    )


def _cells() -> Iterator[str]:
    """State x role: the commands that are taken."""
    yield "## Who may do what, where\n"
    yield "S: a supervisor of the receiver only.\n"
    yield from table(("State", *ROLES), (_cell_row(state["code"]) for state in LIFE["states"]))


def _cell_row(state: str) -> tuple[str, ...]:
    return (f"`{state}`", *(", ".join(_taken(state, role)) for role in ROLES))


def _taken(state: str, role: str) -> Iterator[str]:
    if (state, role) == ("DRAFT", "receiver"):
        return
    for row in _running(codes.commands_on_referrals()):
        if state in row.get("allowed_in", row.get("from", ())) and role in _by(row):
            yield row["command"] + (" (S)" if row.get("supervised") else "")


# -- commands ----------------------------------------------------------------------------------------------------------


def _transitions() -> Iterator[str]:
    yield "## Commands that lead to another state\n"
    columns = ("Row", "Command", "By", "From", "To", *CARRIED, "Guards, each with its refusal", "Timers", "Event")
    yield from table(columns, (_transition(row) for row in _running(LIFE["transitions"])))


def _transition(row: dict[str, Any]) -> tuple[str, ...]:
    clocks = [f"+{timer}" for timer in row["timers_started"]] + [f"-{timer}" for timer in row["timers_cleared"]]
    return (
        row["id"],
        f"`{row['command']}`",
        ", ".join(_by(row)) + (" (S)" if row.get("supervised") else ""),
        ", ".join(row["from"]) or "nothing",
        row["to"],
        *_carried(row),
        _guards(row),
        " ".join(clocks),
        f"`{row['event']}`",
    )


def _beside() -> Iterator[str]:
    yield "## Commands that change no state\n"
    columns = ("Command", "Italian", "By", "In", *CARRIED, "Guards, each with its refusal", "Event")
    yield from table(columns, (_staying(row) for row in _running(LIFE["non_transition_commands"])))


def _staying(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"`{row['command']}`",
        row["label"]["it"],
        ", ".join(_by(row)),
        ", ".join(row["allowed_in"]),
        *_carried(row),
        _guards(row),
        f"`{row['event']}`",
    )


def _carried(row: dict[str, Any]) -> tuple[str, str]:
    """What it must carry, and what it may beside that; what routing fills in, nobody says."""
    if row.get("to") == "REQUESTED":
        return "", ", ".join(CHOSEN.get(row["command"], ()) if "sender" in row["by"] else ())
    sayable = {*ReferralFields.model_fields, *(StatedDraft.model_fields if row["command"] == "create" else TEXTS)}
    must = [name for name in row.get("required_fields", ()) if name in sayable]
    must += [f"{name} ({when})" for when, names in row.get("conditional_fields", {}).items() for name in names]
    return ", ".join(must), ", ".join(name for name in row.get("optional_fields", ()) if name in sayable)


def _guards(row: dict[str, Any]) -> str:
    own = [f"{guard} (`{REFUSALS[guard]}`)" for guard in row.get("guards", ())]
    by_role = [(role, guard) for role, guards in row.get("guards_by", {}).items() for guard in guards]
    return ", ".join([*own, *(f"{role}: {guard} (`{REFUSALS[guard]}`)" for role, guard in by_role)])


def _running(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["command"] in RUNNING]


def _by(row: dict[str, Any]) -> list[str]:
    return [role for role in row["by"] if role in RUNNING[row["command"]]]


# -- time, debts, reasons ----------------------------------------------------------------------------------------------


def _timers() -> Iterator[str]:
    yield "## Timers\n"
    priorities = codes.codes("priorities")
    rows = (
        (f"`{timer['code']}`", timer["label"]["it"], timer["owner"], *(_limit(timer, p) for p in priorities.values()))
        for timer in LIFE["timers"]
    )
    yield from table(("Timer", "Italian", "Owed by", *priorities), rows)


def _limit(timer: dict[str, Any], priority: dict[str, Any]) -> str:
    where, _, name = timer["limit_from"].partition(".")
    if where == "limits":
        return _time(priority["limits"][name])
    known = codes.table("priorities").get(where, {})
    return _time(known[name]) if name else where.replace("_", " ")


def _time(limit: dict[str, Any]) -> str:
    return f"{limit['amount']} {limit['unit'].replace('_', ' ')}s, {limit['clock']}"


def _obligations() -> Iterator[str]:
    yield "## What is owed after the end\n"
    rows = (
        (f"`{owed['code']}`", owed["label"]["it"], owed["owed_by"],
         _within(owed), f"`{owed['when_met']}`")
        for owed in LIFE["obligations"]
    )  # fmt: skip
    yield from table(("Obligation", "Italian", "Owed by", "Within", "Met by"), rows)


def _within(owed: dict[str, Any]) -> str:
    """With the limit of what pages, where that is another one."""
    paging = (code for code, priority in codes.codes("priorities").items() if priority["pages"])
    name = owed.get("limit_of_a_page")
    more = [f"{code}: {_time(codes.codes('priorities')[code]['limits'][name])}" for code in paging if name]
    return "; ".join([_time(codes.table("priorities")["review_defaults"][owed["code"]]), *more])


LISTS = {
    "decline_reasons": "Reasons to decline, pass on or take an acceptance back",
    "hold_reasons": "Reasons to hold",
    "closure_outcomes": "Outcomes of a closure",
    "withdraw_reasons": "Reasons to withdraw, causes of a revocation",
    "override_reasons": "Reasons to choose an offer against the rules",
}


def _lists() -> Iterator[Iterator[str]]:
    for name, title in LISTS.items():
        yield _list(name, title)


def _list(name: str, title: str) -> Iterator[str]:
    yield f"## {title} (`{name}.json`)\n"
    columns = ("Code", "Italian", "English", "With", "Needs", "Next")
    yield from table(columns, (_reason(item) for item in codes.codes(name).values()))


def _reason(item: dict[str, Any]) -> tuple[str, ...]:
    where = next((item[name] for name in ("usable_in", "allowed_from", "sets_aside") if item.get(name)), None)
    where = where or ([item["command"]] if "command" in item else [])
    needs = [*item.get("required_fields", ()), *(["text"] if item["text_required"] else [])]
    needs += [f"{name}: {value}".lower() for name, value in item.get("conditions", {}).items()]
    needs += [f"within {item['max_days_to_review']} days"] if "max_days_to_review" in item else []
    unless = ", unless in the person's own city" if item.get("unless_own_city") else ""
    going_on = f" (by itself{unless})" if item.get("auto_reroute") else ""
    return (
        f"`{item['code']}`", item["label"]["it"], item["label"]["en"], ", ".join(where), ", ".join(needs),
        item.get("next", "") + going_on,
    )  # fmt: skip


def _precedence() -> Iterator[str]:
    precedence = codes.table("rejection_codes")["precedence"]
    yield "## Which refusal comes first\n"
    yield precedence["note"] + "\n"
    rows = ((str(step["step"]), step["check"], ", ".join(f"`{code}`" for code in step["codes"]), step.get("note", ""))
            for step in precedence["steps"])  # fmt: skip
    yield from table(("Step", "Check", "Refusals", "Note"), rows)
