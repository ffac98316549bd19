"""A referral: one request to one offer for one person and service, with its timers and all that happened to it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from contracts.commands import Need
from contracts.directory import StricterLimit
from contracts.journeys import EndNeed
from contracts.notifications import public_code
from contracts.values import basis_id
from services.referral.domain import clocks, given, table, timers
from services.referral.domain.appointments import Appointments
from services.referral.domain.clocks import Calendar
from services.referral.domain.conditions import Attempt
from services.referral.domain.receipts import Receipts
from services.referral.domain.routing import Place
from services.referral.domain.timers import Reach, Timer

FROM_SENT = frozenset({"acknowledge", "decide", "first_contact"})
"""Timers that run from the moment the receiver was asked, unless the person has waited (`priorities.json`)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted command in the referral's history; `by` is a role, `reason` a code of the command's list."""

    version: int
    at: datetime
    command: str
    by: str
    agency: str | None
    state: str
    events: tuple[str, ...]
    reason: str | None = None
    text_id: UUID | None = None


TOLD_BY = frozenset({"referral.seat_held", "referral.seat_offered", "referral.waitlisted"})
"""What a receiver first hears of a referral for which a place was asked for."""

Seat = Literal["none", "asked", "held", "waiting", "confirmed", "lost", "given_back"]
"""The place at the offer: nobody counts it; asked for; held (until `seat_until`); waited for (joined the waitlist at
`position`); confirmed; held no longer; given back.
"""


@dataclass(frozen=True, slots=True)
class Referral:
    """tried: agencies asked before this one. successor_id: the referral that took over, once one was looked for.

    decide_due_at: until when there was time to decide, as it was at acceptance. review_date: of the hold. in_error: it
    should never have been, and counts no more. erased_at: since when nothing is kept of who the person is. attempts,
    appointments, receipts: what is recorded beside the state. served_too: needs that leaned on it when it was closed.
    """

    referral_id: UUID
    need: Need
    state: str = ""
    version: int = 0
    hop: int = 0
    tried: tuple[str, ...] = ()
    predecessor_id: UUID | None = None
    successor_id: UUID | None = None
    place: Place | None = None
    rule_set: str | None = None
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    assigned_worker: str | None = None
    seat: Seat = "none"
    seat_until: datetime | None = None
    position: int | None = None
    decide_due_at: datetime | None = None
    review_date: date | None = None
    closed_at: datetime | None = None
    in_error: bool = False
    erased_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    appointments: Appointments = ()
    receipts: Receipts = ()
    timers: tuple[Timer, ...] = ()
    history: tuple[Entry, ...] = ()
    served_too: tuple[EndNeed, ...] = ()

    @property
    def code(self) -> str:
        """What people call it."""
        return public_code(self.referral_id, self.need.sender_city)

    @property
    def basis_id(self) -> UUID | None:
        """The network's own name of the sharing basis that it rests on."""
        return basis_id(self.need.intake_id, self.place.basis) if self.place and self.place.basis else None

    @property
    def is_open(self) -> bool:
        return self.state in table.OPEN_STATES

    @property
    def due_at(self) -> datetime | None:
        """When the earliest running timer is at 100 percent."""
        return min((timer.due_at for timer in self.timers), default=None)

    def timer(self, code: str) -> Timer | None:
        return next((timer for timer in self.timers if timer.code == code), None)

    @property
    def next_at(self) -> datetime | None:
        """When the next step of any of its timers is due, or a receipt is late."""
        steps = [*(timer.next_at for timer in self.timers), *(receipt.next_at for receipt in self.receipts)]
        return min((at for at in steps if at), default=None)

    @property
    def owner(self) -> str | None:
        """The queue whose turn it is."""
        match table.owner_of(self.state):
            case "sender":
                return self.need.sender_queue
            case "receiver":
                return self.place.queue if self.place else None
        return None

    @property
    def is_told(self) -> bool:
        """Whether its receiver has heard of it: not while the place there is asked for, nor after, if it ended then."""
        if self.place is None or not self.place.counted or self.seat not in ("asked", "given_back"):
            return True
        return self.seat == "given_back" and any(TOLD_BY.intersection(entry.events) for entry in self.history)

    @property
    def link(self) -> str | None:
        """What only one open referral may hold: this person at this offer."""
        return link_of(self.need, self.place) if self.place else None

    @property
    def stricter(self) -> tuple[StricterLimit, ...]:
        """The limits that the agency it lies at, or its city, keeps shorter."""
        return (*self.place.limits, *clocks.of_city(self.place.city)) if self.place else ()

    def roles_of(self, agency: str | None) -> frozenset[str]:
        """As what an agency may speak here; a sender may be its own receiver, a stranger is nothing."""
        held = zip(("sender", "receiver"), self.parties, strict=True)
        return frozenset(role for role, holder in held if agency and holder == agency)

    @property
    def parties(self) -> tuple[str, str | None]:
        """Sender and receiver; a draft has no receiver yet."""
        return self.need.sender_agency, self.place.agency if self.place else None

    @property
    def readers(self) -> tuple[str, str | None]:
        """Who may read of it: its receiver from when it is told."""
        sender, receiver = self.parties
        return sender, receiver if self.is_told else None


