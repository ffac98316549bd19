"""How a referral and a task look after each event: the read model that pages are drawn from."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.beside import (
    AppointmentEvent,
    AppointmentScheduled,
    ReceiptConfirmed,
    ReceiptEvent,
    ReferralEscalated,
    TimerCleared,
    TimerEvent,
    TimerFired,
    TimerStarted,
)
from contracts.erasure import ReferralPersonErased
from contracts.events import (
    ReferralAccepted,
    ReferralClosed,
    ReferralDeclined,
    ReferralEnteredInError,
    ReferralEvent,
    ReferralReopened,
    ReferralRerouted,
    ReferralSeatLapsed,
    ReferralSent,
    ReferralWaitlisted,
    ReferralWithdrawn,
    RoutingDecided,
)
from contracts.feeds import FORGOTTEN, KEPT_AFTER
from contracts.journeys import TaskDone, TaskEvent, TaskOverdue
from contracts.notifications import public_code

Doc = dict[str, Any]

STATES = codes.codes("transitions", "states")
OPEN = frozenset(code for code, state in STATES.items() if state["kind"] == "open")
[WITH_APPOINTMENTS] = [c["allowed_in"] for c in codes.commands_on_referrals() if c["command"] == "cancel_appointment"]
"""Whatever leads out of these states cancels what is fixed."""
ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)
WAITING = "WAITLISTED"
"""Who waits for a place is its receiver's, also where none was free and nobody was told before."""

SAID = ("version", "state", "priority", "offer", "hop", "owner")
DECLINES = "decline_reasons"
ADDRESSED = ("sender_agency", "sender_queue", "receiver_agency", "receiver_queue")


NEW: Doc = {
    "code": None, "read_until": None, "why": None, "linked_id": None, "person_ref": None, "person": None,
    "reply_by": None, "sent_at": None, "sender_ref": None, "ended": None, "level": 0,
    "answered_at": None, "in_error": False, "failed_rule": None, "fixed": {}, "owes": None, "erased_at": None,
    "levels": {},
}  # fmt: skip
"""What an event may yet tell."""


def after(before: Doc | None, event: ReferralEvent, cities: list[str]) -> Doc:
    """cities: the sender's and the receiver's."""
    known = NEW | (before or {"_id": str(event.referral_id), "journey_id": str(event.journey_id)})
    doc = known | {name: getattr(event, name) for name in (*SAID, *ADDRESSED, "service")}
    doc |= {
        "code": event.code or known.get("code"),
        "predecessor_id": _text(event.predecessor_id),
        "due_at": event.due_at,
        "open": event.state in OPEN,
        "changed_at": event.at,
        "cities": cities,
    }
    doc |= _told(event, doc) | _answered(event, doc) | _more(event) | _owed(event, doc) | _seat(event)
    doc |= {"fixed": _fixed(event, doc["fixed"]), "levels": _levels(event, doc["levels"])}
    return doc | {"shown_to": event.receiver_agency if doc["open"] and doc["read_until"] == ALWAYS else None}


COUNTED = (
    "state", "receiver_agency", "sent_at", "answered_at", "due_at", "level", "journey_id", "service", "hop",
    "sender_agency", "in_error", "ended", "failed_rule",
)  # fmt: skip


def counted(doc: Doc | None) -> Doc | None:
    """What a city's board and the national desk's page count of a referral, and no more. None before it was sent."""
    return {name: doc.get(name) for name in COUNTED} if doc and doc["sent_at"] else None


def week_of(at: datetime) -> datetime:
    """Its Monday. A board reads thousands of referrals: what it counts of those sent in one week lies together."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def tally(before: Doc | None, city: str, partition: int, referral_id: str, counted: Doc) -> Doc:
    """The document of a city, a week and a partition, so that no two workers write the same."""
    week = week_of(counted["sent_at"])
    known = before or {"_id": tally_id(city, week, partition), "city": city, "week": week, "of": {}}
    return known | {"of": known["of"] | {referral_id: counted}}


def tally_id(city: str, at: datetime, partition: int) -> str:
    return f"{city}/{week_of(at):%Y-%m-%d}/{partition}"


def _answered(event: ReferralEvent, doc: Doc) -> Doc:
    """When the receiver first decided."""
    decides = isinstance(event, (ReferralAccepted, ReferralDeclined, ReferralRerouted, ReferralWaitlisted))
    return {"answered_at": event.at} if decides and event.by == "receiver" and not doc["answered_at"] else {}


def _fixed(event: ReferralEvent, known: Doc) -> Doc:
    """When the person is still expected, by the appointment's number."""
    if event.state not in WITH_APPOINTMENTS:
        return {}
    match event:
        case AppointmentScheduled(appointment=number):
            return known | {str(number): event.starts_at}
        case AppointmentEvent(appointment=number):
            return {n: at for n, at in known.items() if n != str(number)}
        case _:
            return known


def _levels(event: ReferralEvent, known: Doc) -> Doc:
    """How far each timer has climbed that runs and was told of, by its code."""
    match event:
        case TimerStarted(timer=code) | TimerCleared(timer=code):
            return {timer: level for timer, level in known.items() if timer != code}
        case TimerFired(timer=code, level=level) | ReferralEscalated(timer=code, level=level):
            return known | {code: max(level, known.get(code, 0))}
        case _:
            return known


def _told(event: ReferralEvent, doc: Doc) -> Doc:
    """Until when the receiver may look: from when it is told, while the referral is open, and a while after its end,
    which what is said of it later makes no longer.
    """
    gone = isinstance(event, ReferralEnteredInError | ReferralPersonErased) or doc["erased_at"]
    if event.state in FORGOTTEN or gone or event.receiver_agency is None:
        return {"read_until": None}
    if (isinstance(event, ReferralSent) and event.seat != "asked") or event.state == WAITING:
        return {"read_until": ALWAYS}
    if doc["read_until"] is None or event.state in OPEN:
        return {"read_until": doc["read_until"] and ALWAYS}
    return {"read_until": event.at + KEPT_AFTER} if doc["read_until"] == ALWAYS else {}


