"""Of the needs that are under way: who owes the answer, as it is measured."""

from datetime import timedelta
from typing import Any

import pytest

from services.referral.domain.journey import Wanted
from services.referral.domain.owing import Counted, Kept, Lying, counted
from tests.builders import NOW, REFERRAL_ID

FIRST, SECOND, OTHER = str(REFERRAL_ID), "second", "other"


def a_wanted(state: str = "open") -> Wanted:
    return Wanted(REFERRAL_ID, "health.primary", None, state)


def lying(state: str = "REQUESTED", **known: Any) -> Lying:
    given: dict[str, Any] = {"owner": "pa.accura.clinic", "due_at": NOW + timedelta(days=1), "successor_id": None}
    return Lying(state, **given | known)


def unanswered(state: str = "open", **kept: Any) -> int:
    return counted([Kept((a_wanted(state),), **kept)]).unanswered


def test_an_open_referral_with_an_owner_and_a_running_timer_owes_the_answer() -> None:
    assert unanswered(referrals={FIRST: lying()}) == 0


@pytest.mark.parametrize(
    "missing", [lying(owner=None), lying(due_at=None), lying("DECLINED"), lying("REROUTED", successor_id=SECOND)]
)
def test_without_owner_or_timer_or_when_it_is_over_nobody_does(missing: Lying) -> None:
    assert unanswered(referrals={FIRST: missing}) == 1
    assert unanswered(referrals={}) == 1


def test_whoever_took_over_owes_it_and_so_does_whoever_has_a_task() -> None:
    over = lying("DECLINED", successor_id=SECOND)

    assert unanswered(referrals={FIRST: over, SECOND: lying()}) == 0
    assert unanswered(referrals={FIRST: over, SECOND: lying("DECLINED")}, tasked={SECOND}) == 0
    assert unanswered(referrals={FIRST: over}, tasked={FIRST}) == 0


def test_a_need_that_leans_on_another_referral_is_owed_by_where_that_one_lies() -> None:
    assert unanswered("linked", referrals={OTHER: lying()}, linked={FIRST: OTHER}) == 0
    assert unanswered("linked", referrals={OTHER: lying("CLOSED")}, linked={FIRST: OTHER}) == 1
    assert unanswered("linked", referrals={OTHER: lying()}) == 1


def test_what_is_settled_is_not_counted() -> None:
    settled = tuple(a_wanted(state) for state in ("served", "ended", "unmet"))

    assert counted([Kept((*settled, a_wanted("waiting")))]) == Counted({"open": 0, "waiting": 1, "linked": 0}, 1)
