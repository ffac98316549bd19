"""What the state table lets this person do with a referral now, and which questions each command asks them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from contracts import codes
from contracts.stated import ReferralFields
from services.console.domain.access import OWING

LIFE = codes.table("transitions")
LADDER = codes.table("priorities")["escalation_ladder"]
RUNNING: dict[str, list[str]] = codes.table("running")["commands"]

FIRST = ("acknowledge", "accept", "start", "close", "decline", "pass_on")
"""The order of buttons: what is done most comes first, the rest follows as the table has it."""
RARELY = (
    "unaccept", "withdraw", "assign_worker", "add_note", "mark_error", "mark_error_after_accept", "flag_in_error",
    "revoke",
)  # fmt: skip
"""What comes last of all buttons: it is rarely said."""
TEXTS = ("text", "reason_text")
LAST = ("appointment",)
"""What is asked after everything else: which of several appointments is rarely to be said."""
BY_HAND = {"revoke": "coordinator"}
"""Commands of which a person may give only the reasons of this side; the others are found by the network itself."""
KNOWN = ("basis_id", "count", "second_slot", "order_rule_version")
"""What the network knows without being told; the systems of agencies may say it all the same."""
RECEIPT, ESCALATE = "confirm_receipt", "escalate"
OWES = "obligation_"
OBLIGATIONS: dict[str, str] = {
    row["to"]: effect.removeprefix(OWES)
    for row in LIFE["transitions"] for effect in row.get("effects", ()) if effect.startswith(OWES)
}  # fmt: skip
"""Which receipt a referral owes for having come to a state."""
BY_ITSELF = ("person_still_interested", "obligation")
"""What is said by the press of the button: there is no other answer that the command could carry."""
HIGHEST = min(codes.codes("priorities").values(), key=lambda item: int(item["rank"]))["code"]
WAITING = "WAITLISTED"
"""The state in which nobody becomes as urgent as that."""
LONGEST_REVIEW: int = codes.table("priorities")["review_defaults"]["hold_review_max"]["amount"]
SHORTER_REVIEWS: dict[int, list[dict[str, str]]] = {
    days: [i["label"] for i in codes.codes("hold_reasons").values() if i["max_days_to_review"] == days]
    for days in sorted({i["max_days_to_review"] for i in codes.codes("hold_reasons").values()}) if days < LONGEST_REVIEW
}  # fmt: skip
"""The reasons for which a hold is reviewed within so many days; for all others within the longest."""
GRAVE = ("deceased",)
"""Answers that are chosen and then said, with two presses: by a slip nobody is told that somebody has died."""
FILLED_BY_ROUTING = "REQUESTED"
"""A command that leads there asks for nothing: routing knows. Who asks once more may say whom."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question: where its words are (file, part), what else it asks for, and what has to be recorded
    before it is taken.
    """

    code: str
    label: dict[str, str]
    asks: tuple[str, ...] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_enough(self) -> bool:
        return not self.asks and not self.conditions and self.code not in GRAVE


@dataclass(frozen=True, slots=True)
class Question:
    """A field of a command. kind: choice, choices, level, text, moment, day, agency, offer, appointment, number or id.
    sometimes: some of the reasons ask for it.
    """

    name: str
    kind: str
    required: bool
    choices: tuple[Choice, ...] = ()
    sometimes: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    command: str
    states: tuple[str, ...]
    by: frozenset[str]
    supervised: bool
    raw: Any


@cache
def rows() -> tuple[Row, ...]:
    """Those that a person may say at the door."""
    outside = {"sender", "receiver", "coordinator"}
    found = []
    for raw in codes.commands_on_referrals():
        by = frozenset(raw["by"]) & frozenset(RUNNING.get(raw["command"], ())) & outside
        states = tuple(raw.get("allowed_in") or raw.get("from") or raw.get("predecessor_states") or ())
        if by and states:
            found.append(Row(raw["command"], states, by, bool(raw.get("supervised")), raw))
    return tuple(found)


@cache
def commands(state: str, relations: frozenset[str], roles: frozenset[str]) -> tuple[str, ...]:
    """What may be said of a referral in this state by who has these relations to it and these roles."""
    may = {r.command for r in rows() if state in r.states and _speaks(r, relations) and _supervises(r, roles)}
    return tuple(sorted(may, key=_order))


def is_ever_said(command: str, relations: frozenset[str], roles: frozenset[str]) -> bool:
    """Whether, in one state or another, who has these relations and roles may say it."""
    return any(r.command == command and _speaks(r, relations) and _supervises(r, roles) for r in rows())


def _speaks(row: Row, relations: frozenset[str]) -> bool:
    return bool(relations & row.by) or (row.command == RECEIPT and relations >= OWING)


def _supervises(row: Row, roles: frozenset[str]) -> bool:
    return not row.supervised or "supervisor" in roles


def _order(command: str) -> tuple[int, int]:
    known = (*FIRST, None, *RARELY)
    return known.index(command if command in known else None), _place(command)


def _place(command: str) -> int:
    return next(i for i, row in enumerate(rows()) if row.command == command)


@cache
def settles_appointment(command: str) -> bool:
    """Whether it is said of an appointment that is fixed."""
    return _is_guarded(command, "appointment_scheduled")


@cache
def is_about_a_place(command: str) -> bool:
    """Whether it is said of a place that is held for the person."""
    return _is_guarded(command, "seat_held_here")


def _is_guarded(command: str, guard: str) -> bool:
    return any(r.command == command and guard in r.raw.get("guards", ()) for r in rows())


@cache
def questions(command: str, state: str, priority: str) -> tuple[Question, ...]:
    """What has to be asked before the command can be said; none means that one press of a button says it."""
    row = next(r for r in rows() if r.command == command and state in r.states).raw
    if row.get("to") == FILLED_BY_ROUTING:
        return (Question("next_agency", "agency", required=False),) if command == "open" else ()
    asked = dict.fromkeys(row.get("required_fields", ()), True)
    for when, names in row.get("conditional_fields", {}).items():
        asked |= dict.fromkeys(names, True) if when == f"priority={priority}" else {}
    more = set[str]()
    if reasons := row.get("reasons"):
        asked.setdefault(codes.reason_field(reasons, command), True)
        known = {*asked, *(TEXTS if set(TEXTS) & asked.keys() else ())}
        wanted = [set(item.asks) for item in _reasons(reasons, command)]
        always = set.intersection(*wanted)
        more = set.union(*wanted) - always - known
        asked |= dict.fromkeys(sorted(always - known), True) | dict.fromkeys(sorted(more), False)
        if not set(TEXTS) & asked.keys():
            asked["text"] = False
    asked |= {name: False for name in row.get("optional_fields", ()) if name in ReferralFields.model_fields}
    left_out = {*BY_ITSELF, *KNOWN, *row.get("fixed", ())}
    order = sorted((name for name in asked if name not in left_out), key=lambda name: name in LAST)
    found = [_question(name, asked[name], row, command, state) for name in order]
    if command == "change_priority":
        found = list(without(without(found, priority), HIGHEST if state == WAITING else priority))
    return tuple(replace(question, sometimes=question.name in more) for question in found)


def said_by_itself(command: str, state: str, owes: str | None = None) -> dict[str, Any]:
    """What the command carries without being asked for it. owes: the receipt that is owed, where that is known."""
    needed = next(row for row in rows() if row.command == command).raw.get("required_fields", ())
    said = {"person_still_interested": True, "obligation": owes or OBLIGATIONS.get(state)}
    return {name: said[name] for name in BY_ITSELF if name in needed}


def may_change_priority(priority: str, relations: frozenset[str]) -> bool:
    """Whether there is another for them to choose: an emergency is the coordination's to lower."""
    return priority != HIGHEST or "coordinator" in relations