def link_of(need: Need, place: Place) -> str:
    return f"{need.person_ref}|{place.offer}"


def successor_id(referral_id: UUID) -> UUID:
    return uuid5(referral_id, "successor")


def run_timers(referral: Referral, row: table.Row, now: datetime, calendar: Calendar) -> tuple[Timer, ...]:
    """Those that go on and those that the row starts; one that runs already starts anew, in full."""
    stopped = {*row.clears, *row.starts}
    waited = "WAITLISTED" in (*row.origins, *(entry.state for entry in referral.history))
    from_sent = frozenset[str]() if waited else FROM_SENT
    started = tuple(_started(code, referral, now, calendar, from_sent) for code in row.starts)
    return (*(timer for timer in referral.timers if timer.code not in stopped), *started)


def _started(code: str, referral: Referral, now: datetime, calendar: Calendar, from_sent: frozenset[str]) -> Timer:
    if due_at := given_due(code, referral, now, calendar):
        return _start(code, referral, now, timers.until(now, due_at), now)
    begins = referral.sent_at or now if code in from_sent else now
    return _start(code, referral, begins, reach_of(code, referral, begins, calendar), now)


def _start(code: str, referral: Referral, begins: datetime, reach: Reach, now: datetime) -> Timer:
    return timers.start(code, referral.version, begins, timers.of_referral(code, referral.need.priority), reach, now)


def reach_of(code: str, referral: Referral, begins: datetime, calendar: Calendar) -> Reach:
    """On the clock of a city, with what its receiver and that city keep shorter; or up to a day that was given."""
    if given := next((t.due_at for t in referral.timers if t.code == code and timers.is_given(code)), None):
        return timers.until(begins, given)
    limit = clocks.of_timer(code, referral.need.priority, referral.need.service, referral.stricter)
    return lambda percent: clocks.due(limit, begins, calendar, percent)


def given_due(code: str, referral: Referral, now: datetime, calendar: Calendar) -> datetime | None:
    """When a timer is due that does not begin in full: a review on its day, what was left to decide at acceptance."""
    match code:
        case "hold_review" if referral.review_date:
            return given.review_due(referral.review_date, calendar)
        case "decide" if referral.accepted_at:
            left_until = referral.decide_due_at or referral.accepted_at
            return given.decide_again(referral.need.priority, referral.accepted_at, left_until, now, calendar)
    return None


def by_priority(referral: Referral, before: str, now: datetime, calendar: Calendar) -> tuple[Timer, ...]:
    """The running timers begun anew by the priority that the referral has now, from where they began.

    One that would be over already begins now, so that nobody who was in time is late at once. A shorter limit, and that
    of a priority more urgent than the one before, gives no more time than there was: no step of it comes later.
    """
    is_raised = table.RANKS[referral.need.priority] < table.RANKS[before]

    def again(timer: Timer) -> Timer:
        begun, anew = (
            _start(timer.code, referral, begins, reach_of(timer.code, referral, begins, calendar), now)
            for begins in (timer.started_at, now)
        )
        new = begun if begun.due_at > now else anew
        return timers.no_later(new, timer) if is_raised or begun.due_at < timer.due_at else new

    return tuple(again(timer) if table.is_by_priority(timer.code) else timer for timer in referral.timers)


def snapshot(referral: Referral, at: datetime, by: str) -> dict[str, Any]:
    """What every event of a referral says (`contracts.events.ReferralEvent`)."""
    need, place = referral.need, referral.place
    return {
        "referral_id": referral.referral_id,
        "code": referral.code,
        "journey_id": need.journey_id,
        "version": referral.version,
        "at": at,
        "by": by,
        "state": referral.state,
        "service": need.service,
        "priority": need.priority,
        "sender_agency": need.sender_agency,
        "sender_queue": need.sender_queue,
        "receiver_agency": place.agency if place else None,
        "receiver_queue": place.queue if place else None,
        "offer": place.offer if place else None,
        "hop": referral.hop,
        "predecessor_id": referral.predecessor_id,
        "owner": referral.owner,
        "due_at": referral.due_at,
        "receiver_told": referral.is_told,
    }


def request(referral: Referral) -> dict[str, Any]:
    """What a receiver is told of what it is asked, beside the snapshot (`contracts.events.ReferralSent`)."""
    need, due = referral.need, {timer.code: timer.due_at for timer in referral.timers}
    return {
        "person_ref": need.person_ref,
        "person": need.person,
        "sender_ref": need.sender_ref,
        "priority_reason": need.priority_reason,
        "reply_by": due.get("seat_hold") or due.get("decide"),
        "rule_set": referral.rule_set,
        "seat": referral.seat,
        "place_until": referral.seat_until,
    }


def raised(need: Need) -> Need:
    """The same need, one priority more urgent."""
    ranks = {rank: code for code, rank in table.RANKS.items()}
    rank = table.RANKS[need.priority]
    return need.model_copy(update={"priority": ranks.get(rank - 1, need.priority)})


def entered(referral: Referral, entry: Entry) -> Referral:
    return replace(referral, history=(*referral.history, entry))
