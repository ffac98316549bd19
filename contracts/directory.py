"""Who the agencies are and what they offer, in the words of HSDS (organization, location, service_at_location).

Entries are states on the compacted topic `directory`; an agency or offer is never deleted, only closed. `version` is
counted by directory: one more with each change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field

from contracts import codes
from contracts.values import AgencyCode, Code, Message, Ref, Time, Value, Version

SharingRole = Literal["public_body", "delegated_partner", "private_partner"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Labels = dict[Literal["it", "en", "de"], str]


class OpeningHours(Value):
    """days: mon to sun; from and to in local time, `24:00` for the end of the day."""

    model_config = ConfigDict(frozen=True, extra="ignore", serialize_by_alias=True)

    days: tuple[Day, ...]
    start: Annotated[str, Field(alias="from", pattern=r"^\d\d:\d\d$")]
    end: Annotated[str, Field(alias="to", pattern=r"^\d\d:\d\d$")]


class Contact(Value):
    """How to reach an organisation, never a person."""

    email: Ref | None = None
    phone: Ref | None = None
    web: Ref | None = None


COORDINATION = "coordination"
"""The kind of the queue from which a city is coordinated; whoever has it leads there."""


class Queue(Value):
    """Where an agency's work for some services arrives (HSDS location)."""

    code: Ref
    kind: Code
    name: Labels
    languages: tuple[Code, ...] = ()
    opening_hours: tuple[OpeningHours, ...] = ()
    contact: Contact = Contact()


class StricterLimit(Value):
    """A limit of `priorities.json` for referrals of this priority that an agency or a city keeps shorter.

    amount: in the unit and on the clock of that limit, and never more than it.
    """

    priority: Code
    limit: Code
    amount: Annotated[int, Field(ge=1, le=2**15)]


class Agency(Message):
    """An organisation that sends or receives referrals (HSDS organization)."""

    TYPE = "staffetta.directory.agency.v1"

    code: AgencyCode
    name: Labels
    kind: Code
    city: Code
    status: Literal["active", "suspended", "left"]
    sharing_role: SharingRole
    delivery: Code
    queues: tuple[Queue, ...]
    contact: Contact = Contact()
    limits: tuple[StricterLimit, ...] = ()
    version: Version = 0

    @property
    def coordination(self) -> Queue | None:
        """The queue from which it coordinates its city."""
        return next((queue for queue in self.queues if queue.kind == COORDINATION), None)


def who_coordinates(agencies: Iterable[Agency]) -> Agency | None:
    """agencies: of one city. One that works, before one that coordinated until it stopped."""
    leading = [agency for agency in agencies if agency.coordination]
    return min(leading, key=lambda agency: (agency.status != "active", agency.code), default=None)


class AreaServed(Value):
    cities: tuple[Code, ...]
    any_network_city: bool = False


class Rule(Value):
    """One admission rule of `admission_rules.json`, or a list of rules of which any or all must hold."""

    rule: Code | None = None
    min: int | None = None
    max: int | None = None
    value: int | bool | None = None
    values: tuple[Code, ...] = ()
    any_of: tuple[Rule, ...] = ()
    all_of: tuple[Rule, ...] = ()


class Admission(Value):
    all_of: tuple[Rule, ...] = ()


class Capacity(Value):
    """total: places of `kind` in each `per`; None where nobody counts."""

    kind: Code
    total: int | None = None
    per: Code | None = None


class Waitlist(Value):
    enabled: bool = False
    order_rule: Code | None = None
    order_rule_version: int | None = None


class Offer(Message):
    """A service that a queue provides, with area, admission rules and capacity (HSDS service_at_location).

    corrected_at: when people of its agency last put something right that the directory's files say otherwise.
    """

    TYPE = "staffetta.directory.offer.v1"

    code: Ref
    service: Code
    agency: AgencyCode
    queue: Ref
    label: Labels
    status: Literal["open", "closed"]
    area_served: AreaServed
    admission: Admission = Admission()
    languages: tuple[Code, ...] = ()
    capacity: Capacity
    waitlist: Waitlist = Waitlist()
    opening_hours: tuple[OpeningHours, ...] = ()
    contact: Contact = Contact()
    description: Labels = {}
    valid_from: date
    valid_to: date | None = None
    corrected_at: Time | None = None
    version: Version = 0


def closes_at(offer: Offer, agency: Agency | None) -> datetime | None:
    """The midnight after its last day, by the clock of its agency's city; None for one that has no last day.

    agency: None while nothing is known of it.
    """
    if offer.valid_to is None:
        return None
    zone = ZoneInfo(codes.codes("cities")[agency.city]["timezone"] if agency else "UTC")
    return datetime.combine(offer.valid_to, time(), zone) + timedelta(days=1)
