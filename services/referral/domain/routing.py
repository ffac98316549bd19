"""Which offer a need goes to: every candidate is judged by a rule set of `routing.json`, filter by filter."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts import codes
from contracts.commands import Need
from contracts.directory import StricterLimit
from contracts.events import Verdict
from services.referral.domain import admission, ordering, sharing
from services.referral.domain.candidates import Candidate
from services.referral.domain.choice import ORDER, Choice
from services.referral.domain.rules import RuleSet

FILTERS = codes.codes("routing", "filters")
REFUSED_BY: dict[str, str] = {code: f["rejection_code"] for code, f in FILTERS.items() if f["rejection_code"]}
"""The refusal that names a filter, for those that have one."""

NO_ONE_BUT_FOR = ("hops", "sharing", "withheld", "already_tried", "admission")
"""Why nobody was found, most telling first: each alone kept somebody out, else no offer serves the place."""


@dataclass(frozen=True, slots=True)
class Search:
    """One need to be routed: at which hop, whom not to ask again, who alone is asked (passed on), or which offer a
    caseworker chose among all.
    """

    need: Need
    hop: int = 0
    tried: tuple[str, ...] = ()
    next_agency: str | None = None
    choice: Choice | None = None

    @property
    def named_offer(self) -> str | None:
        """The only one that is looked at, at first."""
        named = self.need.named_offer if self.hop == 0 and self.choice is None else "any"
        return None if named == "any" else named

    @property
    def asks_all(self) -> bool:
        """Whether every offer of the service is looked at."""
        return self.named_offer is None and self.next_agency is None

    def asks(self, offer: str, agency: str) -> bool:
        """Whether it is looked at, whatever the rules say of it."""
        return self.named_offer in (None, offer) and self.next_agency in (None, agency)


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
    """The whole explanation: who was judged how on that day, by what, in which order, and who comes first.

    candidates: the admitted in order. out: the others with the filter that put them out. out_by_area: how many offers
    of the service serve other areas. facts: those that serve this one, as they were judged; None when it was stored
    before facts were. against: what the choice of a caseworker goes against, the order or filters that its offer fails;
    then first is their choice if its reason sets that aside, else None. why: when there is no candidate, what stood in
    the way (a filter's code, or no_offer).
    """

    search: Search
    day: date
    candidates: tuple[Verdict, ...]
    out: tuple[Verdict, ...]
    out_by_area: int
    first: Place | None
    rule_set: str
    facts: tuple[Candidate, ...] | None = None
    against: tuple[str, ...] = ()

    @property
    def why(self) -> str | None:
        if self.first:
            return None
        alone = {_alone(verdict) for verdict in self.out}
        return next((reason for reason in NO_ONE_BUT_FOR if reason in alone), "no_offer")

    @property
    def judged(self) -> tuple[Verdict, ...]:
        return self.candidates + self.out


def route(search: Search, offers: Iterable[Candidate], day: date, rules: RuleSet, elsewhere: int = 0) -> Decision:
    """Judge every offer of the service that serves the area (only the named one at hop 0, only the next agency's when
    passed on), in whatever order they come. elsewhere: how many of other areas were not even handed in.
    """
    asked = [of for of in offers if of.service == search.need.service and search.asks(of.offer, of.agency.code)]
    here = sorted((of for of in asked if serves(search.need, of)), key=lambda of: of.offer)
    judged = [(of, _judge(rules, search, of, day)) for of in here]
    admitted = sorted(
        (pair for pair in judged if pair[1].out_by is None), key=lambda pair: ordering.rank(rules, pair[1].order)
    )
    by_rules = admitted[0][0] if admitted else None
    first, against = _chosen(search.choice, judged, by_rules, rules) if search.choice else (by_rules, ())
    return Decision(
        search=search,
        day=day,
        candidates=tuple(verdict for _, verdict in admitted),
        out=tuple(verdict for _, verdict in judged if verdict.out_by),
        out_by_area=len(asked) - len(here) + elsewhere,
        first=_place(search.need, first, day) if first else None,
        rule_set=rules.code,
        facts=tuple(here),
        against=against,
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
        "override_reason": decision.search.choice.reason if decision.search.choice and decision.against else None,
        "against": decision.against,
    }


def not_to_be_chosen(decision: Decision) -> str:
    """The refusal of a choice that goes against what nobody sets aside."""
    return next((REFUSED_BY[f] for f in decision.against if f in REFUSED_BY), "invalid_value")


def passes(verdict: Verdict, filter_: str) -> bool:
    return dict(reversed(verdict.rules)).get(filter_) != "no"


def serves(need: Need, of: Candidate) -> bool:
    """Whether the person can go there: the offer is for their city, or takes all and they would go to its agency's."""
    would_travel = of.any_network_city and of.agency.city in need.willing_to_travel
    return need.city_of_presence in of.cities or would_travel


# -- the filters, in no order of their own: the rule set gives it ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judging:
    """One candidate before the filters."""

    rules: RuleSet
    search: Search
    of: Candidate
    day: date
    admitted: str


def _same_service(one: Judging) -> bool:
    return one.of.service == one.search.need.service


def _is_open(one: Judging) -> bool:
    valid = one.of.valid_from <= one.day and (one.of.valid_to is None or one.day <= one.of.valid_to)
    return one.of.status == "open" and one.of.agency.status == "active" and valid


def _serves_area(one: Judging) -> bool:
    return serves(one.search.need, one.of)


def _not_withheld(one: Judging) -> bool:
    return not sharing.is_withheld(one.search.need, one.of.agency)


def _shared(one: Judging) -> bool:
    return sharing.is_covered(one.search.need, one.of.agency, one.day)


def _admits(one: Judging) -> bool:
    return one.admitted != "no"


def _not_tried(one: Judging) -> bool:
    return one.of.agency.code not in one.search.tried


def _within_hops(one: Judging) -> bool:
    return one.search.hop <= one.rules.max_hops


HOLDS: dict[str, Callable[[Judging], bool]] = {
    "service": _same_service,
    "offer_open": _is_open,
    "area": _serves_area,
    "withheld": _not_withheld,
    "sharing": _shared,
    "admission": _admits,
    "already_tried": _not_tried,
    "hops": _within_hops,
}


def _judge(rules: RuleSet, search: Search, of: Candidate, day: date) -> Verdict:
    admitted, single_rules = admission.admits(of.rules, search.need)
    one = Judging(rules, search, of, day, admitted)
    said = {f: "yes" if HOLDS[f](one) else "no" for f in rules.filters}
    if said.get("admission") == "yes":
        said["admission"] = admitted
    out_by = next((f for f in rules.filters if said[f] == "no"), None)
    return Verdict(
        offer=of.offer,
        agency=of.agency.code,
        verdict="out" if out_by else admitted,
        out_by=out_by,
        rules=(*said.items(), *single_rules),
        order=() if out_by else ordering.order_of(rules, search.need, of, admitted),
    )


def _chosen(
    choice: Choice, judged: list[tuple[Candidate, Verdict]], by_rules: Candidate | None, rules: RuleSet
) -> tuple[Candidate | None, tuple[str, ...]]:
    """The offer of a caseworker's choice, if its reason sets aside what it goes against, and what that is."""
    found = next((pair for pair in judged if pair[0].offer == choice.offer), None)
    if found is None:
        return None, ("no_offer",)
    chosen, verdict = found
    fails = tuple(f for f in rules.filters if not passes(verdict, f))
    against = fails or (() if chosen is by_rules else (ORDER,))
    return (chosen if choice.sets_aside(against) else None), against


def _alone(verdict: Verdict) -> str | None:
    """What kept this offer out, if the person would have been admitted but for that; else admission."""
    return verdict.out_by if passes(verdict, "admission") else "admission"


def _place(need: Need, of: Candidate, day: date) -> Place:
    agency = of.agency
    basis = sharing.rests_on(need, agency, day)
    return Place(of.offer, agency.code, of.queue, agency.city, of.counted, agency.limits, basis)
