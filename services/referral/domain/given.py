"""Timers that run to an instant that somebody gave, and not for as long as `priorities.json` says."""

from datetime import date, datetime, timedelta
from typing import Any

from contracts import codes
from services.referral.domain import clocks
from services.referral.domain.clocks import CLOSES, OPENS, Calendar

AT_LEAST = timedelta(hours=4)
"""What is left to decide for who takes an acceptance back, however late it was given (`transitions.json`, T15)."""

LONGEST_REVIEW: int = clocks.of_review("hold_review_max")["amount"]


def review_due(day: date, calendar: Calendar) -> datetime:
    """A review is due before the desks of the city close on the day that was given."""
    return calendar.at(day, CLOSES)


def is_review_date(day: date, reason: dict[str, Any], now: datetime, calendar: Calendar) -> bool:
    """Still to come, and no later than the reason and the policy allow."""
    today = calendar.day_of(now)
    longest = timedelta(days=min(LONGEST_REVIEW, reason["max_days_to_review"]))
    return today < day <= today + longest


def decide_again(priority: str, accepted_at: datetime, due_at: datetime, now: datetime, calendar: Calendar) -> datetime:
    """What was left to decide at acceptance, on the same clock, begins anew: accepting early never buys time."""
    if codes.codes("priorities")[priority]["limits"]["decide"]["clock"] == "business":
        left = business_time(accepted_at, due_at, calendar)
        return clocks.after_business_time(max(left, AT_LEAST), now, calendar)
    return now + max(due_at - accepted_at, AT_LEAST)


def business_time(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """How long the desks of the city are open between two instants."""
    day, last, total = calendar.day_of(start), calendar.day_of(end), timedelta(0)
    while day <= last:
        if calendar.works_on(day):
            opens, closes = max(start, calendar.at(day, OPENS)), min(end, calendar.at(day, CLOSES))
            total += max(closes - opens, timedelta(0))
        day += timedelta(days=1)
    return total
