"""Who may be told of a need: whom its sharing bases cover on a day, and whom the person excludes."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from contracts import codes
from contracts.commands import Need
from contracts.values import SharingBasis

PURPOSE = "referral"
BY_CITY = frozenset(codes.table("sharing")["recipients"][0]["covers_sharing_roles"])
"""Who is covered by a sharing basis for a whole city; every other agency needs an entry that names it."""


class Recipient(Protocol):
    """What a sharing basis may mean by an agency."""

    @property
    def code(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def sharing_role(self) -> str: ...


def may_be_told(need: Need, agency: Recipient, day: date) -> bool:
    return is_covered(need, agency, day) and not is_withheld(need, agency)


def is_covered(need: Need, agency: Recipient, day: date) -> bool:
    """Whether a sharing basis that is valid on the day lets this agency be told (tier 0 is enough to send)."""
    return any(_covers(basis, agency, day) for basis in need.sharing_basis)


def is_withheld(need: Need, agency: Recipient) -> bool:
    """Whether the person excluded it. A refusal of one recipient always wins over a wider basis."""
    return is_named(agency, excluded(need.withhold, need.sharing_basis))


def excluded(withhold: Iterable[str], bases: Iterable[SharingBasis]) -> tuple[str, ...]:
    """Whom a person does not want to be told: agencies, and cities."""
    return tuple(dict.fromkeys((*withhold, *(basis.recipient for basis in bases if basis.refused))))


def is_named(agency: Recipient, names: Iterable[str]) -> bool:
    return bool(_names_of(agency).intersection(names))


def is_over(basis: SharingBasis, day: date) -> bool:
    """Withdrawn, or past its last day."""
    return basis.withdrawn_at is not None or (basis.valid_to is not None and basis.valid_to < day)


def rests_on(need: Need, agency: Recipient, day: date) -> str | None:
    """Which of several bases it rests on: one that names the agency before one for its city, then the longest."""
    covering = [basis for basis in need.sharing_basis if _covers(basis, agency, day)]
    by_name = sorted(covering, key=lambda b: (b.recipient != agency.code, -(b.valid_to or date.max).toordinal()))
    return by_name[0].basis_id if by_name else None


def _covers(basis: SharingBasis, agency: Recipient, day: date) -> bool:
    return (
        basis.recipient in _names_of(agency)
        and not basis.refused
        and not is_over(basis, day)
        and PURPOSE in basis.purposes
        and basis.valid_from <= day
    )


def _names_of(agency: Recipient) -> set[str]:
    """The names by which a sharing basis can mean this agency."""
    return {agency.code, f"city:{agency.city}"} if agency.sharing_role in BY_CITY else {agency.code}
