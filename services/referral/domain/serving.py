"""When a receiver says that the person is served already: by which open referral, and what leans on it then."""

from typing import Any

from services.referral.domain.referral import Referral
from services.referral.domain.table import NOBODY_WAITS

LINK = "link_existing"
"""The next step of a reason of `decline_reasons.json` that names another referral."""


def serves(other: Referral, asked: Referral) -> bool:
    """Whether a referral may be named: it is with somebody for the same service, and for the same person.

    Of a person whom two agencies took in by two names only a receiver that has both can say that they are one.
    """
    if not other.is_open or other.place is None or asked.place is None or other.referral_id == asked.referral_id:
        return False
    here = other.place.agency == asked.place.agency
    return other.need.service == asked.need.service and (here or _same_person(other, asked))


def leans_on(asked: Referral, other: Referral | None, reason: dict[str, Any]) -> bool:
    """Whether the sender may learn of it, and its need is answered as the other's is."""
    if other is None or reason.get("next") != LINK or is_passed_by(other, asked.need.priority):
        return False
    return _same_person(other, asked)


def is_passed_by(other: Referral, priority: str | None) -> bool:
    """An emergency leans on nobody who waits on a list."""
    return waits(other) and priority == NOBODY_WAITS


def waits(other: Referral) -> bool:
    return other.state == "WAITLISTED"


def _same_person(other: Referral, asked: Referral) -> bool:
    return other.need.person_ref == asked.need.person_ref
