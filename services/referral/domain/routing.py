"""Which offer a need goes to: rule set `network-1` of `routing.json`, every candidate judged filter by filter."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts import codes
from contracts.commands import Need
from contracts.directory import Agency, Offer, StricterLimit
from contracts.events import Verdict
from contracts.values import SharingBasis
from services.referral.domain import admission

RULES = codes.table("routing")
RULE_SET: str = RULES["rule_set"]
MAX_HOPS: int = RULES["max_hops"]
FILTERS: tuple[str, ...] = tuple(f["code"] for f in RULES["filters"])
REFUSED_BY: dict[str, str] = {f["code"]: f["rejection_code"] for f in RULES["filters"] if f["rejection_code"]}
"""The refusal that names a filter, for those that have one."""

PURPOSE = "referral"
BY_CITY = frozenset(codes.table("sharing")["recipients"][0]["covers_sharing_roles"])
"""Who is covered by a sharing basis for a whole city; every other agency needs an entry that names it."""

NO_ONE_BUT_FOR = ("hops", "sharing", "withheld", "already_tried", "admission")
"""Why nobody was found, most telling first: each alone kept somebody out, else no offer serves the place."""

Order = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """One need to be routed: at which hop, whom not to ask again, and who alone is asked (passed on)."""

    need: Need
    hop: int = 0
    tried: tuple[str, ...] = ()
    next_agency: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a referral goes: an offer, its queue, the agency with its city and the limits that it keeps shorter.

    counted: whether places are asked for. basis: the sharing basis that this rests on, as the intake calls it.
    """

    offer: str
    agency: str
    queue: str
    city: str
    counted: bool = False
    limits: tuple[StricterLimit, ...] = ()
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole explanation: who was judged how on that day, in which order, and who comes first.

    candidates: the admitted in order. out: the others with the filter that put them out, those of another area only
    counted. why: when there is no candidate, what stood in the way (a filter's code, or no_offer).
    """

    search: Search
    day: date
    candidates: tuple[Verdict, ...]
    out: tuple[Verdict, ...]
    out_by_area: int
    first: Place | None
    rule_set: str = RULE_SET

    @property
    def why(self) -> str | None:
        if self.first:
            return None
        alone = {_alone(verdict) for verdict in self.out}
        return next((reason for reason in NO_ONE_BUT_FOR if reason in alone), "no_offer")

    @property
    def judged(self) -> tuple[Verdict, ...]:
        return self.candidates + self.out


def route(search: Search, offers: Iterable[Offer], agencies: Mapping[str, Agency], day: date) -> Decision:
    """Judge every offer of the service (only the named one at hop 0, only the next agency's when passed on)."""
    judged = [(offer, _judge(search, offer, agencies.get(offer.agency), day)) for offer in _asked(search, offers)]
    admitted = sorted((pair for pair in judged if pair[1].out_by is None), key=lambda pair: _rank(pair[1].order))
    out = sorted((v for _, v in judged if v.out_by not in (None, "service", "area")), key=lambda v: v.offer)
    return Decision(
        search=search,
        day=day,
        candidates=tuple(verdict for _, verdict in admitted),
        out=tuple(out),
        out_by_area=sum(verdict.out_by == "area" for _, verdict in judged),
        first=_place(search.need, admitted[0][0], agencies, day) if admitted else None,
    )


def explained(decision: Decision | None) -> dict[str, Any]:
    """What `routing.decided` says of a decision."""
    if decision is None:
        return {}
    return {
        "rule_set": decision.rule_set,
        "candidates": decision.candidates,
        "out": decision.out,
        "out_by_area": decision.out_by_area,
    }


def passes(verdict: Verdict, filter_: str) -> bool:
    return dict(reversed(verdict.rules))[filter_] != "no"


def is_covered(need: Need, agency: Agency, day: date) -> bool:
    """Whether a sharing basis that is valid on the day lets this agency be told (tier 0 is enough to send)."""
    return any(_covers(basis, agency, day) for basis in need.sharing_basis)


def may_be_told(need: Need, agency: Agency, day: date) -> bool:
    return is_covered(need, agency, day) and not is_withheld(need, agency)


def is_withheld(need: Need, agency: Agency) -> bool:
    """Whether the person excluded it. A refusal of one recipient always wins over a wider basis."""
    refused = {basis.recipient for basis in need.sharing_basis if basis.refused}
    return agency.code in need.withhold or bool(refused & _recipients(agency))


def _covers(basis: SharingBasis, agency: Agency, day: date) -> bool:
    return (
        basis.recipient in _recipients(agency)
        and not basis.refused
        and not is_over(basis, day)
        and PURPOSE in basis.purposes
        and basis.valid_from <= day
    )


def is_over(basis: SharingBasis, day: date) -> bool:
    """Withdrawn, or past its last day."""
    return basis.withdrawn_at is not None or (basis.valid_to is not None and basis.valid_to < day)


# -- the filters, in no order of their own: `routing.json` gives it ---------------------------------------------------


def _same_service(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    return offer.service == search.need.service


def _is_open(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    valid = offer.valid_from <= day and (offer.valid_to is None or day <= offer.valid_to)
    return offer.status == "open" and agency.status == "active" and valid


def _serves_area(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    area, need = offer.area_served, search.need
    would_travel = area.any_network_city and agency.city in need.willing_to_travel
    return need.city_of_presence in area.cities or would_travel


def _not_withheld(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    return not is_withheld(search.need, agency)


def _shared(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    return is_covered(search.need, agency, day)


def _not_tried(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    return agency.code not in search.tried


def _within_hops(search: Search, offer: Offer, agency: Agency, day: date) -> bool:
    return search.hop <= MAX_HOPS


PLAIN: dict[str, Callable[[Search, Offer, Agency, date], bool]] = {
    "service": _same_service,
    "offer_open": _is_open,
    "area": _serves_area,
    "withheld": _not_withheld,
    "sharing": _shared,
    "already_tried": _not_tried,
    "hops": _within_hops,
}


def _judge(search: Search, offer: Offer, agency: Agency | None, day: date) -> Verdict:
    if agency is None:  # the directory has not told of it: nobody can be asked there
        return Verdict(offer=offer.code, agency=offer.agency, verdict="out", out_by="offer_open",
                       rules=tuple((f, "no") for f in FILTERS))  # fmt: skip
    admitted, rules = admission.admits(offer.admission.all_of, search.need)
    answers = tuple(
        (f, admitted if f == "admission" else "yes" if PLAIN[f](search, offer, agency, day) else "no") for f in FILTERS
    )
    out_by = next((f for f, answer in answers if answer == "no"), None)
    return Verdict(
        offer=offer.code,
        agency=agency.code,
        verdict="out" if out_by else admitted,
        out_by=out_by,
        rules=answers + rules,
        order=() if out_by else _order(search.need, offer, agency, admitted),
    )


def _asked(search: Search, offers: Iterable[Offer]) -> list[Offer]:
    named = search.need.named_offer if search.hop == 0 else "any"
    return [
        offer
        for offer in offers
        if named in ("any", offer.code) and search.next_agency in (None, offer.agency)
    ]  # fmt: skip


def _recipients(agency: Agency) -> set[str]:
    """The names by which a sharing basis can mean this agency."""
    return {agency.code, f"city:{agency.city}"} if agency.sharing_role in BY_CITY else {agency.code}


# -- the order of the admitted -----------------------------------------------------------------------------------------

RANKS: tuple[dict[str, int], ...] = (
    {"yes": 0, "to_check": 1},
    {"first": 0, "another": 1, "none": 2},
    {"own": 0, "other": 1},
    {"public_body": 0, "delegated_partner": 0, "private_partner": 1},
)


def _order(need: Need, offer: Offer, agency: Agency, admitted: str) -> Order:
    """What places an offer among the admitted, in the words of `routing.json`."""
    own = "own" if agency.city == need.city_of_presence else "other"
    return (admitted, _shared_language(need, offer), own, agency.sharing_role, offer.code)


def _shared_language(need: Need, offer: Offer) -> str:
    if need.person.language in offer.languages:
        return "first"
    return "another" if set(need.person.other_languages) & set(offer.languages) else "none"


def _rank(order: Order) -> tuple[list[int], str]:
    return [ranks[word] for ranks, word in zip(RANKS, order, strict=False)], order[-1]


def _alone(verdict: Verdict) -> str | None:
    """What kept this offer out, if the person would have been admitted but for that; else admission."""
    return verdict.out_by if passes(verdict, "admission") else "admission"


def _place(need: Need, offer: Offer, agencies: Mapping[str, Agency], day: date) -> Place:
    counted, agency = offer.capacity.total is not None and codes.is_counted(offer.service), agencies[offer.agency]
    basis = _basis(need, agency, day)
    return Place(offer.code, offer.agency, offer.queue, agency.city, counted, agency.limits, basis)


def _basis(need: Need, agency: Agency, day: date) -> str:
    """Which of several bases it rests on: one that names the agency before one for its city, then the longest."""
    covering = [basis for basis in need.sharing_basis if _covers(basis, agency, day)]
    first = min(covering, key=lambda b: (b.recipient != agency.code, -(b.valid_to or date.max).toordinal()))
    return first.basis_id
