"""Until when somebody has time: the limits of `priorities.json` on the clock of a city."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from contracts import codes
from contracts.directory import StricterLimit

Limit = dict[str, Any]

HOURS = codes.table("priorities")["business_hours"]
OPENS, CLOSES = time.fromisoformat(HOURS["from"]), time.fromisoformat(HOURS["to"])
A_DAY = timedelta(hours=HOURS["hours_per_day"])
WEEKDAYS = frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day) for day in HOURS["weekdays"])


@dataclass(frozen=True, slots=True)
class Calendar:
    """The clock of one city: its time zone, and the days on which it rests beside weekends."""

    zone: tzinfo
    holidays: frozenset[date]

    def works_on(self, day: date) -> bool:
        return day.weekday() in WEEKDAYS and day not in self.holidays

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, self.zone).astimezone(UTC)


def due(limit: Limit, start: datetime, calendar: Calendar, percent: int = 100) -> datetime:
    """The instant (UTC) at which so much of a limit of `priorities.json` that began at `start` is over.

    Wall hours are real time; days of the calendar keep the hour of the city, also when the clocks change. A business
    day is nine business hours. A limit in calendar days that ends on a day of rest moves on when it has a rollover.
    """
    amount = int(limit["amount"]) * percent / 100
    start = start.astimezone(UTC)  # adding hours to a local time would follow the hands of the clock
    match limit["unit"], limit["clock"]:
        case "minute", _:
            return start + timedelta(minutes=amount)
        case "hour", "wall":
            return start + timedelta(hours=amount)
        case "hour", "business":
            return _business(timedelta(hours=amount), start, calendar)
        case "business_day", _:
            return _business(amount * A_DAY, start, calendar)
        case "calendar_day", _:
            return _days_later(timedelta(days=amount), start, calendar, rolls="rollover" in limit)
    raise ValueError(f"no clock for {limit['unit']} on {limit['clock']}")


def of_timer(code: str, priority: str, service: str, stricter: Iterable[StricterLimit] = ()) -> Limit:
    """The limit of a timer of `transitions.json`, for a referral of this priority to this service.

    stricter: what the receiving agency and its city keep shorter; the shortest counts.
    """
    where, _, name = codes.codes("transitions", "timers")[code]["limit_from"].partition(".")
    if where == "review_defaults":
        return of_review(name)
    if where == "seat_hold":
        return of_seat_hold(service)
    return of_priority(priority, name, stricter)


def of_priority(priority: str, name: str, stricter: Iterable[StricterLimit] = ()) -> Limit:
    limit: Limit = codes.codes("priorities")[priority]["limits"][name]
    shorter = (kept.amount for kept in stricter if (kept.priority, kept.limit) == (priority, name))
    return limit | {"amount": min([limit["amount"], *shorter])}


def of_city(city: str) -> tuple[StricterLimit, ...]:
    """What a city keeps shorter (`cities.json`)."""
    return tuple(StricterLimit.model_validate(kept) for kept in codes.codes("cities")[city].get("limits", ()))


def of_review(code: str) -> Limit:
    """A limit that is the same for every priority (`review_defaults`)."""
    limit: Limit = codes.table("priorities")["review_defaults"][code]
    return limit


def of_seat_hold(service: str) -> Limit:
    """How long a place is held for the head of a waitlist, by what a place of this service is."""
    limit: Limit = codes.table("priorities")["seat_hold"][codes.codes("services")[service]["capacity_kind"]]
    return limit


def _days_later(later: timedelta, start: datetime, calendar: Calendar, *, rolls: bool) -> datetime:
    local = start.astimezone(calendar.zone).replace(tzinfo=None) + later  # by the hands of the city's clock
    day = local.date()
    while rolls and not calendar.works_on(day):
        day += timedelta(days=1)
    return calendar.at(day, local.time())


def after_business_time(left: timedelta, start: datetime, calendar: Calendar) -> datetime:
    """When desks have been open for so long since `start`."""
    return _business(left, start, calendar)


def _business(left: timedelta, start: datetime, calendar: Calendar) -> datetime:
    """Counts only while desks are open; what begins in the night begins when they open."""
    day, begins = calendar.day_of(start), start
    while True:
        if calendar.works_on(day):
            begins, ends = max(begins, calendar.at(day, OPENS)), calendar.at(day, CLOSES)
            if begins + left <= ends:
                return begins + left
            left -= max(ends - begins, timedelta(0))
        day += timedelta(days=1)
