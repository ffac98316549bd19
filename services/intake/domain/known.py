"""What an intake is judged by beside itself: the entries of the directory that it names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from contracts import codes
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from contracts.stated import Tier0
from contracts.values import SharingBasis

ANY_OFFER = "any"
CITY = "city:"
BY_CITY = frozenset(codes.table("sharing")["recipients"][0]["covers_sharing_roles"])
"""Whom a sharing basis for a whole city means; every other agency needs one that names it."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Agencies and offers by their codes: at least those that the intake names."""

    agencies: Mapping[str, Agency] = field(default_factory=dict)
    offers: Mapping[str, Offer] = field(default_factory=dict)


def named_agencies(tier0: Tier0) -> set[str]:
    recipients = {basis.recipient for basis in tier0.sharing_basis if not basis.recipient.startswith(CITY)}
    return {tier0.sender_agency, *tier0.withhold, *recipients}


def named_offers(tier0: Tier0) -> set[str]:
    return {asked.offer for asked in tier0.services} - {ANY_OFFER}


def names_of(agency: Agency) -> set[str]:
    """The names by which a sharing basis can mean this agency."""
    return {agency.code, f"{CITY}{agency.city}"} if agency.sharing_role in BY_CITY else {agency.code}


def check_names(tier0: Tier0, directory: Directory) -> None:
    """Whom the intake names must exist: a misspelt agency would be told although the person excluded it."""
    sender = directory.agencies.get(tier0.sender_agency)
    if sender is None:
        raise Refusal("unknown_code", "/tier0/sender_agency")
    queues = tuple(queue.code for queue in sender.queues)
    if tier0.sender_queue is not None and tier0.sender_queue not in queues:
        raise Refusal("unknown_code", "/tier0/sender_queue", allowed=queues)
    for pointer, is_known in _names(tier0, directory):
        if not is_known:
            raise Refusal("unknown_code", pointer)


def check_recipient(basis: SharingBasis, directory: Directory) -> None:
    if not _is_recipient(basis.recipient, directory):
        raise Refusal("unknown_code", "/basis/recipient")


def _names(tier0: Tier0, directory: Directory) -> Iterator[tuple[str, bool]]:
    for i, asked in enumerate(tier0.services):
        yield f"/tier0/services/{i}/offer", asked.offer == ANY_OFFER or _is_offer(asked.offer, directory)
    for i, agency in enumerate(tier0.withhold):
        yield f"/tier0/withhold/{i}", agency in directory.agencies
    for i, basis in enumerate(tier0.sharing_basis):
        yield f"/tier0/sharing_basis/{i}/recipient", _is_recipient(basis.recipient, directory)


def _is_offer(code: str, directory: Directory) -> bool:
    offer = directory.offers.get(code)
    return offer is not None and offer.agency in directory.agencies


def _is_recipient(recipient: str, directory: Directory) -> bool:
    if recipient.startswith(CITY):
        return codes.is_code("cities", recipient.removeprefix(CITY))
    return recipient in directory.agencies
