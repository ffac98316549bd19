"""The numbers of the whole network: counts of five at least, in steps of five, and nothing that leads to fewer.

The national desk, which sees them, must never learn of a person. So every number is rounded down to a multiple of five;
below five nothing is told; and where a total less the numbers shown would prove that somebody is behind one that is not
shown, the smallest of those shown goes too, so that it may be either.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Any

from contracts import codes

Row = Mapping[str, Any]
LEAST: int = codes.table("indicators")["suppression"]["k"]
"""The smallest number that is told, and the step of every other."""
SPAN = timedelta(days=90)
"""How far back the numbers look."""
FIRST = 0
"""The hop of a referral that follows none."""


@dataclass(frozen=True, slots=True)
class Need:
    """One service that one intake asked somebody for. answered_at: when the first of those asked decided."""

    city: str
    service: str
    sent_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unmet:
    """A need that nobody could meet, in the city of who asked for it."""

    city: str
    service: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """The needs of a city, of a service (its bus code) or of all. None: not told. hours: the median time to answer."""

    code: str
    needs: int | None
    answered: int | None
    unanswered: int | None
    hours: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """The unmet needs of a city, of a service or for a reason."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that the national desk is told. Lines that are not told are not there."""

    total: Line
    by_city: tuple[Line, ...]
    by_service: tuple[Line, ...]
    unmet: int | None
    unmet_by_city: tuple[Part, ...]
    unmet_by_service: tuple[Part, ...]
    unmet_by_reason: tuple[Part, ...]


def numbers(needs: Iterable[Need], unmet: Iterable[Unmet]) -> Numbers:
    asked, missed = list(needs), list(unmet)
    return Numbers(
        total=_line("", asked),
        by_city=_lines(asked, lambda need: need.city),
        by_service=_lines(asked, lambda need: codes.bus_code(need.service)),
        unmet=_told(len(missed)),
        unmet_by_city=_parts(one.city for one in missed),
        unmet_by_service=_parts(codes.bus_code(one.service) for one in missed),
        unmet_by_reason=_parts(one.reason for one in missed),
    )


def last_hour(now: datetime) -> datetime:
    """As of when numbers are told: of two looks within an hour the second tells nothing that came between."""
    return now.replace(minute=0, second=0, microsecond=0)


def needs_of(rows: Iterable[Row], cities: Mapping[str, str], until: datetime) -> list[Need]:
    """The needs that were first sent among these referrals before `until`, answered as far as they were by then.

    rows: with `journey_id`, by which one need's referrals are known as one; no id is in what comes out. What was
    entered in error counts for nothing.
    cities: of each agency, by its code.
    """
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["sent_at"] < until and not row["in_error"]:
            found[row["journey_id"], row["service"]].append(row)
    return [_need(of, cities, until) for of in found.values() if any(row["hop"] == FIRST for row in of)]


def _need(rows: list[Row], cities: Mapping[str, str], until: datetime) -> Need:
    first = min(rows, key=lambda row: row["sent_at"])
    answers = [row["answered_at"] for row in rows if row["answered_at"] and row["answered_at"] < until]
    city = cities.get(first["sender_agency"], "")
    return Need(city, first["service"], first["sent_at"], min(answers, default=None))


def unmet_of(row: Row) -> Unmet:
    return Unmet(next(iter(row["cities"]), ""), row["service"], row["reason"])


def _told(count: int) -> int | None:
    """Rounded down; None below the least."""
    return count // LEAST * LEAST or None


def _proves(total: int | None, shown: Iterable[int]) -> bool:
    """Whether the total proves that there is anybody beside those shown, each of whom may be some more."""
    return total is not None and total > sum(one + LEAST - 1 for one in shown)


# -- needs ---------------------------------------------------------------------------------------------------------
def _lines(needs: list[Need], of: Callable[[Need], str]) -> tuple[Line, ...]:
    groups: dict[str, list[Need]] = defaultdict(list)
    for need in needs:
        groups[of(need)].append(need)
    lines = [line for code, group in groups.items() if (line := _line(code, group)).needs]
    lines.sort(key=lambda line: (-(line.needs or 0), line.code))
    total = _line("", needs)
    while lines and _column_gives_away("needs", total, lines, groups):
        lines.pop()
    while any(line.answered for line in lines) and any(_column_gives_away(n, total, lines, groups) for n in PAIR):
        at = max(i for i, line in enumerate(lines) if line.answered)
        lines[at] = replace(lines[at], answered=None, unanswered=None, hours=None)
    return tuple(lines)


COUNTS: Mapping[str, Callable[[list[Need]], int]] = {
    "needs": len,
    "answered": lambda needs: sum(need.answered_at is not None for need in needs),
    "unanswered": lambda needs: sum(need.answered_at is None for need in needs),
}


PAIR = ("answered", "unanswered")


def _column_gives_away(name: str, total: Line, lines: list[Line], groups: Mapping[str, list[Need]]) -> bool:
    """Whether few of those hidden could be what the total proves. One of a pair is known by its line too: there two
    must be hidden.
    """
    shown = {line.code: told for line in lines if (told := getattr(line, name)) is not None}
    hidden = [n for code, group in groups.items() if code not in shown and (n := COUNTS[name](group))]
    few = max(hidden, default=0) < LEAST or (name in PAIR and len(hidden) < 2)
    return few and _proves(getattr(total, name), shown.values())


def _line(code: str, needs: list[Need]) -> Line:
    """Answered and unanswered are told together: one of them would lead from the needs to the other."""
    took = [(need.answered_at - need.sent_at) / timedelta(hours=1) for need in needs if need.answered_at]
    answered, unanswered = _told(len(took)), _told(len(needs) - len(took))
    if answered is None or unanswered is None:
        return Line(code, _told(len(needs)), None, None, None)
    return Line(code, _told(len(needs)), answered, unanswered, ceil(median(took)))


# -- unmet needs ---------------------------------------------------------------------------------------------------
def _parts(stated: Iterable[str | None]) -> tuple[Part, ...]:
    counts = Counter(code or "" for code in stated)
    total = _told(counts.total())
    shown = {code: told for code, count in counts.most_common() if (told := _told(count))}
    while shown and _proves(total, shown.values()) and all(n < LEAST for c, n in counts.items() if c not in shown):
        shown.popitem()
    return tuple(Part(code, told) for code, told in sorted(shown.items(), key=lambda one: (-one[1], one[0])))
