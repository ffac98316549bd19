"""Two people who may be one, as their desk sees it: which meeting asks, what agrees, and what may still be said."""

from typing import Any

from contracts.identity import DuplicateDecided, DuplicateEvent, DuplicateSuspected
from services.console.domain.access import COORDINATOR

Doc = dict[str, Any]

SUSPECTED, LATER, SAME, UNDO = "suspected", "later", "same", "undo"
WAITING = (SUSPECTED, LATER)
CHOICES = ("same", "different", "later")


def after(before: Doc | None, event: DuplicateEvent) -> Doc:
    """A row that `access.grants` fits: the desk is its sender. What is read late, as of a desk that was asked before,
    changes nothing.
    """
    if before and event.turn < before.get("turn", 0):
        return before
    doc: Doc = {"reasons": []} | (before or {"_id": str(event.pair_id), "state": SUSPECTED, "asked_at": event.at})
    doc |= {
        "intake_id": str(event.intake_id), "sender_agency": event.sender_agency, "sender_queue": event.sender_queue,
        "cities": [event.city], "service": event.service, "person_refs": list(event.person_refs),
        "changed_at": event.at, "turn": event.turn,
    }  # fmt: skip
    match event:
        case DuplicateSuspected(reasons=reasons):
            return doc | {"reasons": list(reasons), "state": SUSPECTED, "asked_at": event.at}
        case DuplicateDecided(decision=decision):
            return doc | {"state": decision}
        case _:
            return doc


def choices(row: Doc, relations: frozenset[str]) -> tuple[str, ...]:
    """What who sees it as this may say of it."""
    if row["state"] in WAITING:
        return CHOICES if "sender" in relations else ()
    return (UNDO,) if row["state"] == SAME and relations & {"sender", COORDINATOR} else ()