def review_days(today: date) -> tuple[date, date]:
    """The first and the last day until which a hold may be."""
    return today + timedelta(days=1), today + timedelta(days=LONGEST_REVIEW)


def pointed_at(asked: Sequence[Question], pointer: str | None) -> str | None:
    """The question that a refusal means (RFC 6901), if it is one of these; of a text there is one, by either name."""
    name = (pointer or "").removeprefix("/").partition("/")[0]
    meant = TEXTS if name in TEXTS else (name,)
    return next((question.name for question in asked if question.name in meant), None)


def of_one(asked: Sequence[Question], fixed: Collection[str]) -> tuple[Question, ...]:
    """The same questions; which appointment is meant is asked only where several are fixed."""
    return tuple(question for question in asked if question.kind != "appointment" or len(fixed) > 1)


def without(asked: Sequence[Question], code: str) -> tuple[Question, ...]:
    """The same questions, without this answer."""
    return tuple(replace(q, choices=tuple(choice for choice in q.choices if choice.code != code)) for q in asked)


def not_yet(asked: Sequence[Question], levels: Mapping[str, int]) -> tuple[Question, ...]:
    """The same questions, without the timers that can be raised no more and the levels that all others have reached.

    levels: how far a timer has climbed.
    """
    timers = [c.code for q in asked if q.name == "timer" for c in q.choices]
    left = [timer for timer in timers if levels.get(timer, 0) < LADDER[-1]["level"]]
    reached = min((levels.get(timer, 0) for timer in left), default=LADDER[-1]["level"])
    told = {"timer": lambda code: code in left, "escalation_level": lambda code: int(code) > reached}
    return tuple(replace(q, choices=tuple(c for c in q.choices if told[q.name](c.code))) for q in asked)