def _seat(event: ReferralEvent) -> Doc:
    """Until when a place is held for the person. Of what was kept before this was, it stays unknown."""
    match event:
        case ReferralSent(place_until=until, seat=seat):
            return {"seat_until": until if seat == "held" else None}
        case ReferralWaitlisted() | ReferralSeatLapsed():
            return {"seat_until": None}
        case _:
            return {}


def _owed(event: ReferralEvent, doc: Doc) -> Doc:
    """Which receipt the receiver owes; of two the one that was asked for last, until the other is late."""
    if not isinstance(event, ReceiptEvent):
        return {}
    if isinstance(event, ReceiptConfirmed):
        return {"owes": None} if doc["owes"] == event.obligation else {}
    return {"owes": event.obligation}


def _more(event: ReferralEvent) -> Doc:
    match event:
        case RoutingDecided():
            why = event.model_dump(mode="json", include={"rule_set", "candidates", "out", "out_by_area"})
            return {"why": why, "linked_id": _text(event.linked_referral_id)}
        case ReferralSent():
            about = {"person_ref": event.person_ref, "person": event.person.model_dump(mode="json")}
            return about | {"reply_by": event.reply_by, "sent_at": event.at, "sender_ref": event.sender_ref}
        case ReferralDeclined(decline_reason=reason) | ReferralRerouted(decline_reason=reason):
            return {"ended": [DECLINES, reason], "failed_rule": event.failed_rule}
        case ReferralClosed(closure_outcome=outcome):
            return {"ended": ["closure_outcomes", outcome]}
        case ReferralWithdrawn(withdraw_reason=reason):
            return {"ended": ["withdraw_reasons", reason]}
        case ReferralReopened():
            return {"ended": None}
        case TimerFired(level=level) | ReferralEscalated(level=level):
            return {"level": level}
        case _:
            return _gone(event)


def _gone(event: ReferralEvent) -> Doc:
    """What was no referral at all, or is about nobody any more."""
    match event:
        case ReferralEnteredInError():
            return {"in_error": True}
        case ReferralPersonErased():
            return {"erased_at": event.at, "person": None}
        case _:
            return {}


TOLD = ("decline_reason", "closure_outcome", "withdraw_reason", "revoke_cause", "hold_reason", "update_code", "channel",
        "result", "contact_mode", "timer", "level", "percent", "notify", "next_agency", "priority_before",
        "appointment", "documents", "starts_at", "receipt_due_at", "obligation", "assigned_worker", "text_id", "seat",
        "position", "next", "lapse_cause", "further", "not_to_be_used", "why")  # fmt: skip
QUIET = ("staffetta.timer.started.v1", "staffetta.timer.cleared.v1")
"""What is said beside another event that people are told of; that a step of a timer climbs is said so too."""


def entry(event: ReferralEvent, id: str, place: int) -> Doc | None:
    """The line of a timeline; None for what tells people nothing. place: the order of lines of the same version."""
    if event.TYPE in QUIET or (isinstance(event, ReferralEscalated) and not event.notify):
        return None
    said = event.model_dump(mode="json", include=set(TOLD))
    line = {"_id": id, "referral_id": str(event.referral_id), "version": event.version, "place": place}
    who = _speaker(event)
    return line | {"type": event.TYPE, "at": event.at, "by": event.by, "who": who, "state": event.state, "said": said}


def _speaker(event: ReferralEvent) -> str | None:
    """Which agency did it."""
    if isinstance(event, (TimerEvent, RoutingDecided)):
        return None
    if isinstance(event, (AppointmentEvent, ReceiptEvent)) or event.by == "receiver":
        return event.receiver_agency
    return event.sender_agency if event.by == "sender" else None


def code_of(task: Doc) -> str | None:
    """What people call the need that a task is about; None for a task about no need."""
    if task["referral_id"] is None:
        return None
    return task.get("code") or public_code(UUID(task["referral_id"]), next(iter(task["cities"]), None))


READ_AS = str.maketrans("OIL", "011")
"""Letters that no code has, and the digits that they were read as."""


def code_said(said: str) -> str:
    """A code as `public_code` makes it, however people say it: `pa 7k3m9q`, `PA7K3M9Q`. What is no code stays."""
    signs = "".join(sign for sign in said.upper() if sign.isalnum())
    return f"{signs[:2]}-{signs[2:].translate(READ_AS)}" if len(signs) == len("PA7K3M9Q") else said.upper()


def reference_said(said: str) -> list[str]:
    """An agency's own reference as it may be written there: people type `cart-12` for `CART-12`."""
    return sorted({said, said.upper(), said.lower()})


UNTOLD = ("percent", "notify", "coordination_withheld")
"""What no page says of a task."""


def task_after(before: Doc | None, event: TaskEvent, cities: list[str]) -> Doc:
    """One that is opened again begins anew."""
    new: Doc = {"_id": str(event.task_id), "opened_at": event.at, "level": 0}
    doc = before if before and before["open"] else new
    doc |= event.model_dump(mode="json", exclude={"task_id", "at", "due_at", *UNTOLD})
    level = {"level": event.level} if isinstance(event, TaskOverdue) else {}
    done = {"open": not isinstance(event, TaskDone), "due_at": event.due_at, "changed_at": event.at, "cities": cities}
    return doc | done | level


def _text(id: object) -> str | None:
    return str(id) if id is not None else None
