"""The numbers of a city: what waits, how agencies answer, what could not be given. Counts, and nobody's data."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from contracts import codes
from services.console.domain.picture import DECLINES

Row = Mapping[str, Any]
UNDECIDED = frozenset({"REQUESTED", "ACKNOWLEDGED"})
OVER = 2
"""At this level of the ladder the coordination is told."""
OFTEN, LONGEST = 3, 20
"""So often for one reason is worth a look; so many lines are shown."""
OF_THE_DIRECTORY = ("reroute_and_flag_rule", "reroute_and_correct_directory")
"""Next steps of reasons that say that the directory has it wrong."""


@dataclass(frozen=True, slots=True)
class Desk:
    """How one agency stands. waiting: asked and not decided; rate: of those asked in the time looked at, how many were
    answered (0 to 1, None when none was asked); median: from being asked to the answer.
    """

    agency: str
    waiting: int
    late: int
    oldest: datetime | None
    asked: int
    rate: float | None
    median: timedelta | None


@dataclass(frozen=True, slots=True)
class Unmet:
    service: str
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Declined:
    """Why one agency said no, and which rule was not met where one was named. often: the directory may need a look."""

    agency: str
    reason: str
    rule: str | None
    count: int

    @property
    def often(self) -> bool:
        return self.count >= OFTEN and codes.codes(DECLINES)[self.reason]["next"] in OF_THE_DIRECTORY


@dataclass(frozen=True, slots=True)
class Board:
    waiting: int
    late: int
    climbed: int
    oldest: datetime | None
    desks: tuple[Desk, ...]
    declined: tuple[Declined, ...]
    unmet: tuple[Unmet, ...]


def board(rows: Iterable[Row], unmet: Iterable[Row], now: datetime) -> Board:
    """rows: the referrals of the city that were sent in the time looked at, or are open; unmet: final records of it.

    What was entered in error counts for nothing.
    """
    received: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["receiver_agency"] and row["sent_at"] and not row["in_error"]:
            received[row["receiver_agency"]].append(row)
    desks = sorted(
        (_desk(agency, of, now) for agency, of in received.items()), key=lambda d: (-d.late, -d.waiting, d.agency)
    )
    waits = [row for of in received.values() for row in of if _waits(row)]
    return Board(
        waiting=len(waits),
        late=sum(_is_late(row, now) for row in waits),
        climbed=sum(row["level"] >= OVER for row in waits),
        oldest=min((row["sent_at"] for row in waits), default=None),
        desks=tuple(desks),
        declined=_declined(row for of in received.values() for row in of),
        unmet=_counted(unmet),
    )


def _desk(agency: str, rows: list[Row], now: datetime) -> Desk:
    waits = [row for row in rows if _waits(row)]
    took = [row["answered_at"] - row["sent_at"] for row in rows if row["answered_at"]]
    return Desk(
        agency=agency,
        waiting=len(waits),
        late=sum(_is_late(row, now) for row in waits),
        oldest=min((row["sent_at"] for row in waits), default=None),
        asked=len(rows),
        rate=len(took) / len(rows) if rows else None,
        median=median(took) if took else None,
    )


def _waits(row: Row) -> bool:
    return row["state"] in UNDECIDED


def _is_late(row: Row, now: datetime) -> bool:
    return row["due_at"] is not None and row["due_at"] < now


def _declined(rows: Iterable[Row]) -> tuple[Declined, ...]:
    ends = ((row["receiver_agency"], row.get("ended"), row.get("failed_rule")) for row in rows)
    counts = Counter((agency, end[1], rule) for agency, end, rule in ends if end and end[0] == DECLINES)
    return tuple(Declined(*why, n) for why, n in counts.most_common(LONGEST))


def _counted(unmet: Iterable[Row]) -> tuple[Unmet, ...]:
    """By what boards say for a service: a sensitive one never shows its real code."""
    counts = Counter((codes.bus_code(row["service"]), row["reason"]) for row in unmet)
    return tuple(Unmet(service, reason, n) for (service, reason), n in counts.most_common())
