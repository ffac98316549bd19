"""What intake tells of vital interests that wait to be confirmed, as the person sees it who is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.console.domain.access import SUPERVISOR, Actor

Doc = dict[str, Any]

KIND = "confirm_vital_interest"
"""Of the task that leads here."""
NOT_CONFIRMED = "vital_interest_not_confirmed"
"""Why its desk takes back what was no vital interest (`withdraw_reasons.json`)."""


@dataclass(frozen=True, slots=True)
class Review:
    """bases: with what each lets whom know. own: whether this person has stated one; may: whether they may confirm."""

    bases: tuple[Doc, ...]
    due_at: datetime
    by: tuple[str, ...]
    reason: str | None
    own: bool
    may: bool


def reviews(met: Doc, actor: Actor) -> list[Review]:
    """met: as intake tells an intake to its own agency."""
    return [_review(waiting, met["sharing_basis"], actor) for waiting in met["reviews"]]


def _review(waiting: Doc, bases: list[Doc], actor: Actor) -> Review:
    own = actor.subject in waiting["by"]
    return Review(
        bases=tuple(basis for basis in bases if basis["basis_id"] in waiting["basis_ids"]),
        due_at=datetime.fromisoformat(waiting["due_at"]),
        by=tuple(waiting["by"]),
        reason=waiting["reason"],
        own=own,
        may=SUPERVISOR in actor.roles and not own,
    )
