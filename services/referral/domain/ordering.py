"""What places an offer among the admitted: for each word of a rule set's order, what it says of a candidate."""

from collections.abc import Callable
from typing import Any

from contracts import codes
from contracts.commands import Need
from services.referral.domain.candidates import Candidate
from services.referral.domain.rules import RuleSet

Order = tuple[Any, ...]


def order_of(rules: RuleSet, need: Need, candidate: Candidate, admitted: str) -> Order:
    """In the words of `routing.json`, one for each criterion of the rule set. admitted: yes or to_check."""
    return tuple(SAYS[word](need, candidate, admitted) for word in rules.order)


def rank(rules: RuleSet, order: Order) -> tuple[Any, ...]:
    """What sorts: the lowest first."""
    return tuple(RANKS[word][said] if word in RANKS else said for word, said in zip(rules.order, order, strict=True))


def _waiting(need: Need, candidate: Candidate, admitted: str) -> int:
    return candidate.waiting or 0


def _admission(need: Need, candidate: Candidate, admitted: str) -> str:
    return admitted


def _language(need: Need, candidate: Candidate, admitted: str) -> str:
    if need.person.language in candidate.languages:
        return "first"
    return "another" if set(need.person.other_languages) & set(candidate.languages) else "none"


def _own_city(need: Need, candidate: Candidate, admitted: str) -> str:
    return "own" if candidate.agency.city == need.city_of_presence else "other"


def _agency_role(need: Need, candidate: Candidate, admitted: str) -> str:
    return candidate.agency.sharing_role


def _offer_code(need: Need, candidate: Candidate, admitted: str) -> str:
    return candidate.offer


SAYS: dict[str, Callable[[Need, Candidate, str], str | int]] = {
    "waiting": _waiting,
    "admission": _admission,
    "language": _language,
    "own_city": _own_city,
    "agency_role": _agency_role,
    "offer_code": _offer_code,
}

RANKS: dict[str, dict[str, int]] = {
    word: {said: n for n, alike in enumerate(criterion["ranks"]) for said in alike}
    for word, criterion in codes.codes("routing", "order").items()
    if "ranks" in criterion
}
"""Of the words that are not numbers or text of their own."""
