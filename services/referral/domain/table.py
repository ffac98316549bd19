"""The life of a referral as a table (`transitions.json`), as far as it is switched on (`running.json`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from contracts import codes

LIFE = codes.table("transitions")
STATES: dict[str, dict[str, Any]] = codes.codes("transitions", "states")
REFUSALS: dict[str, str] = {g["code"]: g["rejection_code"] for g in LIFE["guards"]}
"""The refusal with which each guard says no."""

OPEN_STATES = tuple(code for code, state in STATES.items() if state["kind"] == "open")
RANKS: dict[str, int] = {code: item["rank"] for code, item in codes.codes("priorities").items()}
"""Of priorities; the most urgent is the lowest."""
NOBODY_WAITS = "EMERGENCY"
"""The priority that no waitlist takes (T05)."""
SUPERVISOR = "supervisor"
ONWARD = "predecessor_states"
BY_DIRECTORY = frozenset(
    {"decline", "decline_suspended", "open", "close", "close_suspended", "withdraw", "revoke", "escalate"}
)
"""Commands that are judged, or followed up, by what the directory says of the receiver and of its city."""
PRECEDENCE = tuple(s["check"] for s in codes.table("rejection_codes")["precedence"]["steps"])
"""In which order a command on a referral is judged; what applies first is the answer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One transition: which command by whom leads from which states to which one, and what it needs and does.

    to: empty when the referral goes on as it is. supervised: only a person whose token makes them a supervisor may.
    fixed: what a field is, unless the command says the same. obligation: the receipt that its receiver owes then.
    """

    id: str
    command: str
    origins: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    guards: tuple[str, ...]
    required: tuple[str, ...]
    conditional: tuple[tuple[str, tuple[str, ...]], ...]
    starts: tuple[str, ...]
    clears: tuple[str, ...]
    event: str
    reasons: str | None
    when: tuple[tuple[str, str], ...]
    guards_by: tuple[tuple[str, tuple[str, ...]], ...] = ()
    supervised: bool = False
    fixed: tuple[tuple[str, str], ...] = ()
    obligation: str | None = None

    def is_for(self, state: str, roles: Iterable[str]) -> bool:
        return state in self.origins and self.is_by(roles)

    def is_by(self, roles: Iterable[str]) -> bool:
        roles = frozenset(roles)
        return bool(roles & set(self.by)) and (not self.supervised or SUPERVISOR in roles)


@cache
def rows() -> tuple[Row, ...]:
    """The rows that are switched on, each with the roles that may use it here."""
    running = codes.table("running")["commands"]
    moving = [_row(raw, running[raw["command"]]) for raw in LIFE["transitions"] if raw["command"] in running]
    staying = [raw for raw in LIFE["non_transition_commands"] if raw["command"] in running]
    onward = [_row(_of_predecessor(raw), running[raw["command"]]) for raw in LIFE["transitions"] if ONWARD in raw]
    return (*moving, *onward, *(_row(STAYS | raw, running[raw["command"]]) for raw in staying))


def rows_of(command: str) -> tuple[Row, ...]:
    return tuple(row for row in rows() if row.command == command)


def first_row(command: str, *, successor: bool = False) -> Row:
    """The row with which a referral begins: opened for a need or as a successor, or written as a draft."""
    told = ("predecessor_id", "present" if successor else "absent")
    return next(row for row in rows_of(command) if not row.origins and (not row.when or told in row.when))


def allowed(state: str, roles: Iterable[str]) -> tuple[str, ...]:
    """The commands that this state takes from these roles."""
    roles = tuple(roles)
    return tuple(dict.fromkeys(row.command for row in rows() if row.is_for(state, roles)))


def is_by_priority(timer: str) -> bool:
    """Whether a timer's limit is one of the priority's own."""
    return str(codes.codes("transitions", "timers")[timer]["limit_from"]).startswith("limits.")


def _of_predecessor(raw: dict[str, Any]) -> dict[str, Any]:
    """With the same row people ask a referral that is over for its successor."""
    return raw | {"from": raw[ONWARD], "by": [role for role in raw["by"] if role != "system"]}


def owner_of(state: str) -> str | None:
    """Whose turn it is: sender or receiver, nobody when it is over."""
    owner: str | None = STATES.get(state, {}).get("owner")
    return owner


def _row(raw: dict[str, Any], running: list[str]) -> Row:
    return Row(
        id=raw["id"],
        command=raw["command"],
        origins=tuple(raw.get("allowed_in", raw["from"])),
        to=raw["to"],
        by=tuple(role for role in raw["by"] if role in running),
        guards=tuple(raw["guards"]),
        required=tuple(raw["required_fields"]),
        conditional=tuple((when, tuple(fields)) for when, fields in raw.get("conditional_fields", {}).items()),
        starts=tuple(raw["timers_started"]),
        clears=tuple(raw["timers_cleared"]),
        event=raw["event"],
        reasons=raw.get("reasons"),
        when=tuple(raw.get("when", {}).items()),
        guards_by=tuple((role, tuple(guards)) for role, guards in raw.get("guards_by", {}).items()),
        supervised=raw.get("supervised", False),
        fixed=tuple(raw.get("fixed", {}).items()),
        obligation=next((e.removeprefix(OWES) for e in raw.get("effects", ()) if e.startswith(OWES)), None),
    )


OWES = "obligation_"
STAYS: dict[str, Any] = {
    "id": "", "from": (), "to": "", "guards": (), "required_fields": (), "timers_started": (), "timers_cleared": (),
}  # fmt: skip
"""What the table leaves out of a command that changes no state."""
