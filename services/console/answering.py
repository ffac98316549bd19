"""What was typed into a form, as the fields of a command: Italian time for moments, nothing for what was left empty."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.console.domain.actions import Question
from services.console.pages import ROME


def stated_fields(asked: Sequence[Question], typed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What cannot be read stays as it was typed: the door refuses it and names the field."""
    found = {q.name: _value(q, [v.strip() for v in typed.get(q.name, ()) if v.strip()]) for q in asked}
    return {name: value for name, value in found.items() if value is not None}


def _value(question: Question, typed: list[str]) -> Any:
    if not typed:
        return None
    if question.kind == "choices":
        return typed
    first = typed[0]
    match question.kind:
        case "moment":
            return _moment(first)
        case "number" | "level" | "appointment":
            return int(first) if first.isdecimal() else first
        case _:
            return first


def _moment(typed: str) -> str:
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=ROME).isoformat()
    except ValueError:
        return typed
