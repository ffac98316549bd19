"""Where a need goes, and why not elsewhere."""

from datetime import date
from typing import Any

import pytest

from contracts.commands import Need
from contracts.directory import Agency, AreaServed, Offer
from contracts.values import SharingBasis
from services.referral.domain.candidates import candidates
from services.referral.domain.routing import Search, route
from tests.builders import NETWORK_1, TODAY, a_basis, a_decision, a_need, an_agency, an_offer

PRIVATE = an_agency("pa.accura", sharing_role="private_partner")


def search(need: Need | None = None, **known: Any) -> Search:
    return Search(need or a_need(), **known)


def out_by(*offers: Offer, **known: Any) -> str | None:
    decision = a_decision(*offers, **known)
    return decision.out[0].out_by if decision.out else "area" if decision.out_by_area else None


def test_an_open_offer_in_the_city_of_an_agency_that_is_covered_is_admitted() -> None:
    decision = a_decision(an_offer())

    assert decision.first is not None
    assert decision.first.offer == "pa.accura.primary"
    assert decision.why is None


def test_every_filter_of_the_rule_set_is_answered_for_a_candidate_in_the_order_of_the_rule_set() -> None:
    decision = a_decision(an_offer(rules=({"rule": "referral_required", "value": True},)))

    assert decision.candidates[0].rules[: len(NETWORK_1.filters)] == tuple((f, "yes") for f in NETWORK_1.filters)
    assert decision.candidates[0].rules[-1] == ("referral_required", "yes")


@pytest.mark.parametrize(
    "offer",
    [
        an_offer(status="closed"),
        an_offer(valid_from=date(2026, 10, 28)),
        an_offer(valid_to=date(2026, 10, 26)),
    ],
    ids=["closed", "not yet", "no longer"],
)
def test_an_offer_that_is_not_open_on_the_day_is_out(offer: Offer) -> None:
    assert out_by(offer) == "offer_open"


def test_an_offer_is_open_on_its_first_and_its_last_day() -> None:
    assert a_decision(an_offer(valid_from=TODAY, valid_to=TODAY)).first is not None


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_an_agency_that_is_not_active_is_not_asked(status: str) -> None:
    assert out_by(an_offer(), agencies=(an_agency(status=status),)) == "offer_open"


def test_an_offer_of_an_agency_the_directory_has_not_told_of_is_not_asked() -> None:
    decision = route(search(), candidates([an_offer()], {}), TODAY, NETWORK_1)

    assert decision.out[0].out_by == "offer_open"


def test_offers_that_serve_other_cities_are_counted_and_not_listed() -> None:
    decision = a_decision(an_offer("ct.x.primary", area_served=AreaServed(cities=("catania",))))

    assert decision.out == ()
    assert decision.out_by_area == 1
    assert decision.why == "no_offer"


@pytest.mark.parametrize(("travels", "any_city", "admitted"), [
    (("torino",), True, True), (("torino",), False, False), (("roma",), True, False), ((), True, False)])  # fmt: skip
def test_a_person_goes_to_another_city_only_if_willing_and_welcome_there(
    travels: tuple[str, ...], any_city: bool, admitted: bool
) -> None:
    far = an_offer("to.casa.bed", area_served=AreaServed(cities=("torino",), any_network_city=any_city))
    need = a_need(willing_to_travel=travels, sharing_basis=(a_basis("city:torino"),))

    decision = a_decision(far, search=search(need), agencies=(an_agency("to.casa", city="torino"),))

    assert (decision.first is not None) == admitted


def test_an_agency_the_person_excluded_is_out_whatever_the_basis_says() -> None:
    assert out_by(search=search(a_need(withhold=("pa.accura",)))) == "withheld"


def test_a_refused_recipient_wins_over_a_wider_basis() -> None:
    need = a_need(sharing_basis=(a_basis(), a_basis("pa.accura", refused=True)))

    assert out_by(search=search(need)) == "withheld"


def test_refusing_a_whole_city_excludes_its_public_bodies_and_not_a_private_partner_with_a_basis_of_its_own() -> None:
    need = a_need(sharing_basis=(a_basis("pa.accura"), a_basis("city:palermo", refused=True)))

    assert out_by(search=search(need)) == "withheld"
    assert a_decision(search=search(need), agencies=(PRIVATE,)).first is not None


def test_a_basis_for_the_city_does_not_cover_a_private_partner() -> None:
    assert out_by(agencies=(PRIVATE,)) == "sharing"


def test_a_private_partner_is_covered_by_an_entry_that_names_it() -> None:
    need = a_need(sharing_basis=(a_basis("pa.accura"),))

    assert a_decision(search=search(need), agencies=(PRIVATE,)).first is not None


@pytest.mark.parametrize(
    "basis",
    [
        a_basis("city:torino"),
        a_basis(purposes=["reporting_aggregate"]),
        a_basis(withdrawn_at="2026-10-01T00:00:00Z"),
        a_basis(valid_from=date(2026, 10, 28)),
        a_basis(valid_to=date(2026, 10, 26)),
    ],
    ids=["other city", "other purpose", "withdrawn", "not yet", "no longer"],
)
def test_a_basis_that_does_not_hold_today_for_this_recipient_and_purpose_covers_nobody(basis: SharingBasis) -> None:
    assert out_by(search=search(a_need(sharing_basis=(basis,)))) == "sharing"


