"""The fields of a command on a referral, as they are typed at a terminal: which it needs, and of which type each is."""

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from contracts import codes
from services.cli.faults import CannotDo

if TYPE_CHECKING:
    from pydantic import TypeAdapter

OPTIONS = {
    "decline_reason": "--reason CODE", "withdraw_reason": "--reason CODE", "hold_reason": "--reason CODE",
    "closure_outcome": "--outcome CODE", "text": "--text TEXT", "reason_text": "--text TEXT",
}  # fmt: skip
"""Fields that have an option of their own."""
OURS = frozenset({"command_id", "referral_id", "command", "agency"})
NOW = "now"
KINDS = {
    "boolean": "true|false", "integer": "NUMBER", "array": "CODE,CODE", "date-time": "now|TIME", "date": "DAY",
    "uuid": "ID", "string": "TEXT",
}  # fmt: skip
MEANT = {
    "date-time": "a time with its offset, such as 2026-11-24T09:00:00+01:00, or now", "uuid": "a UUID",
    "date": "a day, such as 2026-12-01",
    "integer": "a whole number that the model allows", "array": "codes with commas between",
    "string": "a text of the length and shape that the model allows",
}  # fmt: skip
MOST_SHOWN = 8
"""Longer lists of codes follow by themselves."""


def pair(text: str) -> tuple[str, Any]:
    """NAME=VALUE with the value as JSON holds it. Raises CannotDo for a name or a value that the model has not."""
    from pydantic import ValidationError

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise CannotDo("--field is name=value.", status=2)
    if name not in _model() or name in OURS:
        known = sorted(_model().keys() - OURS)
        raise CannotDo(f"There is no field {name}.", f"Choose one of: {', '.join(known)}.", status=2)
    try:
        return name, _typed(name, value)
    except ValidationError:
        kind = _kind(name)
        raise CannotDo(f"{name} is {MEANT.get(kind, KINDS[kind])}, not “{value}”.", status=2) from None


def option(name: str) -> str:
    """What to type for a field: `--field contact_mode=CODE`, with its codes or its type."""
    if name in OPTIONS:
        return OPTIONS[name]
    known = codes.of_field(name)
    if not known or _kind(name) == "array":
        return f"--field {name}={KINDS[_kind(name)]}"
    return f"--field {name}=" + ("|".join(known) if len(known) <= MOST_SHOWN else "CODE")


def hint(name: str) -> str:
    """The same as a sentence, with a longer list."""
    return f"Add {option(name)}." + (f" The codes: {', '.join(long)}." if (long := long_list(name)) else "")


def long_list(name: str) -> tuple[str, ...]:
    known = codes.of_field(name)
    return known if len(known) > MOST_SHOWN or _kind(name) == "array" else ()


def needed(command: str) -> dict[str, str]:
    """What a command needs of an agency (`transitions.json`), each with the condition on which it does.

    What a referral needs to be sent is filled in by routing.
    """
    from contracts.stated import StatedCommand

    rows = [r for r in codes.commands_on_referrals() if r["command"] == command and r.get("to") != "REQUESTED"]
    always = {name: "" for row in rows for name in row.get("required_fields", ())}
    sometimes = {
        name: when for row in rows for when, names in row.get("conditional_fields", {}).items() for name in names
    }
    return {name: when for name, when in (sometimes | always).items() if name in StatedCommand.model_fields}


def _typed(name: str, value: str) -> Any:
    kind, adapter = _kind(name), _adapter(name)
    stated: Any = value
    if kind == "array":
        stated = value.split(",")
    elif kind == "date-time" and value == NOW:
        stated = datetime.now(UTC)
    return adapter.dump_python(adapter.validate_python(stated, strict=False), mode="json")


def _kind(name: str) -> str:
    """The JSON type of a field, or its format where it has one."""
    schema = _adapter(name).json_schema()
    first = schema.get("anyOf", [schema])[0]
    return str(first.get("format") or first["type"])


@cache
def _adapter(name: str) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(_model()[name].rebuild_annotation())


def _model() -> dict[str, Any]:
    from contracts.stated import StatedCommand

    return StatedCommand.model_fields
