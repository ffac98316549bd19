"""Whom a need could go to: an offer with its agency, as far as the rules read them and a referral goes there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from contracts import codes
from contracts.directory import Agency, Offer, Rule, StricterLimit


@dataclass(frozen=True, slots=True)
class Asked:
    """The agency of an offer; `unknown` while the directory has not told of it, and then nobody is asked there."""

    code: str
    status: str = "unknown"
    city: str = ""
    sharing_role: str = ""
    limits: tuple[StricterLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """The facts of an offer, kept with the decision: no word that people wrote.

    counted: whether places are asked for. waiting: how many requests waited at its queue, where a rule set counts them.
    """

    offer: str
    service: str
    queue: str
    agency: Asked
    status: str
    valid_from: date
    valid_to: date | None
    cities: tuple[str, ...]
    any_network_city: bool
    languages: tuple[str, ...]
    rules: tuple[Rule, ...]
    counted: bool
    waiting: int | None = None


def all_of(service: str) -> str:
    """The name of the number of all its offers, kept beside the agencies: no code of theirs has a slash."""
    return f"offers/{service}"


def candidates(
    offers: Iterable[Offer], agencies: Mapping[str, Agency], waiting: Mapping[str, int] | None = None
) -> list[Candidate]:
    """waiting: requests by queue; None when nobody counted."""
    return [_candidate(offer, agencies.get(offer.agency), waiting) for offer in offers]


def _candidate(offer: Offer, agency: Agency | None, waiting: Mapping[str, int] | None) -> Candidate:
    return Candidate(
        offer=offer.code,
        service=offer.service,
        queue=offer.queue,
        agency=_asked(agency) if agency else Asked(offer.agency),
        status=offer.status,
        valid_from=offer.valid_from,
        valid_to=offer.valid_to,
        cities=offer.area_served.cities,
        any_network_city=offer.area_served.any_network_city,
        languages=offer.languages,
        rules=offer.admission.all_of,
        counted=offer.capacity.total is not None and codes.is_counted(offer.capacity.kind),
        waiting=None if waiting is None else waiting.get(offer.queue, 0),
    )


def _asked(agency: Agency) -> Asked:
    return Asked(agency.code, agency.status, agency.city, agency.sharing_role, agency.limits)
