"""A stored decision is made again from its own facts, and comes out the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import codes
from contracts.commands import Need
from contracts.directory import Agency, AreaServed, Capacity, Offer
from services.referral import store
from services.referral.domain.candidates import Candidate, candidates
from services.referral.domain.choice import REASONS, Choice
from services.referral.domain.replay import differences, replay
from services.referral.domain.routing import Decision, Search, route
from services.referral.domain.rules import RULE_SETS
from services.referral.domain.sharing import may_be_told
from services.referral.domain.telling import Explanation, replayed
from tests.builders import NOW, TODAY, a_basis, a_decision, a_need, a_recorded_intake, an_agency, an_offer
from tests.domain.test_journey import palermo

CITIES = ("palermo", "torino", "roma")
AGENCIES = ("pa.a", "pa.b", "to.c", "rm.d")
LANGUAGES = ("it", "bn", "fr")


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """So that of much that may stand in the way, often nothing does."""
    return st.sampled_from([usual] * 4 + [*others])


YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def some(of: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(of), max_size=3, unique=True).map(tuple)


PLAIN = tuple(a_basis(f"city:{city}", basis_id=city) for city in CITIES)
RULES = st.sampled_from(
    [
        {"rule": "age_between", "min": None, "max": 17},
        {"rule": "age_between", "min": 18, "max": 30},
        {"rule": "gender_in", "values": ("female",)},
        {"rule": "household_size_max", "value": 2},
        {"any_of": ({"rule": "gender_in", "values": ("male",)}, {"rule": "language_in", "values": ("fr",)})},
    ]
)


@st.composite
def needs(draw: st.DrawFn) -> Need:
    bases = st.builds(
        a_basis,
        st.sampled_from([*AGENCIES, *(f"city:{city}" for city in CITIES)]),
        basis_id=st.sampled_from(["b1", "b2", "b3"]),
        refused=mostly(False, True),
        withdrawn_at=mostly(None, NOW),
        valid_from=mostly(TODAY, YESTERDAY, TOMORROW),
        valid_to=mostly(None, YESTERDAY, TODAY),
    )
    return a_need(
        named_offer=draw(mostly("any", "pa.a.x")),
        city_of_presence=draw(st.sampled_from(CITIES)),
        willing_to_travel=draw(some(CITIES)),
        withhold=draw(mostly((), *((code,) for code in AGENCIES))),
        sharing_basis=(*draw(mostly(PLAIN, ())), *draw(st.lists(bases, max_size=3))),
        age_band=draw(st.sampled_from(["unknown", "15-17", "25-39"])),
        gender=draw(st.sampled_from(["female", "male", "not_stated"])),
        household_size=draw(st.sampled_from([None, 1, 4])),
        language=draw(st.sampled_from([None, *LANGUAGES])),
        other_languages=draw(some(LANGUAGES)),
    )


@st.composite
def agencies(draw: st.DrawFn) -> dict[str, Agency]:
    known = {}
    for code in draw(mostly(AGENCIES, AGENCIES[1:])):
        known[code] = an_agency(
            code,
            city=draw(st.sampled_from(CITIES)),
            status=draw(mostly("active", "suspended")),
            sharing_role=draw(mostly("public_body", "delegated_partner", "private_partner")),
        )
    return known


@st.composite
def offers(draw: st.DrawFn) -> list[Offer]:
    def one(agency: str, n: int) -> Offer:
        area = AreaServed(cities=draw(mostly(CITIES, CITIES[:1], ())), any_network_city=draw(st.booleans()))
        return an_offer(
            f"{agency}.{'xyz'[n]}",
            agency=agency,
            service=draw(mostly("health.primary", "lab.it")),
            status=draw(mostly("open", "closed")),
            area_served=area,
            valid_from=draw(mostly(TODAY, TOMORROW)),
            valid_to=draw(mostly(None, YESTERDAY, TODAY)),
            languages=draw(some(LANGUAGES)),
            capacity=Capacity(kind="appointment_slot", total=draw(st.sampled_from([None, 3]))),
            rules=tuple(draw(st.lists(RULES, max_size=1))),
        )

    return [one(agency, n) for n in range(2) for agency in AGENCIES]


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    judged, known, rule_set = draw(offers()), draw(agencies()), draw(st.sampled_from([*RULE_SETS.values()]))
    waiting = {of.queue: draw(st.integers(0, 3)) for of in judged} if rule_set.counts_waiting else None
    tried, passed_to = draw(mostly((), AGENCIES[:1], AGENCIES[1:3])), draw(mostly(None, "to.c"))
    search = Search(draw(needs()), draw(mostly(0, 1, 3, 4)), tried, passed_to)
    facts: list[Candidate] = draw(st.permutations(candidates(judged, known, waiting)))
    by_rules = route(search, facts, TODAY, rule_set, draw(st.integers(0, 5)))
    if not draw(st.booleans()):
        return by_rules
    not_first = [v.offer for v in by_rules.judged if v not in by_rules.candidates[:1] and v.out_by != "offer_open"]
    offer = draw(st.sampled_from(not_first or ["pa.a.x"]) | st.sampled_from(["pa.a.x", "to.c.y"]))
    reason = draw(st.just("agreed_with_receiver") | st.sampled_from([None, *REASONS]))
    return route(replace(search, choice=Choice(offer, reason)), facts, TODAY, rule_set, by_rules.out_by_area)


def stored(decision: Decision) -> Decision:
    """As it comes back from the store."""
    doc = store.EXPLANATION.dump_python(Explanation(UUID(int=1), NOW, decision), mode="json")
    return store.EXPLANATION.validate_python(bson.decode(bson.encode(doc))).decision


@given(decisions())
def test_a_stored_decision_made_again_from_its_facts_is_the_same(decision: Decision) -> None:
    kept = stored(decision)

    assert kept == decision
    assert replay(kept) == decision


def test_all_of_what_is_drawn_occurs_so_that_the_property_says_something() -> None:
    seen: set[str] = set()

    @settings(derandomize=True, max_examples=400)
    @given(decisions())
    def look(decision: Decision) -> None:
        seen.update({decision.why or "somebody", decision.rule_set})
        seen.update({"to order"} if len(decision.candidates) > 1 else ())
        seen.update(f"against {code}" for code in decision.against if decision.first)

    look()

    assert {
        "somebody",
        "no_offer",
        "admission",
        "sharing",
        *RULE_SETS,
        "to order",
        "against order",
        "against admission",
    } <= seen


@given(decisions())
def test_whatever_is_chosen_nobody_is_asked_whom_the_person_withholds_or_no_basis_covers(decision: Decision) -> None:
    asked = [of.agency for of in decision.facts or () if decision.first and of.offer == decision.first.offer]

    assert len(asked) == bool(decision.first)
    assert all(may_be_told(decision.search.need, agency, decision.day) for agency in asked)


def test_a_decision_whose_facts_say_otherwise_is_told_to_differ_and_in_what() -> None:
    kept = a_decision(an_offer("pa.a.x"), an_offer("pa.b.x"))
    assert kept.facts
    closed = replace(kept, facts=(replace(kept.facts[0], status="closed"), *kept.facts[1:]))

    again = replay(closed)

    assert again
    assert differences(closed, again) == ("candidates", "out", "first")
    assert replayed(Explanation(UUID(int=1), NOW, closed)) == {"same": False, "differs": ("candidates", "out", "first")}


@pytest.mark.parametrize("lost", [{"facts": None}, {"rule_set": "network-0"}], ids=["facts", "rules"])
def test_a_decision_of_which_the_facts_or_the_rules_are_gone_is_not_said_to_be_the_same(lost: dict[str, Any]) -> None:
    kept = replace(a_decision(), **lost)

    assert replay(kept) is None
    assert replayed(Explanation(UUID(int=1), NOW, kept))["same"] is None


# -- as it is stored ---------------------------------------------------------------------------------------------------


def test_what_is_stored_holds_no_word_that_people_wrote() -> None:
    network = palermo(an_offer(label={"it": "Polo sanitario"}))

    network.ask(a_recorded_intake(sender_ref="T-1", priority="URGENT", priority_reason="Dorme in stazione"))

    (doc,) = network.db["decisions"].all()
    assert doc["decision"]["first"]["offer"] == "pa.accura.primary"
    assert not [word for word in ("T-1", "stazione", "Polo") if word in str(doc)]


def test_where_it_is_in_force_those_are_asked_first_at_whom_the_fewest_wait_and_the_count_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(codes.table("routing")["in_force"]["cities"], "palermo", "fewest-waiting-1")
    network = palermo(an_offer("pa.a.x"), an_offer("pa.b.x"))

    for n in range(4):
        network.ask(a_recorded_intake(intake_id=UUID(int=20 + n), person_ref=f"p-{n}"))

    kept = [store.EXPLANATION.validate_python(doc).decision for doc in network.db["decisions"].all()]
    assert [one.first and one.first.offer for one in kept] == ["pa.a.x", "pa.b.x", "pa.a.x", "pa.b.x"]
    assert {one.rule_set for one in kept} == {"fewest-waiting-1"}
    assert [verdict.order[0] for verdict in kept[3].candidates] == [1, 2]
    assert [replay(one) for one in kept] == kept
