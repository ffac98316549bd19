"""What follows when a referral has moved: who is asked next, who has to decide, and what the journey learns."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts import codes
from contracts.commands import Need, OpenReferral
from contracts.directory import Agency
from contracts.journeys import EndNeed, OpenTask, SettleTask
from contracts.values import Message
from services.referral.domain import serving
from services.referral.domain.case import Case
from services.referral.domain.journey import IN_ERROR
from services.referral.domain.referral import Referral, raised, successor_id
from services.referral.domain.table import NOBODY_WAITS

NOTHING_FURTHER = "none"
REVIEW, DECIDES = "coordinator_review", "sender_decides"
"""The next step of a reason that never goes on by itself, and the kind of the queue that a city is coordinated from."""
RAISES_PRIORITY, CORRECTS = "raise_priority_and_reroute", "reroute_and_correct_directory"
TO_THEIR_CITY = "reroute_to_city_of_presence"
CORRECTIONS = uuid5(NAMESPACE_URL, "staffetta:corrections")


def follow(moved: Referral, case: Case) -> list[Message]:
    """When the state was reached by this command; of what is recorded beside it, only that it was an error."""
    if case.command.command == "flag_in_error":
        return [ended(moved, IN_ERROR)]
    after = AFTER.get(case.row.to) if case.row else None
    return after(moved, case) if after else []


def goes_on(case: Case) -> bool:
    """Whether another agency is asked without asking the sender first: also when it was declined for such a reason."""
    return case.command.command in ("pass_on", "expire") or _goes_on_by_itself(case.referral, _reason(case))


def next_step(over: Referral, reason: Mapping[str, Any]) -> str | None:
    """What the reason asks for. Where an agency of the person's own city calls it the wrong one, it is in vain to ask
    the others there: its sender decides.
    """
    return DECIDES if reason.get("unless_own_city") and not _is_elsewhere(over) else reason.get("next")


def _goes_on_by_itself(over: Referral, reason: dict[str, Any]) -> bool:
    return bool(reason.get("auto_reroute")) and next_step(over, reason) != DECIDES


def _is_elsewhere(over: Referral) -> bool:
    """Whether it lay in another city than the person's."""
    return over.place is not None and over.place.city != over.need.city_of_presence


def ended(referral: Referral, outcome: str, reason: str | None = None) -> EndNeed:
    """What the journey is told of the need that this referral was to answer."""
    need = referral.need
    return EndNeed(journey_id=need.journey_id, need_id=need.need_id, service=need.service, priority=need.priority,
                   referral_id=referral.referral_id, outcome=outcome, reason=reason)  # fmt: skip


def leaning(referral: Referral, on: UUID, reason: str | None = None) -> EndNeed:
    """The same of a need that leans on another referral: it will be told what becomes of that one."""
    known = {"linked_referral_id": on, "person_ref": referral.need.person_ref}
    return ended(referral, "linked", reason).model_copy(update=known)


def task(referral: Referral, kind: str, reason: str | None, documents: tuple[str, ...] = ()) -> OpenTask:
    """The sender has to decide; kind is the next action that the reason asks for."""
    need = referral.need
    return OpenTask(
        task_id=task_id(referral, kind, referral.version),
        kind=kind,
        journey_id=need.journey_id,
        referral_id=referral.referral_id,
        service=need.service,
        agency=need.sender_agency,
        queue=need.sender_queue,
        city=need.sender_city,
        reason=reason,
        next=kind,
        documents=documents,
        code=referral.code,
        priority=need.priority,
    )


def task_of_receiver(referral: Referral, kind: str, reason: str | None) -> OpenTask:
    """Where the receiver has to decide."""
    place = referral.place
    assert place, "it was received"
    own = {"agency": place.agency, "queue": place.queue, "city": place.city}
    return task(referral, kind, reason).model_copy(update=own)


def _sent(moved: Referral, case: Case) -> list[Message]:
    """The journey need not send a draft that its sender has sent."""
    return [ended(moved, "sent")] if case.role == "sender" else []


def _declined(moved: Referral, case: Case) -> list[Message]:
    reason, other = _reason(case), case.facts.served_by
    if other and serving.leans_on(moved, other, reason):
        return [leaning(moved, other.referral_id, reason["code"])]
    if not goes_on(case):
        step = next_step(moved, reason)
        assert step, "a reason to decline says what comes next"
        todo = task(moved, step, reason["code"], tuple(case.command.documents or ()))
        return [ended(moved, "ended", reason["code"]), _reviewed(todo, case)]
    return _asked_elsewhere(moved, case)


def _reviewed(todo: OpenTask, case: Case) -> OpenTask:
    """What may never go on by itself is for the coordination of the city; for the sender where none works, or where
    the person excluded it.
    """
    if todo.kind != REVIEW or case.facts.lead is None:
        return todo
    return coordinated(todo, case.facts.lead)


def coordinated(todo: OpenTask, lead: Agency) -> OpenTask:
    """The same task for who coordinates the city."""
    return todo.model_copy(update=desk_of(lead))


def desk_of(lead: Agency) -> dict[str, Any]:
    """Whose a task is that somebody who coordinates has to look at. lead: an agency with a queue for it."""
    assert lead.coordination, "it coordinates"
    return {"agency": lead.code, "queue": lead.coordination.code, "city": lead.city, "next": REVIEW}


