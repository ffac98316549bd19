"""The directory in the words of HSDS 3 (Open Referral), as other directories read and write it.

Names are Italian, with the English one as `alternate_name`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from contracts import codes
from contracts.directory import Agency, Labels, Offer, OpeningHours, Queue, closes_at

DAYS = {"mon": "MO", "tue": "TU", "wed": "WE", "thu": "TH", "fri": "FR", "sat": "SA", "sun": "SU"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """byday: RFC 5545."""

    freq: str = "WEEKLY"
    byday: str
    opens_at: str
    closes_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A queue: where an agency's work for some services arrives."""

    id: str
    location_type: str = "physical"
    name: str
    alternate_name: str | None
    email: str | None
    phones: list[Phone]
    languages: list[Language]
    schedules: list[Schedule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    id: str
    name: str
    alternate_name: str | None
    email: str | None
    website: str | None
    phones: list[Phone]
    city: str
    status: str
    locations: list[Location]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceArea:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCapacity:
    unit: str
    maximum: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """id: a code of the network's taxonomy."""

    id: str
    name: str
    alternate_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAtLocation:
    """An offer. any_network_city: people may come from any city of the network."""

    id: str
    name: str
    alternate_name: str | None
    status: str
    service: Service
    organization_id: str
    location_id: str
    service_areas: list[ServiceArea]
    any_network_city: bool
    description: str | None
    email: str | None
    phones: list[Phone]
    languages: list[Language]
    schedules: list[Schedule]
    capacities: list[ServiceCapacity]
    valid_from: date
    valid_to: date | None


def organization(agency: Agency) -> Organization:
    return Organization(
        id=agency.code,
        name=_name(agency.name),
        alternate_name=agency.name.get("en"),
        email=agency.contact.email,
        website=agency.contact.web,
        phones=_phones(agency.contact.phone),
        city=agency.city,
        status=agency.status,
        locations=[_location(queue) for queue in agency.queues],
    )


def service_at_location(offer: Offer, agency: Agency | None, now: datetime) -> ServiceAtLocation:
    """agency: the offer's."""
    service = codes.codes("services")[offer.service]["label"]
    return ServiceAtLocation(
        id=offer.code,
        name=_name(offer.label),
        alternate_name=offer.label.get("en"),
        status="active" if _is_open(offer, agency, now) else "inactive",
        service=Service(id=offer.service, name=_name(service), alternate_name=service.get("en")),
        organization_id=offer.agency,
        location_id=offer.queue,
        service_areas=[ServiceArea(name=city) for city in offer.area_served.cities],
        any_network_city=offer.area_served.any_network_city,
        description=_name(offer.description) if offer.description else None,
        email=offer.contact.email,
        phones=_phones(offer.contact.phone),
        languages=_languages(offer.languages),
        schedules=_schedules(offer.opening_hours),
        capacities=[ServiceCapacity(unit=offer.capacity.kind, maximum=offer.capacity.total)],
        valid_from=offer.valid_from,
        valid_to=offer.valid_to,
    )


def _is_open(offer: Offer, agency: Agency | None, now: datetime) -> bool:
    over, works = closes_at(offer, agency), agency is None or agency.status == "active"
    return offer.status == "open" and works and (over is None or now < over)


def _location(queue: Queue) -> Location:
    return Location(
        id=queue.code,
        name=_name(queue.name),
        alternate_name=queue.name.get("en"),
        email=queue.contact.email,
        phones=_phones(queue.contact.phone),
        languages=_languages(queue.languages),
        schedules=_schedules(queue.opening_hours),
    )


def _name(labels: Labels) -> str:
    return next(labels[language] for language in ("it", "en", "de") if language in labels)


def _phones(number: str | None) -> list[Phone]:
    return [Phone(number=number)] if number else []


def _languages(tags: Iterable[str]) -> list[Language]:
    return [Language(code=tag) for tag in tags]


def _schedules(hours: Iterable[OpeningHours]) -> list[Schedule]:
    return [
        Schedule(byday=",".join(DAYS[day] for day in opening.days), opens_at=opening.start, closes_at=opening.end)
        for opening in hours
    ]
