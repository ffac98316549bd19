"""Two people who may be one: their desk has a task, and once people link them, what is open for one is for both."""

from collections.abc import Iterable
from uuid import UUID, uuid5

from contracts.identity import DuplicateDecided, DuplicateEvent, DuplicateSuspected
from contracts.journeys import OpenTask, SettleTask

KIND = "same_person"
PUT_OFF = "later"


def asked_by(event: DuplicateSuspected | DuplicateDecided) -> OpenTask | SettleTask | None:
    """A suspicion opens a task, and a decision ends it; who puts it off still has it."""
    match event:
        case DuplicateSuspected():
            return OpenTask(
                task_id=_task_id(event),
                kind=KIND,
                journey_id=event.intake_id,
                service=event.service,
                agency=event.sender_agency,
                queue=event.sender_queue,
                city=event.city,
                next=KIND,
            )
        case DuplicateDecided(decision=decision) if decision != PUT_OFF:
            return SettleTask(task_id=_task_id(event))
        case _:
            return None


def one_person(person_ref: str, linked: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """The other names of this person. linked: at least every pair that one of them is in."""
    found, edges = {person_ref}, [set(pair) for pair in linked]
    while more := [edge for edge in edges if edge & found and not edge <= found]:
        found.update(*more)
    return tuple(sorted(found - {person_ref}))


def _task_id(event: DuplicateEvent) -> UUID:
    return uuid5(event.pair_id, "task:same_person")
