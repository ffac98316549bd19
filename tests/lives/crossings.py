"""Places, while what is under way between the services that count them and referral is kept waiting: people speak, the
directory changes and time passes before it arrives, in any order that keeps what has one key in its own.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from contracts.directory import Agency, Capacity, Offer, Waitlist
from contracts.values import Message
from services.chassis.messages import Incoming
from services.cli.verify.checks.places import KNOWN_AS, MAY_HAVE
from services.referral.domain import table
from services.referral.domain.referral import Referral
from tests.builders import TEXT_ID, a_command, a_recorded_intake, an_agency, an_offer
from tests.offline import Offline, finished

SERVICES = {"housing.temporary": "bed_night", "health.primary": "appointment_slot"}
RECEIVERS = ("pa.accura", "pa.salute")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AFTER_A_WHILE = (HOUR, 5 * HOUR, DAY, 2 * DAY, 4 * DAY)
PRIORITIES = ("ROUTINE", "MEDIUM", "MEDIUM", "URGENT", "EMERGENCY")
ENDS = ("withdraw", "decline", "pass_on")
ABOUT_PLACES = (
    "acknowledge", "accept", "unaccept", "waitlist", "confirm_seat", "lapse_seat", "confirm_interest", "start", "close",
    "hold", "resume", *ENDS,
)  # fmt: skip
BY_OTHERS: dict[str, dict[str, Any]] = {
    "reopen": {"roles": ("supervisor",)}, "change_priority": {"by": "pa.comune"}, "mark_error": {"by": "pa.comune"},
}  # fmt: skip
MOST = 9
"""People who ask, of whom few places are enough for a queue."""


Kept = tuple[str, datetime | None]


class Late(Offline):
    """Nothing arrives by itself. A message that a handler cannot take, and that would be parked, raises Refusal."""

    def __post_init__(self) -> None:
        self.under_way: defaultdict[tuple[str, bytes], deque[Incoming]] = defaultdict(deque)
        self.swept: set[tuple[str, UUID]] = set()
        super().__post_init__()

    def _follow(self, first: Incoming) -> list[Message]:
        self._deliver(first, self.under_way)
        return []

    def arrive(self, most: int | None = None) -> None:
        """So many messages; None: all, with all that follows."""
        while most != 0 and (keys := [key for key, some in self.under_way.items() if some]):
            key = keys[self.pick(len(keys))]
            for out in finished(self._handle(key[0], self.under_way[key].popleft())):
                self._say(out, self.under_way)
            most = None if most is None else most - 1

    def look(self) -> bool:
        """What the sweeps find due now, each once; whether there was something."""
        found = [
            (service, due) for service, due in finished(self._due(self.now)) if (service, due.id) not in self.swept
        ]
        for service, due in sorted(found, key=lambda one: one[1].at):
            self.swept.add((service, due.id))
            self.ask(due.command, of=service, id=due.id, journey_id=due.journey_id)
        return bool(found)

    def come_to_rest(self) -> None:
        self.arrive()
        while self.look():
            self.arrive()


@dataclass
class Crossings:
    """One or two offers with few places, of a service whose places are taken to the end, or until the first contact.

    seen: what referrals called their place, at rest.
    """

    random: Random
    service: str = ""
    offers: dict[str, Offer] = field(default_factory=dict)
    agencies: dict[str, Agency] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    met: int = 0

    def __post_init__(self) -> None:
        self.service = self.random.choice([*SERVICES])
        self.network = Late((an_agency("pa.comune"),), pick=self.random.randrange)
        for code in RECEIVERS[: self.random.randint(1, 2)]:
            waitlist = Waitlist(enabled=self.random.random() < 0.8, order_rule_version=self.random.choice((None, 1)))
            self._put(an_agency(code))
            self._put(an_offer(f"{code}.x", service=self.service, capacity=self._counted(), waitlist=waitlist))

    def play(self, steps: int) -> None:
        moves = (self.somebody_asks, self.the_directory_changes, self.time_passes, self.network.look)
        for _ in range(steps):
            self.network.now += timedelta(minutes=self.random.randrange(1, 30))
            self.random.choices((*moves, self.somebody_answers), (3, 2, 2, 2, 8))[0]()
            self.network.arrive(some := self.random.choice((0, 0, 1, 2, 5, None)))
            if some is None and self.random.random() < 0.5:
                self.rest()
        self.rest()

    def rest(self) -> None:
        self.network.come_to_rest()
        wrong = [*self._unlike(), *self._not_as_the_directory_says(), *self._in_vain()]
        assert not wrong, wrong
        self.seen.update(one.seat for one in self.network.referrals.values() if one.is_open)

    # -- what happens --------------------------------------------------------------------------------------------------
    def somebody_asks(self) -> None:
        if self.met < MOST:
            self.met += 1
            asked = {"service": self.service, "priority": self.random.choice(PRIORITIES)}
            size = self.random.choice((1, 1, 2, 3))
            known = {"intake_id": UUID(int=self.met), "person_ref": f"p-{self.met}", "household_size": size}
            self.network.ask(a_recorded_intake(asked, **known))

    def somebody_answers(self) -> None:
        """Mostly what the state allows; more seldom what ends it."""
        known = [one for one in self.network.referrals.values() if one.is_open or one.state == "CLOSED"]
        if not known:
            return
        one = self.random.choice(known)
        allowed = [c for c in ABOUT_PLACES if c in table.allowed(one.state, ("receiver",))]
        likely = [c for c in allowed if c not in ENDS or self.random.random() < 0.3]
        command = self.random.choice(likely if likely and self.random.random() < 0.85 else [*ABOUT_PLACES, *BY_OTHERS])
        said: dict[str, Any] = {"by": one.place.agency if one.place else None} | BY_OTHERS.get(command, {})
        said |= self._what_is_said(command)
        self.network.ask(a_command(command, referral_id=one.referral_id, text_id=TEXT_ID, **said))

    def _what_is_said(self, command: str) -> dict[str, Any]:
        match command:
            case "change_priority":
                return {"priority": self.random.choice(PRIORITIES)}
            case "start":
                return {"first_contact_at": self.network.now}
            case "hold":
                return {"review_date": (self.network.now + 5 * DAY).date()}
        return {}

    def the_directory_changes(self) -> None:
        random, code = self.random, self.random.choice([*self.offers])
        if random.random() < 0.1:
            agency = self.agencies[self.offers[code].agency]
            status = random.choice(("suspended", "left")) if agency.status == "active" else "active"
            return self._put(agency.model_copy(update={"status": status}))
        changes: list[dict[str, Any]] = [
            *[{"capacity": self._counted()}] * 4,
            {"capacity": Capacity(kind=random.choice(("none", SERVICES[self.service])))},
            {"waitlist": Waitlist(enabled=random.random() < 0.7, order_rule_version=1)},
            {"status": random.choice(("open", "open", "closed"))},
            {"valid_to": random.choice((None, (self.network.now + random.randrange(9) * DAY).date()))},
        ]
        self._put(self.offers[code].model_copy(update=random.choice(changes)))

    def time_passes(self) -> None:
        self.network.now += self.random.choice(AFTER_A_WHILE)
        self.network.look()

    def _put(self, entry: Agency | Offer) -> None:
        known: dict[str, Any] = self.agencies if isinstance(entry, Agency) else self.offers
        known[entry.code] = entry.model_copy(update={"version": self.network.asked + 1})
        self.network.ask(known[entry.code])

    def _counted(self) -> Capacity:
        return Capacity(kind=SERVICES[self.service], total=self.random.randrange(5))

    # -- what holds at rest --------------------------------------------------------------------------------------------
    def _unlike(self) -> Iterator[object]:
        """What referral and the services that count do not see alike."""
        had: defaultdict[UUID, list[Kept]] = defaultdict(list)
        for id, kept in self._kept():
            had[id].append(kept)
        for id, one in self.network.referrals.items():
            if not _agree(one, kept_of_it := had.pop(id, [])):
                yield id, one.state, one.seat, one.seat_until, kept_of_it
        yield from had

    def _kept(self) -> Iterator[tuple[UUID, Kept]]:
        """Of each referral as what an offer keeps it, and until when it is held."""
        for places in self.network.places.values():
            for taken in places.taken:
                yield taken.party.referral_id, ("confirmed" if taken.confirmed else "held", taken.until)
            yield from ((party.referral_id, ("waiting", None)) for party in places.waiting)
            yield from ((party.referral_id, ("let_go", None)) for party in places.let_go)

    def _not_as_the_directory_says(self) -> Iterator[object]:
        for code, offer in self.offers.items():
            places, counts = self.network.places.get(code), offer.capacity.total is not None
            counts = counts and offer.capacity.kind == SERVICES[self.service]
            works = offer.status == "open" and self.agencies[offer.agency].status == "active"
            if places and ((counts and places.total != offer.capacity.total) or places.is_open != (counts and works)):
                closed = places.closes_at and places.closes_at <= self.network.now and not places.is_open
                if not closed or places.total != offer.capacity.total:
                    yield "directory", code, places.total, places.is_open, offer.capacity, offer.status

    def _in_vain(self) -> Iterator[object]:
        asked = {task.referral_id for task in self.network.tasks if task.kind == "waits_in_vain"}
        for places in self.network.places.values():
            now = places.as_of(self.network.now)
            yield from (
                ("in vain", places.offer, party.referral_id)
                for party in places.waiting
                if not now.may_have(party) and party.referral_id not in asked
            )


def _agree(one: Referral, kept: list[Kept]) -> bool:
    """That none was left for one who has a place may have been said of what was asked before, and crossed with it."""
    if any(one.state not in MAY_HAVE[kind] for kind, _ in kept):
        return False
    if not one.is_open or (one.seat, [kind for kind, _ in kept]) == ("lost", ["confirmed"]):
        return True
    until = one.seat_until if one.seat == "held" else None
    return kept == [(KNOWN_AS[one.seat], until)] if one.seat in KNOWN_AS else one.seat != "asked" and kept in NOTHING


NOTHING: tuple[list[Kept], ...] = ([], [("let_go", None)])
