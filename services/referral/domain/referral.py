"""A referral: one request to one offer for one person and service, with its timers and all that happened to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from contracts import codes
from contracts.commands import Need
from contracts.notifications import public_code
from services.referral.domain import clocks, table
from services.referral.domain.clocks import Calendar
from services.referral.domain.routing import Place

FROM_SENT = frozenset({"acknowledge", "decide", "first_contact"})
"""Timers that run from the moment the receiver was asked, unless the person has waited (`priorities.json`)."""


@dataclass(frozen=True, slots=True)
class Timer:
    """version: the referral's when the timer started; level: how far it has climbed the escalation ladder."""

    code: str
    version: int
    started_at: datetime
    due_at: datetime
    level: int = 0


@dataclass(frozen=True, slots=True)
class Owed:
    """A receipt that the receiver owes (`transitions.json`, obligations).

    again_at: when one that was told to be late is told so once more.
    """

    code: str
    due_at: datetime
    again_at: datetime | None = None
    confirmed_at: datetime | None = None

    @property
    def next_at(self) -> datetime | None:
        """When it is late; None once it came."""
        return None if self.confirmed_at else self.again_at or self.due_at


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


Seat = Literal["none", "asked", "held", "waiting", "confirmed", "lost", "given_back"]
"""The place at the offer: nobody counts it; asked for; held (until `seat_until`); waited for (joined the waitlist at
`position`); confirmed; held no longer; given back.
"""


@dataclass(frozen=True, slots=True)
class Referral:
    """tried: agencies asked before this one. successor_id: the referral that took over, once one was looked for."""

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
    timers: tuple[Timer, ...] = ()
    owed: tuple[Owed, ...] = ()
    history: tuple[Entry, ...] = ()

    @property
    def code(self) -> str:
        """What people call it."""
        return public_code(self.referral_id, self.need.sender_city)

    @property
    def is_open(self) -> bool:
        return self.state in table.OPEN_STATES

    @property
    def due_at(self) -> datetime | None:
        """When the earliest running timer is at 100 percent."""
        return min((timer.due_at for timer in self.timers), default=None)

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
    def link(self) -> str | None:
        """What only one open referral may hold: this person at this offer."""
        return link_of(self.need, self.place) if self.place else None

    def roles_of(self, agency: str | None) -> frozenset[str]:
        """As what an agency may speak here; a sender may be its own receiver, a stranger is nothing."""
        held = zip(("sender", "receiver"), self.parties, strict=True)
        return frozenset(role for role, holder in held if agency and holder == agency)

    @property
    def parties(self) -> tuple[str, str | None]:
        """Sender and receiver; a draft has no receiver yet."""
        return self.need.sender_agency, self.place.agency if self.place else None


def link_of(need: Need, place: Place) -> str:
    return f"{need.person_ref}|{place.offer}"


def successor_id(referral_id: UUID) -> UUID:
    return uuid5(referral_id, "successor")


def run_timers(referral: Referral, row: table.Row, now: datetime, calendar: Calendar) -> tuple[Timer, ...]:
    """Those that go on and those that the row starts; one that runs already starts anew, in full."""
    stopped = {*row.clears, *row.starts}
    from_sent = FROM_SENT if "WAITLISTED" not in row.origins else frozenset[str]()
    started = tuple(_started(code, referral, now, calendar, from_sent) for code in row.starts)
    return (*(timer for timer in referral.timers if timer.code not in stopped), *started)


def _started(code: str, referral: Referral, now: datetime, calendar: Calendar, from_sent: frozenset[str]) -> Timer:
    begins = referral.sent_at or now if code in from_sent else now
    limit = clocks.of_timer(code, referral.need.priority, referral.need.service)
    return Timer(code, referral.version, begins, clocks.due(limit, begins, calendar))


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
    ranks = {item["rank"]: code for code, item in codes.codes("priorities").items()}
    rank = codes.codes("priorities")[need.priority]["rank"]
    return need.model_copy(update={"priority": ranks.get(rank - 1, need.priority)})


def entered(referral: Referral, entry: Entry) -> Referral:
    return replace(referral, history=(*referral.history, entry))