def at_once(asked: Sequence[Question]) -> Question | None:
    """The one question whose answer says the command, with those of its answers that are enough; None where there is
    more to be answered, or nothing to choose. For an agency somebody is proposed (`who_is_next`).
    """
    wanted = [question for question in asked if question.required and question.kind != "agency"]
    enough = tuple(choice for question in wanted[:1] for choice in question.choices if choice.is_enough)
    return replace(wanted[0], choices=enough) if enough and len(wanted) == 1 else None


def who_is_next(
    offering: Mapping[str, str | None], city: str | None, tried: Collection[str], order: Sequence[str]
) -> list[str]:
    """Whom a referral may be passed on to, the best first: as routing has them in order, then others of the city.

    offering: each agency that has an open offer, and its city. tried: those that were asked already.
    """
    place = {agency: place for place, agency in reversed(list(enumerate(order)))}
    left = [a for a, its in offering.items() if a not in tried and (a in place or its == city)]
    return sorted(left, key=lambda agency: (place.get(agency, len(place)), agency))


def _question(name: str, required: bool, row: Any, command: str, state: str) -> Question:
    choices = _choices(name, row, command, state)
    kind = CHOSEN.get(name, "choice") if choices else _kind(name)
    return Question(name, kind, required, choices)


KINDS = {
    "text": "text", "reason_text": "text", "next_agency": "agency", "offer": "offer", "review_date": "day",
    "linked_referral_id": "id", "assigned_worker": "line", "appointment": "appointment",
}  # fmt: skip
CHOSEN = {"documents": "choices", "escalation_level": "level"}
"""Kinds of what is chosen from a list, unless it is one of its codes."""
TYPES = {"date-time": "moment", "date": "day", "integer": "number", "uuid": "id"}


@cache
def _schema() -> dict[str, Any]:
    properties: dict[str, Any] = ReferralFields.model_json_schema()["properties"]
    return properties


def _kind(name: str) -> str:
    if name in KINDS:
        return KINDS[name]
    stated: dict[str, str] = next((s for s in _schema()[name].get("anyOf", ()) if s.get("type") != "null"), {})
    return TYPES.get(stated.get("format") or stated.get("type", ""), "line")


def _choices(name: str, row: Any, command: str, state: str) -> tuple[Choice, ...]:
    reasons = row.get("reasons")
    if reasons and name == codes.reason_field(reasons, command):
        return tuple(c for c in _reasons(reasons, command) if _fits(reasons, c.code, state))
    if name == "escalation_level":
        return tuple(Choice(str(rung["level"]), rung["label"]) for rung in LADDER if rung["level"])
    running = codes.codes("transitions", "states")[state]["timers_required"]
    known = [c for c in codes.of_field(name) if name != "timer" or c in running]
    labels = {code: _label(name, code) for code in known}
    return tuple(Choice(code, label) for code, label in labels.items())


def _reasons(list_: str, command: str) -> list[Choice]:
    side = BY_HAND.get(command)
    usable = {
        c: i for c, i in codes.codes(list_).items()
        if command in (i.get("usable_in") or [i.get("command", command)]) and side in (None, i.get("side"))
    }  # fmt: skip
    return [Choice(c, i["label"], _asks(i), i.get("conditions", {})) for c, i in usable.items()]


def _asks(item: Any) -> tuple[str, ...]:
    """What a reason wants to be said with it."""
    linked = ("linked_referral_id",) if item.get("next") == "link_existing" else ()
    text = ("text",) if item.get("text_required") else ()
    return tuple(dict.fromkeys((*item.get("required_fields", ()), *linked, *text)))


def _fits(list_: str, code: str, state: str) -> bool:
    return state in codes.codes(list_)[code].get("allowed_from", (state,))


def _label(name: str, code: str) -> dict[str, str]:
    """Where a field's codes have words of their own; `requested_by` and rules are told by the pages' words."""
    for list_, part in codes.LISTS.get(name, ()):
        if item := codes.codes(list_, part).get(code):
            label: dict[str, str] = item.get("label", {})
            return label
    return {}
