"""Who waits for a place that will not come: their sender is asked, and does not learn it a month later."""

from typing import Any
from uuid import UUID

import pytest

from contracts.directory import Capacity, Offer, Waitlist
from services.referral.domain import needs
from tests.builders import a_recorded_intake, an_agency, an_offer
from tests.domain.test_places_priority import say
from tests.offline import Offline

HOUSE = an_offer(
    "pa.accura.house",
    service="housing.temporary",
    capacity=Capacity(kind="bed_night", total=4),
    waitlist=Waitlist(enabled=True),
)


def a_family_waits() -> tuple[Offline, UUID]:
    """One of three, behind one of two in a house with four beds."""
    network = Offline((an_agency("pa.comune"), an_agency("pa.accura")), (HOUSE,))
    for n, members in ((1, 2), (2, 3)):
        network.ask(
            a_recorded_intake("housing.temporary", intake_id=UUID(int=n), person_ref=f"p-{n}", household_size=members)
        )
    waits = needs.referral_id(UUID(int=2), 0)
    assert network.referrals[waits].state == "WAITLISTED"
    return network, waits


def told(network: Offline, **changed: Any) -> Offer:
    """What the directory says of the house now."""
    entry = HOUSE.model_copy(update=changed | {"version": network.asked})
    network.ask(entry)
    return entry


SMALLER = {"capacity": Capacity(kind="bed_night", total=2)}


@pytest.mark.parametrize("changed", [{"status": "closed"}, SMALLER])
def test_the_sender_of_who_waits_in_vain_has_a_task(changed: dict[str, Any]) -> None:
    network, waits = a_family_waits()

    told(network, **changed)

    assert [(t.kind, t.agency, t.referral_id, t.next) for t in network.tasks] == [
        ("waits_in_vain", "pa.comune", waits, "sender_decides")
    ]
    assert network.referrals[waits].state == "WAITLISTED", "people decide"


def test_it_is_asked_once_and_the_person_keeps_their_place_on_the_list() -> None:
    network, waits = a_family_waits()
    told(network, status="closed")
    told(network, status="closed", label={"it": "Casa"})
    assert len(network.tasks) == 1

    told(network)
    say(network, needs.referral_id(UUID(int=1), 0), "decline", decline_reason="person_refused")

    assert network.referrals[waits].seat == "held"


def test_who_can_still_have_a_place_waits_on_and_nobody_is_asked() -> None:
    network, _ = a_family_waits()

    told(network, capacity=Capacity(kind="bed_night", total=3))

    assert network.tasks == []
