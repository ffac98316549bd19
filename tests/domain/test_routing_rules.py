"""Rule sets are data: what each must have, and that none changes under its name."""

import hashlib
import json

import pytest

from contracts import codes
from services.referral.domain import ordering, routing, rules
from services.referral.domain.rules import RULE_SETS, RuleSet
from tests.builders import a_decision, an_offer
from tests.domain.test_routing import order_of

MADE_FOR_EVER = {"network-1": "82c69c231419", "fewest-waiting-1": "33fbdcc3f04c"}
"""The first of the hash of what each says. A rule set that is to say something else gets another name."""

ALL = pytest.mark.parametrize("rule_set", RULE_SETS.values(), ids=RULE_SETS)


@ALL
def test_a_rule_set_says_for_ever_what_its_name_has_meant(rule_set: RuleSet) -> None:
    said = json.dumps([rule_set.filters, rule_set.order, rule_set.max_hops])

    assert hashlib.sha256(said.encode()).hexdigest()[:12] == MADE_FOR_EVER[rule_set.code]


@ALL
def test_every_rule_set_asks_what_is_the_persons_own_and_who_serves_the_place_at_all(rule_set: RuleSet) -> None:
    assert {"service", "area", "withheld", "sharing"} <= set(rule_set.filters)


@ALL
def test_the_words_of_a_rule_set_are_explained_and_the_last_one_leaves_no_two_alike(rule_set: RuleSet) -> None:
    assert set(rule_set.filters) <= set(routing.FILTERS) == set(routing.HOLDS)
    assert set(rule_set.order) <= set(codes.codes("routing", "order")) == set(ordering.SAYS)
    assert rule_set.order[-1] == "offer_code"


def test_every_word_of_an_order_has_ranks_or_says_how_it_ascends() -> None:
    for word, criterion in codes.codes("routing", "order").items():
        assert (word in ordering.RANKS) != ("ascending" in criterion), word


def test_what_is_in_force_is_said_for_the_network_and_for_single_cities(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rules.in_force("palermo").code == "network-1"

    monkeypatch.setitem(codes.table("routing")["in_force"]["cities"], "torino", "fewest-waiting-1")

    assert (rules.in_force("torino").code, rules.in_force("palermo").code) == ("fewest-waiting-1", "network-1")


def test_the_fewest_waiting_come_before_the_first_language_and_the_language_decides_between_as_many() -> None:
    spoken, other = an_offer("pa.b.x", languages=("it",)), an_offer("pa.a.x")
    alike = an_offer("pa.c.x", languages=("it",))

    decision = a_decision(spoken, other, alike, waiting={"pa.a.desk": 1, "pa.b.desk": 2, "pa.c.desk": 1},
                          rule_set="fewest-waiting-1")  # fmt: skip

    assert [verdict.offer for verdict in decision.candidates] == ["pa.a.x", "pa.c.x", "pa.b.x"]
    assert order_of(spoken, other, alike) == ["pa.a.x", "pa.b.x", "pa.c.x"]
