"""How a referral is told in a line of a queue."""

from datetime import timedelta

from services.referral.domain import telling
from services.referral.domain.referral import Entry
from tests.builders import NOW, a_referral


def test_a_queue_says_since_when_a_referral_is_in_its_state() -> None:
    states = ("REQUESTED", "WAITLISTED", "WAITLISTED")
    history = tuple(
        Entry(n, NOW + timedelta(hours=n), "c", "receiver", None, state, ()) for n, state in enumerate(states)
    )

    told = telling.queued(a_referral("WAITLISTED", history=history))

    assert told["since"] == NOW + timedelta(hours=1)
    assert (told["version"], told["state"]["code"]) == (3, "WAITLISTED")
