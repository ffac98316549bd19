"""Strict reading: from the bytes an agency sent to a message, or a refusal that says what is wrong and echoes nothing.

Refusals are raised outside the `except` that found them: a parser's exception holds the input and must not travel on.
"""

import codecs
import json
import math
import re
from functools import cache
from hashlib import sha256
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from contracts import catalogue
from contracts.codes import PERSON_ROLES, door_refusal, table
from contracts.identity import UndoStatedPair
from contracts.refusals import Refusal
from contracts.stated import CompleteStatedTask, CorrectStatedOffer, RerouteStatedAgency, StatedCommand
from contracts.values import MAX_BODY_BYTES, MAX_DEPTH, Message, Ref
from services.gateway.domain.door import Read, Stated

COORDINATOR = "coordinator"
NOBODY: frozenset[str] = frozenset()
"""The roles of an agency's system."""


@cache
def served(person: frozenset[str] = NOBODY) -> tuple[str, ...]:
    """Every message type that is taken at the door from somebody in these roles of a person."""
    running = table("running")["commands"]
    of_referrals = (f"staffetta.referral.{name}.v1" for name in running if not door_refusal(name, person))
    return tuple(dict.fromkeys((*catalogue.OUTSIDE, *of_referrals)))


SERVED = served(PERSON_ROLES)
"""Every message type that is taken from anybody."""

OF_COORDINATORS = frozenset(
    (
        UndoStatedPair.TYPE, CorrectStatedOffer.TYPE, RerouteStatedAgency.TYPE, CompleteStatedTask.TYPE,
        *(f"staffetta.referral.{name}.v1" for name, by in table("running")["commands"].items() if COORDINATOR in by),
    )
)  # fmt: skip
"""Every message type that somebody says who only coordinates."""

OURS = frozenset(row.type for row in catalogue.INSIDE if row.topic.kind == "commands")
"""What only our own services ask of one another."""

CODES = {
    "missing": "missing_field",
    "too_short": "missing_field",
    "string_too_short": "missing_field",
    "extra_forbidden": "unknown_field",
    "string_too_long": "string_too_long",
    "greater_than_equal": "number_out_of_range",
    "less_than_equal": "number_out_of_range",
    "int_parsing_size": "number_out_of_range",
    "string_pattern_mismatch": "invalid_format",
    "timezone_aware": "invalid_format",
    "datetime_out_of_range": "invalid_format",
    "control_character": "control_character",
}
"""Faults of pydantic and of `contracts.values` by name, beside those in `ENDINGS`; any other is invalid_value."""

ENDINGS = {"_type": "wrong_type", "_parsing": "invalid_format"}

BEYOND = 2**70
"""Stands for every number too large for us, so that none costs more to read than its digits."""

_REF: TypeAdapter[str] = TypeAdapter(Ref)
_TYPE = re.compile(r"(staffetta\.[a-z]+\.([a-z_]+))\.v[1-9][0-9]*", re.ASCII)
_FIELD_NAME = re.compile(r"[A-Za-z0-9_$.~/-]{1,64}")
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class OfAttribute(Refusal):
    """What is wrong with an attribute of CloudEvents, which no pointer into the value can name."""

    def __init__(self, code: str, attribute: str) -> None:
        super().__init__(code)
        self.attribute = attribute

    @property
    def message(self) -> str:
        return f"{super().message} It is the attribute {self.attribute} of CloudEvents."


def read(value: bytes, *, id: str | None, type: str | None, person: frozenset[str] = NOBODY) -> Read:
    """id and type: the CloudEvents attributes. Raises Refusal and nothing else, whatever it is given."""
    canonical = parse(value)
    message_id, model = _attribute(id, "id"), _model(_attribute(type, "type"), person)
    message = _validated(model, canonical)
    if isinstance(message, StatedCommand) and type != f"staffetta.referral.{message.command}.v1":
        raise Refusal("invalid_value", "/command")
    flags = ("bom_ignored",) if value.startswith(codecs.BOM_UTF8) else ()
    return Read(message, message_id, sha256(f"{type}\n".encode() + canonical).hexdigest(), flags)


