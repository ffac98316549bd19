"""A stored decision made again from the facts that were stored with it."""

from dataclasses import fields

from services.referral.domain import routing, rules
from services.referral.domain.routing import Decision


def replay(kept: Decision) -> Decision | None:
    """By the rule set that it names; None when that is known no more, or when no facts were stored yet."""
    rule_set = rules.find(kept.rule_set)
    if rule_set is None or kept.facts is None:
        return None
    return routing.route(kept.search, kept.facts, kept.day, rule_set, kept.out_by_area)


def differences(kept: Decision, again: Decision) -> tuple[str, ...]:
    """In which parts the two are not the same."""
    return tuple(part.name for part in fields(kept) if getattr(kept, part.name) != getattr(again, part.name))
