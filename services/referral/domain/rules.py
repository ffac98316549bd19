"""The rule sets of `routing.json`: by which filters and in which order, and which one a need is routed by."""

from dataclasses import dataclass
from typing import Any

from contracts import codes

WAITING = "waiting"
"""The criterion for which requests are counted that wait at the queue of an offer."""

WAITING_STATES: tuple[str, ...] = tuple(codes.codes("routing", "order")[WAITING]["states"])


@dataclass(frozen=True, slots=True)
class RuleSet:
    """filters and order: words of `routing.json`. The code ends in a version: another content has another code."""

    code: str
    filters: tuple[str, ...]
    order: tuple[str, ...]
    max_hops: int

    @property
    def counts_waiting(self) -> bool:
        return WAITING in self.order


def find(code: str) -> RuleSet | None:
    """A rule set that is known, in force or not."""
    return RULE_SETS.get(code)


def in_force(city: str) -> RuleSet:
    """By which the needs of those are routed who are in this city."""
    policy: dict[str, Any] = codes.table("routing")["in_force"]
    return RULE_SETS[policy["cities"].get(city, policy["network"])]


def _rule_set(raw: dict[str, Any]) -> RuleSet:
    return RuleSet(raw["code"], tuple(raw["filters"]), tuple(raw["order"]), raw["max_hops"])


RULE_SETS = {code: _rule_set(raw) for code, raw in codes.codes("routing", "rule_sets").items()}
