"""The second look at a vital interest: a supervisor who has not stated it confirms it within 72 hours, or it ends."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from contracts import codes
from contracts.values import SharingBasis

VITAL, SUPERVISOR = "vital_interest", "supervisor"
NOT_CONFIRMED = "vital_interest_not_confirmed"
"""Why one ends that nobody confirms in time, or that its own agency finds to be none (`withdraw_reasons.json`)."""
WITHIN = timedelta(hours=codes.table("priorities")["review_defaults"]["vital_interest_second_review"]["amount"])


@dataclass(frozen=True, slots=True)
class Review:
    """What waits to be confirmed, and until when. version: of the sharing bases when it was asked for.

    by: who has stated one of them or given it new dates, as far as is known; reason: why, in their words.
    """

    version: int
    basis_ids: tuple[str, ...]
    until: datetime
    by: tuple[str, ...] = ()
    reason: str | None = None

    def id_in(self, intake_id: UUID) -> UUID:
        return uuid5(intake_id, f"review:{self.version}")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """by: the subject of the token; stated_by, reason: of the review."""

    basis_id: str
    at: datetime
    by: str | None
    stated_by: tuple[str, ...] = ()
    reason: str | None = None


Reviews = tuple[Review, ...]


def is_vital(basis: SharingBasis) -> bool:
    return basis.type == VITAL and not basis.refused


def of(reviews: Reviews, ref: str) -> Review | None:
    """Where this basis waits to be confirmed."""
    return next((review for review in reviews if ref in review.basis_ids), None)


def ask(reviews: Reviews, refs: tuple[str, ...], version: int, by: str | None, reason: str | None,
        now: datetime) -> Reviews:  # fmt: skip
    """One more review of these; one that waits already is put off by no new dates, but has one more author."""
    known = (by,) if by else ()
    if waiting := {review for ref in refs if (review := of(reviews, ref))}:
        return tuple(replace(one, by=(*one.by, *known)) if one in waiting else one for one in reviews)
    return (*reviews, Review(version, refs, now + WITHIN, known, reason)) if refs else reviews


def confirmed(reviews: Reviews, refs: Iterable[str], by: str | None, now: datetime) -> Iterator[Confirmed]:
    """What is kept of them once they wait no more."""
    for ref in refs:
        if review := of(reviews, ref):
            yield Confirmed(ref, now, by, review.by, review.reason)


def without(reviews: Reviews, refs: Collection[str]) -> Reviews:
    """A review of which nothing is left is over."""
    left = (replace(one, basis_ids=tuple(ref for ref in one.basis_ids if ref not in refs)) for one in reviews)
    return tuple(one for one in left if one.basis_ids)


def over(before: Reviews, after: Reviews, intake_id: UUID) -> tuple[UUID, ...]:
    left = {review.version for review in after}
    return tuple(review.id_in(intake_id) for review in before if review.version not in left)


def late(reviews: Iterable[Review], now: datetime) -> tuple[str, ...]:
    """What nobody has confirmed in time."""
    return tuple(ref for review in reviews if review.until <= now for ref in review.basis_ids)