def test_a_basis_holds_on_its_first_and_its_last_day() -> None:
    need = a_need(sharing_basis=(a_basis(valid_from=TODAY, valid_to=TODAY),))

    assert a_decision(search=search(need)).first is not None


def test_an_agency_that_was_asked_before_is_not_asked_again() -> None:
    assert out_by(search=search(hop=1, tried=("pa.accura",))) == "already_tried"


@pytest.mark.parametrize(("hop", "admitted"), [(0, True), (3, True), (4, False)])
def test_after_three_successors_nobody_else_is_asked(hop: int, admitted: bool) -> None:
    decision = a_decision(search=search(hop=hop))

    assert (decision.first is not None) == admitted
    assert decision.why == (None if admitted else "hops")


def test_a_named_offer_is_the_only_candidate_of_the_first_search_and_one_of_all_later() -> None:
    offers = (an_offer("pa.accura.primary"), an_offer("pa.salute.primary"))
    need = a_need(named_offer="pa.salute.primary")

    first, later = (a_decision(*offers, search=search(need, hop=hop)) for hop in (0, 1))

    assert [v.offer for v in first.candidates] == ["pa.salute.primary"]
    assert [v.offer for v in later.candidates] == ["pa.accura.primary", "pa.salute.primary"]


def test_a_referral_that_was_passed_on_goes_to_the_agency_it_was_passed_to() -> None:
    offers = (an_offer("pa.accura.primary"), an_offer("pa.salute.primary"))

    decision = a_decision(*offers, search=search(hop=1, next_agency="pa.salute"))

    assert [v.offer for v in decision.candidates] == ["pa.salute.primary"]


def test_the_sender_may_receive_its_own_referral() -> None:
    decision = a_decision(an_offer("pa.comune.assessment"))

    assert decision.first is not None
    assert decision.first.agency == "pa.comune"


# -- the order ---------------------------------------------------------------------------------------------------------


def order_of(*offers: Offer, need: Need | None = None, agencies: tuple[Agency, ...] = ()) -> list[str]:
    decision = a_decision(*offers, search=search(need), agencies=agencies)
    return [verdict.offer for verdict in decision.candidates]


def test_an_offer_that_admits_comes_before_one_that_has_to_be_checked() -> None:
    checked = an_offer("pa.a.primary", rules=({"rule": "household_size_max", "value": 4},))

    assert order_of(checked, an_offer("pa.b.primary")) == ["pa.b.primary", "pa.a.primary"]


def test_the_first_language_comes_before_another_and_another_before_none() -> None:
    offers = (an_offer("pa.a.x"), an_offer("pa.b.x", languages=("en",)), an_offer("pa.c.x", languages=("bn",)))

    assert order_of(*offers, need=a_need(language="bn", other_languages=("en",))) == ["pa.c.x", "pa.b.x", "pa.a.x"]


def test_a_language_that_was_not_stated_counts_as_none() -> None:
    decision = a_decision(an_offer(languages=("it",)), search=search(a_need(language=None)))

    assert decision.candidates[0].order[1] == "none"


def test_the_city_of_the_person_comes_before_others() -> None:
    everywhere = AreaServed(cities=("palermo", "torino"))
    near, far = an_offer("pa.b.x", area_served=everywhere), an_offer("pa.a.x", area_served=everywhere)
    need = a_need(sharing_basis=(a_basis(), a_basis("city:torino")))

    assert order_of(near, far, need=need, agencies=(an_agency("pa.a", city="torino"),)) == ["pa.b.x", "pa.a.x"]


def test_public_bodies_and_delegated_partners_come_before_private_ones_and_then_the_code_decides() -> None:
    roles = {"pa.a": "private_partner", "pa.b": "public_body", "pa.c": "delegated_partner", "pa.d": "public_body"}
    agencies = tuple(an_agency(code, sharing_role=role) for code, role in roles.items())
    need = a_need(sharing_basis=(a_basis(), a_basis("pa.a")))

    order = order_of(*(an_offer(f"{code}.x") for code in roles), need=need, agencies=agencies)

    assert order == ["pa.b.x", "pa.c.x", "pa.d.x", "pa.a.x"]


# -- why nobody --------------------------------------------------------------------------------------------------------


def test_what_alone_kept_somebody_out_is_why_nobody_was_found() -> None:
    minor_only = ({"rule": "age_between", "min": None, "max": 17},)
    offers = (an_offer("pa.a.x", rules=minor_only), an_offer("pa.b.x"), an_offer("pa.c.x"))
    need = a_need(age_band="25-39", withhold=("pa.b", "pa.a"))

    withheld = a_decision(*offers, search=search(need, tried=("pa.c",)))
    shared = a_decision(*offers, search=search(need), agencies=(an_agency("pa.c", sharing_role="private_partner"),))

    assert withheld.why == "withheld"
    assert shared.why == "sharing"


def test_an_excluded_agency_that_would_not_have_admitted_is_out_for_its_rules() -> None:
    minor_only = an_offer(rules=({"rule": "age_between", "min": None, "max": 17},))

    assert a_decision(minor_only, search=search(a_need(age_band="25-39", withhold=("pa.accura",)))).why == "admission"


def test_the_same_facts_give_the_same_decision_in_whatever_order_the_directory_lists_offers() -> None:
    offers = (an_offer("pa.a.x"), an_offer("pa.b.x"), an_offer("pa.c.x", status="closed"))

    assert a_decision(*offers) == a_decision(*reversed(offers))
