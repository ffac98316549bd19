"""What follows when a referral has moved: who is asked next, who has to decide, and what the journey learns."""

from collections.abc import Callable
from typing import Any
from uuid import uuid5

from contracts.commands import EndNeed, OpenReferral, OpenTask
from contracts.values import Message
from services.referral.domain.case import Case
from services.referral.domain.referral import Referral, raised, successor_id

NOTHING_FURTHER = "none"
RAISES_PRIORITY = "raise_priority_and_reroute"


def follow(moved: Referral, case: Case) -> list[Message]:
    after = AFTER.get(moved.state)
    return after(moved, case) if after else []


def goes_on(case: Case) -> bool:
    """Whether another agency is asked without asking the sender first: passed on, or declined for such a reason."""
    return case.command.command == "pass_on" or bool(_reason(case).get("auto_reroute"))


def ended(referral: Referral, outcome: str, reason: str | None = None) -> EndNeed:
    """What the journey is told of the need that this referral was to answer."""
    need = referral.need
    return EndNeed(journey_id=need.journey_id, need_id=need.need_id, service=need.service,
                   referral_id=referral.referral_id, outcome=outcome, reason=reason)  # fmt: skip


def task(referral: Referral, kind: str, reason: str | None, documents: tuple[str, ...] = ()) -> OpenTask:
    """The sender has to decide; kind is the next action that the reason asks for."""
    need = referral.need
    return OpenTask(
        task_id=uuid5(referral.referral_id, f"task:{kind}:{referral.version}"),
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
    )


def _sent(moved: Referral, case: Case) -> list[Message]:
    """The journey need not send a draft that its sender has sent."""
    return [ended(moved, "sent")] if case.role == "sender" else []


def _declined(moved: Referral, case: Case) -> list[Message]:
    reason = _reason(case)
    if not goes_on(case):
        documents = tuple(case.command.documents or ())
        return [ended(moved, "ended", reason["code"]), task(moved, reason["next"], reason["code"], documents)]
    unmet = [ended(moved, "no_capacity", reason["code"])] if reason["counts_unmet_need"] else []
    return [*unmet, _successor(moved, case)]


def _passed_on(moved: Referral, case: Case) -> list[Message]:
    return [_successor(moved, case)]


def _closed(moved: Referral, case: Case) -> list[Message]:
    reason = _reason(case)
    return [ended(moved, "served" if reason["served"] else "ended", reason["code"]), *_next_step(moved, reason)]


def _withdrawn(moved: Referral, case: Case) -> list[Message]:
    """A sender who withdraws has decided already."""
    reason = _reason(case)
    told = ended(moved, "ended", reason["code"])
    return [told] if case.role == "sender" else [told, *_next_step(moved, reason)]


def _revoked(moved: Referral, case: Case) -> list[Message]:
    reason = _reason(case)
    return [ended(moved, "ended", reason["code"]), *_next_step(moved, reason)]


def _next_step(moved: Referral, reason: dict[str, Any]) -> list[Message]:
    return [] if reason["next"] == NOTHING_FURTHER else [task(moved, reason["next"], reason["code"])]


def _successor(moved: Referral, case: Case) -> OpenReferral:
    asked = (moved.place.agency,) if moved.place else ()
    return OpenReferral(
        referral_id=successor_id(moved.referral_id),
        need=raised(moved.need) if _reason(case)["next"] == RAISES_PRIORITY else moved.need,
        predecessor_id=moved.referral_id,
        hop=moved.hop + 1,
        tried=(*moved.tried, *asked),
        next_agency=case.command.next_agency if moved.state == "REROUTED" else None,
    )


def _reason(case: Case) -> dict[str, Any]:
    return case.reason or {}


AFTER: dict[str, Callable[[Referral, Case], list[Message]]] = {
    "REQUESTED": _sent,
    "DECLINED": _declined,
    "REROUTED": _passed_on,
    "CLOSED": _closed,
    "WITHDRAWN": _withdrawn,
    "REVOKED": _revoked,
}
