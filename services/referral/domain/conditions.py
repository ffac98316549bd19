"""What has to be recorded before a reason may be given: attempts to reach the person, missed appointments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts import codes
from services.referral.domain import appointments
from services.referral.domain.appointments import NO_SHOW, Appointments

RESULTS = codes.codes("reports", "contact_results")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The receiver tried to reach the person. result: a code of `reports.json`."""

    at: datetime
    channel: str
    result: str


def are_met(conditions: Mapping[str, Any], attempts: Iterable[Attempt], fixed: Appointments, now: datetime) -> bool:
    """Whether every condition of a reason (`decline_reasons.json`, `closure_outcomes.json`) holds on what is recorded.

    within_days: only attempts of so many days count, and of these only those that did not reach the person.
    """
    since = now - timedelta(days=conditions.get("within_days", 0))
    vain = [attempt for attempt in attempts if attempt.at >= since and not RESULTS[attempt.result]["reached"]]
    found = {
        "min_attempts": len(vain),
        "min_channels": len({attempt.channel for attempt in vain}),
        "min_no_shows": appointments.count(fixed, NO_SHOW),
        "second_slot_offered": appointments.second_slot_was_offered(fixed),
    }
    return all(found[name] >= wanted for name, wanted in conditions.items() if name != "within_days")
