"""No need without an answer, whatever desks do: a part of the sixty days that `python -m tests.days` plays."""

from collections import Counter

from tests.days.city import City
from tests.days.endings import endings
from tests.days.population import KINDS


def test_no_need_is_without_an_answer_after_any_day_though_desks_decline_ignore_and_vanish() -> None:
    city = City(seed=7, intakes=50)

    for _day in city.days(21):
        assert city.wrong() == []
        assert city.measured().unanswered == 0

    assert set(city.population.kinds.values()) == set(KINDS)
    answered = Counter(ending.at is not None for _, ending in endings(city.network))
    assert answered[True] > answered[False] > 0


def test_a_need_that_everybody_forgot_would_be_seen_after_that_day() -> None:
    city = City(seed=7, intakes=10)
    list(city.days(1))
    open_ones = [referral for referral in city.network.referrals.values() if referral.is_open]

    for referral in open_ones:
        city.network.db["referrals"].docs.pop(str(referral.referral_id))

    assert len(city.wrong()) == city.measured().unanswered == len(open_ones) > 0
