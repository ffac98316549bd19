"""Any message of a model, made up from its fields: what a test throws at everything that reads messages."""

import types
import typing
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from contracts import catalogue
from contracts.stated import StatedCommand
from contracts.values import Message

MODELS: tuple[type[Message], ...] = (
    *catalogue.OUTSIDE.values(), StatedCommand, *catalogue.BY_MODEL, *catalogue.ANSWERS,
)  # fmt: skip

OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TEXT = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=OVERRIDES)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    UUID: st.uuids(),
    date: st.dates(),
    AwareDatetime: st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),
    types.NoneType: st.none(),
    Any: st.text(TEXT, max_size=5),
}


@st.composite
def messages(draw: st.DrawFn, model: type[BaseModel]) -> Any:
    """Its fields first, the model from them: what cannot be read is no message."""
    return model.model_validate({name: draw(values) for name, values in _fields(model).items()})


@cache
def _fields(model: type[BaseModel]) -> dict[str, st.SearchStrategy[Any]]:
    fields = model.model_fields.items()
    return {field.alias or name: _values(field.annotation, field.metadata) for name, field in fields}


def _values(kind: Any, about: typing.Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _values(inner[0], [*inner[1:], *about])
    if origin in (typing.Union, types.UnionType):
        return st.one_of([_values(option, about) for option in inner])
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (list, tuple, dict):
        return _many(origin, inner, about)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return messages(kind)
    if kind is str:
        return _texts(about)
    return st.integers(_bound(about, "ge", 0), _bound(about, "le", 2**31)) if kind is int else PLAIN[kind]


def _many(origin: Any, inner: tuple[Any, ...], about: typing.Sequence[Any]) -> st.SearchStrategy[Any]:
    if origin is dict:
        return st.dictionaries(_values(inner[0]), _values(inner[1]), max_size=2)
    if origin is tuple and inner[-1] is not Ellipsis:
        return st.tuples(*(_values(part) for part in inner))
    made = st.lists(_values(inner[0]), min_size=_bound(about, "min_length", 0), max_size=2)
    return made if origin is list else made.map(tuple)


def _texts(about: typing.Sequence[Any]) -> st.SearchStrategy[str]:
    if pattern := next((part.pattern for part in about if getattr(part, "pattern", None)), None):
        return KNOWN_PATTERNS[str(pattern)]
    least = next((part.min_length for part in about if getattr(part, "min_length", None)), 0)
    return st.text(TEXT, min_size=least, max_size=least + 8)


KNOWN_PATTERNS: dict[str, st.SearchStrategy[str]] = {
    r"^[a-z0-9][a-z0-9_]*(\.[a-z0-9_]+)*$": st.from_regex(r"\A[a-z]{2}\.[a-z0-9_]{1,8}\Z"),
    r"^[0-9]{4}(-[0-9]{2}){0,2}$": st.dates().flatmap(lambda d: st.sampled_from([str(d), str(d)[:7], str(d)[:4]])),
    r"^[A-Z]{2}-[0-9A-HJKMNP-TV-Z]{6}$": st.from_regex(r"\A[A-Z]{2}-[0-9A-HJKMNP-TV-Z]{6}\Z"),
    r"^\d\d:\d\d$": st.times().map(lambda t: f"{t:%H:%M}"),
}


def _bound(about: typing.Sequence[Any], name: str, otherwise: int) -> int:
    for part in about:
        of = part.metadata if isinstance(part, FieldInfo) else [part]
        for limit in of:
            if (found := getattr(limit, name, None)) is not None:
                return int(found)
    return otherwise