def desk_of_sender(need: Need) -> dict[str, Any]:
    """Whose it is where nobody who coordinates may look at it, or can."""
    return {"agency": need.sender_agency, "queue": need.sender_queue, "city": need.sender_city}


def asked_onward(case: Case) -> list[Message]:
    """The successor that its sender wants; with it the sender's task about the decline is done, and the need leans on
    nothing any more.
    """
    over, asked = case.referral, {"asked": case.command.asked}
    successor, left = _successor(over, case).model_copy(update=asked), _left_to_people(over)
    leant = [ended(over, "sent")] if left and left[0] == serving.LINK else []
    return [successor, *leant, *([SettleTask(task_id=task_id(over, *left))] if left else [])]


def is_senders_choice(over: Referral, lead: Agency | None) -> bool:
    """Unless the reason leaves what follows to who coordinates the city or, but for an emergency, to the referral that
    serves the person.
    """
    left = _left_to_people(over)
    of_others = {REVIEW: lead is not None, serving.LINK: over.need.priority != NOBODY_WAITS}
    return not over.is_open and not (left and of_others.get(left[0], False))


def _left_to_people(over: Referral) -> tuple[str, int] | None:
    """The next step that a decline asks of people, and the version that it made; None where nobody was asked."""
    end = next((entry for entry in over.history if entry.state == "DECLINED" and entry.reason), None)
    reason = codes.codes("decline_reasons")[str(end.reason)] if end else {}
    step = next_step(over, reason)
    return (step, end.version) if end and step and not _goes_on_by_itself(over, reason) else None


def task_id(referral: Referral, kind: str, version: int) -> UUID:
    return uuid5(referral.referral_id, f"task:{kind}:{version}")


def _asked_elsewhere(moved: Referral, case: Case) -> list[Message]:
    """Where there was no room for the person, that is recorded, too."""
    reason = _reason(case)
    unmet = [ended(moved, "no_capacity", reason["code"])] if reason.get("counts_unmet_need") else []
    return [*unmet, _successor(moved, case), *_put_right(moved, case)]


def _put_right(moved: Referral, case: Case) -> list[Message]:
    """Where the directory says what is not so, whoever was asked has a task about it: once a week for an offer."""
    reason = _reason(case)
    if reason.get("next") != CORRECTS or moved.place is None:
        return []
    year, week, _ = case.facts.now.isocalendar()
    id = uuid5(CORRECTIONS, f"{moved.place.offer}/{year}-{week}")
    of_the_offer = {"task_id": id, "referral_id": None, "code": None, "offer": moved.place.offer, "priority": None}
    return [task_of_receiver(moved, CORRECTS, reason["code"]).model_copy(update=of_the_offer)]


def _closed(moved: Referral, case: Case) -> list[Message]:
    reason = _reason(case)
    return [ended(moved, "served" if reason["served"] else "ended", reason["code"]), *_next_step(moved, case)]


def _withdrawn(moved: Referral, case: Case) -> list[Message]:
    """A sender who withdraws has decided already, but for what the coordination of the city is to look at."""
    reason = _reason(case)
    told = ended(moved, "gave_up" if reason.get("counts_unmet_need") else "ended", reason["code"])
    coordinated = reason["next"] == REVIEW and case.facts.lead is not None
    return [told, *_next_step(moved, case)] if case.role != "sender" or coordinated else [told]


def _revoked(moved: Referral, case: Case) -> list[Message]:
    return [ended(moved, "ended", _reason(case)["code"]), *_next_step(moved, case)]


def _in_error(moved: Referral, case: Case) -> list[Message]:
    """A sender who takes back what should never have been has decided already."""
    told = ended(moved, "ended", IN_ERROR)
    return [told] if case.role == "sender" else [told, task(moved, "sender_decides", IN_ERROR)]


def _goes_on_after_all(moved: Referral, case: Case) -> list[Message]:
    return [ended(moved, "reopened")] if case.command.command == "reopen" else []


def _next_step(moved: Referral, case: Case) -> list[Message]:
    reason = _reason(case)
    return [] if reason["next"] == NOTHING_FURTHER else [_reviewed(task(moved, reason["next"], reason["code"]), case)]


def _successor(moved: Referral, case: Case) -> OpenReferral:
    asked = (moved.place.agency,) if moved.place else ()
    return OpenReferral(
        referral_id=successor_id(moved.referral_id),
        need=_need_of_successor(moved, case),
        predecessor_id=moved.referral_id,
        hop=moved.hop + 1,
        tried=(*moved.tried, *asked),
        next_agency=case.command.next_agency if case.command.command in ("pass_on", "open") else None,
    )


def _need_of_successor(moved: Referral, case: Case) -> Need:
    next_step = _reason(case).get("next")
    if next_step == RAISES_PRIORITY:
        return raised(moved.need)
    if next_step == TO_THEIR_CITY and case.command.command == "decline" and _is_elsewhere(moved):
        return moved.need.model_copy(update={"willing_to_travel": ()})
    return moved.need


def _reason(case: Case) -> dict[str, Any]:
    return case.reason or {}


AFTER: dict[str, Callable[[Referral, Case], list[Message]]] = {
    "REQUESTED": _sent,
    "DECLINED": _declined,
    "REROUTED": _asked_elsewhere,
    "EXPIRED": _asked_elsewhere,
    "CLOSED": _closed,
    "WITHDRAWN": _withdrawn,
    "REVOKED": _revoked,
    "ENTERED_IN_ERROR": _in_error,
    "IN_SERVICE": _goes_on_after_all,
}
