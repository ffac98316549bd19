"""A receiver declines because the person is served already, and says by which referral: the request leans on it."""

from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted, CommandRejected
from contracts.events import ReferralDeclined
from contracts.values import Message
from services.referral import reading
from services.referral.domain import needs
from services.referral.domain.owing import Counted, counted
from tests.builders import INTAKE_ID, a_command, a_recorded_intake, an_agency, an_offer
from tests.offline import Offline, finished

FIRST = needs.referral_id(INTAKE_ID, 0)
AGAIN_ID, OTHER_ID = UUID(int=31), UUID(int=32)
AGAIN, OTHER = needs.referral_id(AGAIN_ID, 0), needs.referral_id(OTHER_ID, 0)
LINK_REASONS = ("already_served", "duplicate_request")


def two_clinics(**again: Any) -> Offline:
    """A person is with Accura; once more asked for, they are sent to another clinic."""
    offers = (an_offer(), an_offer("pa.salute.primary"), an_offer("pa.salute.lab", service="lab.it"))
    network = Offline((an_agency(), an_agency("pa.salute")), offers)
    network.ask(a_recorded_intake())
    say(network, FIRST, "accept")
    asked = {"service": "health.primary", "offer": "pa.salute.primary"}
    network.ask(a_recorded_intake(asked, intake_id=AGAIN_ID, **again))
    return network


def say(network: Offline, referral: UUID, command: str, by: str = "pa.accura", **fields: Any) -> list[Message]:
    return network.ask(a_command(command, referral_id=referral, by=by, **fields))


def declined(
    network: Offline, by_which: UUID, *, by: str = "pa.salute", reason: str = "already_served"
) -> list[Message]:
    return say(network, AGAIN, "decline", by=by, decline_reason=reason, linked_referral_id=by_which)


def state_of(network: Offline, need: UUID) -> str:
    return next(one.state for journey in network.journeys for one in journey.needs if one.need_id == need)


@pytest.mark.parametrize("reason", LINK_REASONS)
def test_it_leans_on_the_open_referral_that_serves_the_person_and_the_sender_is_told_which(reason: str) -> None:
    network = two_clinics()

    said = declined(network, FIRST, reason=reason)

    (event,) = (message for message in said if isinstance(message, ReferralDeclined))
    assert (event.linked_referral_id, event.next) == (FIRST, "link_existing")
    assert state_of(network, AGAIN) == "linked"
    assert network.tasks == [], "it is linked: nobody has to do it"


def test_while_it_leans_on_an_open_referral_its_answer_is_owed() -> None:
    """Else whoever watches the network would be called for nothing."""
    network = two_clinics()
    declined(network, FIRST)

    async def look() -> Counted:
        return counted([kept async for kept in reading.read_under_way(network.db)])

    assert finished(look()) == Counted({"open": 1, "waiting": 0, "linked": 1}, unanswered=0)


@pytest.mark.parametrize(("outcome", "state", "tasks"), [
    ("served_completed", "served", []),
    ("person_dropped_out", "ended", ["linked_referral_ended"]),
])  # fmt: skip
def test_it_ends_as_the_one_it_leans_on_ends(outcome: str, state: str, tasks: list[str]) -> None:
    network = two_clinics()
    declined(network, FIRST)

    say(network, FIRST, "start")
    say(network, FIRST, "close", closure_outcome=outcome)

    assert state_of(network, AGAIN) == state
    assert [task.kind for task in network.tasks if task.journey_id == AGAIN_ID] == tasks


def test_a_request_that_another_agency_made_is_neither_named_nor_leant_on() -> None:
    """For that agency the person has another name: only the receiver, who has both, can say that they are one."""
    network = two_clinics(person_ref="p-2", sender_agency="pa.mobile")
    network.ask(a_recorded_intake({"service": "health.primary", "offer": "pa.salute.primary"}, intake_id=OTHER_ID))

    said = declined(network, OTHER)

    (event,) = (message for message in said if isinstance(message, ReferralDeclined))
    assert event.linked_referral_id is None
    assert state_of(network, AGAIN) == "ended"
    assert [(task.kind, task.agency) for task in network.tasks] == [("link_existing", "pa.mobile")]


def another_service(network: Offline) -> UUID:
    network.ask(a_recorded_intake("lab.it", intake_id=OTHER_ID))
    return OTHER


def one_that_is_over(network: Offline) -> UUID:
    say(network, FIRST, "start")
    say(network, FIRST, "close", closure_outcome="served_completed")
    return FIRST


def one_of_another_person_elsewhere(network: Offline) -> UUID:
    network.ask(a_recorded_intake(intake_id=OTHER_ID, person_ref="p-9"))
    return OTHER


@pytest.mark.parametrize(
    "named",
    [lambda _: UUID(int=6), lambda _: AGAIN, another_service, one_that_is_over, one_of_another_person_elsewhere],
)
def test_what_does_not_serve_the_person_now_is_refused_whatever_it_is(named: Any) -> None:
    network = two_clinics()
    by_which = named(network)

    (answer,) = declined(network, by_which)

    assert isinstance(answer, CommandRejected)
    assert (answer.code, answer.pointer) == ("invalid_value", "/linked_referral_id")
    assert network.referrals[AGAIN].state == "REQUESTED"


def test_another_reason_names_no_referral() -> None:
    network = two_clinics()

    said = declined(network, FIRST, reason="language_not_covered")

    (event,) = (message for message in said if isinstance(message, ReferralDeclined))
    assert isinstance(said[0], CommandAccepted) and event.linked_referral_id is None
    assert [task.kind for task in network.tasks] == ["mediation_and_retry"]