def names(value: bytes, *, id: str | None) -> tuple[str | None, str | None]:
    """By what names the agency knows a message that was refused: its own or its message's, and its message's."""
    message_id = id if id and _is_ref(id) else None
    try:
        stated = json.loads(parse(value))
    except Refusal:
        stated = None
    own = (stated.get(key) for key in ("command_id", "idempotency_key")) if isinstance(stated, dict) else ()
    return next((name for name in own if _is_ref(name)), message_id), message_id


def _is_ref(name: object) -> bool:
    try:
        _REF.validate_python(name, strict=True)
    except ValidationError:
        return False
    return True


# -- bytes ------------------------------------------------------------------------------------------------------------
def parse(value: bytes) -> bytes:
    """The same JSON value in one canonical form (RFC 8259 in UTF-8, keys sorted), so that equal content is equal."""
    if not value:
        raise Refusal("empty_body")
    if len(value) > MAX_BODY_BYTES:
        raise Refusal("too_large")
    loaded = _loaded(_decoded(value.removeprefix(codecs.BOM_UTF8)))
    try:
        return json.dumps(loaded, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        pass
    raise Refusal("invalid_unicode")


def said_by(value: bytes, actor: str) -> bytes:
    """The same message as this person says it, whoever it names. value: one that could be read."""
    mark = codecs.BOM_UTF8 if value.startswith(codecs.BOM_UTF8) else b""
    stated = json.loads(parse(value)) | {"actor": actor}
    return mark + json.dumps(stated, ensure_ascii=False, separators=(",", ":")).encode()


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise Refusal("invalid_encoding")


def _loaded(text: str) -> Any:
    if _depth(text) > MAX_DEPTH:
        raise Refusal("too_deep")
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError:
        pass
    raise Refusal("malformed_json")


def _depth(text: str) -> int:
    """How deep lists and objects lie in one another, found without recursion and in one pass."""
    deepest = depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Refusal("duplicate_key")
    return made


def _no_constant(_name: str) -> NoReturn:
    raise Refusal("malformed_json")


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= 20 else BEYOND


def _number(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else BEYOND


# -- shape ------------------------------------------------------------------------------------------------------------
def _attribute(value: str | None, name: str) -> str:
    if not value:
        raise OfAttribute("missing_field", name)
    if len(value) > 128:
        raise OfAttribute("string_too_long", name)
    if not _is_ref(value):
        raise OfAttribute("control_character", name)
    return value


def _model(type: str, person: frozenset[str]) -> type[Message]:
    """The model of a message type that is taken here."""
    taken = served(person)
    if type in OURS:
        raise Refusal("not_authorised")
    if not (known := _TYPE.fullmatch(type)):
        raise Refusal("unknown_type", allowed=taken)
    name, command = known.groups()
    first = f"{name}.v1"
    of_referral = name.startswith("staffetta.referral.")
    if of_referral and (code := door_refusal(command, person)):
        raise Refusal(code, allowed=() if code == "not_authorised" else taken)
    if first not in taken:
        raise Refusal("unknown_type", allowed=taken)
    if type != first:
        raise Refusal("unsupported_version", allowed=(first,))
    return catalogue.OUTSIDE.get(type, StatedCommand)


def _validated(model: Any, canonical: bytes) -> Stated:
    try:
        message: Stated = model.model_validate_json(canonical)
        return message
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    kind = first["type"]
    ending = next((code for end, code in ENDINGS.items() if kind.endswith(end)), "invalid_value")
    raise Refusal(CODES.get(kind, ending), pointer(first["loc"]))


def pointer(place: tuple[str | int, ...]) -> str:
    """RFC 6901. A key of theirs that does not look like a field's name could be personal: it ends at what holds it."""
    parts = []
    for part in place:
        if not _FIELD_NAME.fullmatch(str(part)):
            break
        parts.append("/" + str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(parts)
