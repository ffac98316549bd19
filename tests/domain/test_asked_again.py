"""A person who is asked for again, and more urgently, where an open request of theirs lies already."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted
from contracts.beside import ReferralPriorityChanged
from contracts.commands import NotePlace, ReferralCommand
from contracts.directory import Capacity, Offer, Waitlist
from contracts.journeys import RoutingNoCandidate
from contracts.values import Message
from services.referral.domain import needs
from services.referral.domain.referral import successor_id
from tests.builders import INTAKE_ID, TEXT_ID, a_recorded_intake, an_agency, an_offer
from tests.domain.test_journey import LAB, LAB_AFTER_VISIT, OTHER_ID, VISIT, palermo, say
from tests.offline import Offline

AGAIN = needs.referral_id(OTHER_ID, 0)
SALUTE, PENC = an_offer("pa.salute.primary"), an_offer("pa.penc.primary")
A_LIST = an_offer(
    capacity=Capacity(kind="appointment_slot", total=1), waitlist=Waitlist(enabled=True, order_rule_version=1)
)


def again(network: Offline, priority: str, **known: Any) -> list[Message]:
    """Another desk meets the person."""
    given = {"intake_id": OTHER_ID, "sender_agency": "pa.mobile", "sender_queue": "pa.mobile.desk"}
    return network.ask(a_recorded_intake(priority=priority, **given | known))


def who_waits(*offers: Offer) -> Offline:
    """The person waits behind another one, as a routine matter."""
    network = palermo(A_LIST, *offers)
    network.ask(a_recorded_intake(intake_id=UUID(int=9), person_ref="p-9"))
    network.ask(a_recorded_intake(priority="ROUTINE"))
    assert network.referrals[VISIT].state == "WAITLISTED"
    return network


def changes(network: Offline) -> list[ReferralPriorityChanged]:
    return [event for event in network.said if isinstance(event, ReferralPriorityChanged)]


def state_of(network: Offline, journey_id: UUID) -> list[str]:
    return [need.state for one in network.journeys if one.journey_id == journey_id for need in one.needs]


@pytest.mark.parametrize("commands", [(), ("acknowledge",), ("accept",), ("accept", "start")])
def test_who_has_a_person_learns_that_they_are_more_urgent_by_now(commands: tuple[str, ...]) -> None:
    network = palermo()
    network.ask(a_recorded_intake(priority="ROUTINE"))
    for command in commands:
        say(network, VISIT, command)

    again(network, "EMERGENCY")

    (changed,) = changes(network)
    assert (changed.referral_id, changed.by, changed.text_id) == (VISIT, "system", None)
    assert (changed.priority_before, changed.priority) == ("ROUTINE", "EMERGENCY")
    assert list(network.referrals) == [VISIT]
    assert state_of(network, OTHER_ID) == ["linked"]


@pytest.mark.parametrize(("first", "then"), [("URGENT", "URGENT"), ("EMERGENCY", "MEDIUM")])
def test_who_is_no_more_urgent_than_before_changes_nothing(first: str, then: str) -> None:
    network = palermo()
    network.ask(a_recorded_intake(priority=first))
    before = network.referrals[VISIT]

    again(network, then)

    assert network.referrals == {VISIT: before}


def test_who_waits_and_is_met_again_as_urgent_moves_up_the_list() -> None:
    network = who_waits()
    network.ask(a_recorded_intake(priority="MEDIUM", intake_id=UUID(int=8), person_ref="p-8"))

    again(network, "URGENT")

    say(network, needs.referral_id(UUID(int=9), 0), "decline", decline_reason="person_refused")
    assert network.referrals[VISIT].seat == "held"


def test_an_emergency_does_not_lean_on_who_waits_but_is_sent_to_the_next_one() -> None:
    network = who_waits(SALUTE)

    again(network, "EMERGENCY")

    sent = network.referrals[AGAIN]
    assert sent.place
    assert (sent.place.agency, sent.state, sent.tried) == ("pa.salute", "REQUESTED", ())
    assert network.referrals[VISIT].state == "WAITLISTED"


def test_an_emergency_that_is_declined_for_who_waits_does_not_lean_on_them_either() -> None:
    """The receiver says what it knows, and whoever sent the person decides."""
    network = who_waits(SALUTE)
    again(network, "EMERGENCY")

    say(network, AGAIN, "decline", by="pa.salute", decline_reason="already_served", linked_referral_id=VISIT)

    assert state_of(network, OTHER_ID) == ["ended"]
    assert [(task.kind, task.agency) for task in network.tasks] == [("link_existing", "pa.mobile")]


def declined_for_the_first(network: Offline) -> None:
    """It is sent as an emergency to another agency, which says that the first request serves the person."""
    asked = {"service": "health.primary", "offer": SALUTE.code, "priority": "EMERGENCY"}
    network.ask(a_recorded_intake(asked, intake_id=OTHER_ID, sender_agency="pa.mobile", sender_queue="pa.mobile.desk"))
    say(network, AGAIN, "decline", by="pa.salute", decline_reason="already_served", linked_referral_id=VISIT)


def ask_penc(network: Offline) -> None:
    (answer, *_) = say(network, AGAIN, "open", by="pa.mobile", next_agency="pa.penc")
    assert isinstance(answer, CommandAccepted), answer
    assert network.referrals[successor_id(AGAIN)].state == "REQUESTED"


def test_whom_to_ask_after_an_emergency_was_declined_for_who_waits_is_its_senders_choice() -> None:
    network = who_waits(SALUTE, PENC)
    declined_for_the_first(network)

    ask_penc(network)

    assert state_of(network, OTHER_ID) == ["open"]
    assert [(task.kind, task.state) for task in network.tasks] == [("link_existing", "DONE")]


@pytest.mark.parametrize(("comes_to_wait", "tasks"), [(True, ["linked_referral_ended"]), (False, [])])
def test_so_it_is_of_the_one_that_comes_to_wait_or_is_open_still_and_it_leans_on_that_no_more(
    comes_to_wait: bool, tasks: list[str]
) -> None:
    network = palermo(A_LIST, SALUTE, PENC)
    network.ask(a_recorded_intake({"service": "health.primary", "offer": A_LIST.code}, priority="URGENT"))
    declined_for_the_first(network)
    assert state_of(network, OTHER_ID) == ["linked"]
    if comes_to_wait:
        say(network, VISIT, "waitlist")

    ask_penc(network)
    say(network, VISIT, "withdraw", by="pa.comune")

    assert state_of(network, OTHER_ID) == ["open"]
    assert [task.kind for task in network.tasks] == tasks


def test_an_emergency_for_which_nothing_but_a_list_is_left_is_a_task_of_its_sender() -> None:
    network = who_waits()

    again(network, "EMERGENCY")

    assert [(task.kind, task.agency) for task in network.tasks] == [("no_candidate", "pa.mobile")]
    assert [event.reason for event in network.said if isinstance(event, RoutingNoCandidate)] == ["already_tried"]


@pytest.mark.parametrize("more", [(), (SALUTE,)])
@pytest.mark.parametrize("priority", ["URGENT", "EMERGENCY"])
def test_who_waits_and_is_met_again_as_an_emergency_is_as_urgent_on_the_list_as_anybody_can_be(
    priority: str, more: tuple[Offer, ...]
) -> None:
    network = who_waits(*more)

    again(network, priority)

    (changed,) = changes(network)
    assert (changed.referral_id, changed.priority_before, changed.priority) == (VISIT, "ROUTINE", "URGENT")
    assert [party.priority for party in network.places[A_LIST.code].waiting] == ["URGENT"]


def test_who_is_as_urgent_on_the_list_already_is_told_nothing() -> None:
    network = who_waits(SALUTE)
    again(network, "URGENT")

    third = {"intake_id": UUID(int=7), "sender_agency": "pa.mobile", "sender_queue": "pa.mobile.desk"}
    network.ask(a_recorded_intake(priority="EMERGENCY", **third))

    assert len(changes(network)) == 1
    assert network.referrals[needs.referral_id(UUID(int=7), 0)].state == "REQUESTED"


def test_a_draft_whose_turn_it_is_raises_what_is_open_too() -> None:
    network = palermo()
    network.ask(a_recorded_intake({"service": "lab.it", "priority": "ROUTINE"}, intake_id=OTHER_ID))
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT, priority="URGENT"))

    say(network, VISIT, "accept")
    say(network, VISIT, "start")
    say(network, VISIT, "close", closure_outcome="served_completed")

    assert network.referrals[AGAIN].need.priority == "URGENT"
    assert (network.referrals[LAB].state, [task.kind for task in network.tasks]) == ("DRAFT", ["link_existing"])


# -- messages that cross on their way ----------------------------------------------------------------------------------


def raise_it(network: Offline, priority: str) -> list[Message]:
    """What the network says to the first request because the second one leans on it."""
    own = {"command": "change_priority", "role": "system", "priority": priority}
    return network.ask(ReferralCommand(referral_id=VISIT, **own))


def by_its_receiver(network: Offline) -> None:
    say(network, VISIT, "waitlist")


def by_who_counts_the_places(network: Offline) -> None:
    network.ask(NotePlace(referral_id=VISIT, answer="waitlisted", position=1, order_rule_version=1))


@pytest.mark.parametrize("put_on_the_list", [by_its_receiver, by_who_counts_the_places])
@pytest.mark.parametrize(("priority", "state"), [("EMERGENCY", "ended"), ("URGENT", "linked")])
def test_an_emergency_leans_no_more_on_who_comes_to_wait_and_its_sender_decides(
    put_on_the_list: Callable[[Offline], None], priority: str, state: str
) -> None:
    network = palermo(A_LIST)
    network.ask(an_agency("pa.lead"))
    network.ask(a_recorded_intake(priority="URGENT"))
    again(network, priority)
    say(network, VISIT, "change_priority", by="pa.lead", roles=("coordinator",), priority="URGENT", text_id=TEXT_ID)

    put_on_the_list(network)

    tasks = [("linked_referral_ended", "pa.mobile")] if state == "ended" else []
    assert [(task.kind, task.agency) for task in network.tasks] == tasks
    assert (network.referrals[VISIT].state, state_of(network, OTHER_ID)) == ("WAITLISTED", [state])
    say(network, VISIT, "withdraw", by="pa.comune")
    assert len(network.tasks) == 1, "it leans on it no more"


@pytest.mark.parametrize(("drafted", "sent_as", "state"), [
    ("URGENT", "EMERGENCY", "ended"), ("EMERGENCY", "URGENT", "linked"), ("URGENT", "URGENT", "linked"),
])  # fmt: skip
def test_how_urgent_a_draft_is_that_leans_on_who_comes_to_wait_is_what_its_sender_says_by_then(
    drafted: str, sent_as: str, state: str
) -> None:
    network = palermo(SALUTE, an_offer("pa.accura.lab", service="lab.it", capacity=A_LIST.capacity,
                                       waitlist=A_LIST.waitlist))  # fmt: skip
    network.ask(an_agency("pa.lead"))
    network.ask(a_recorded_intake({"service": "lab.it", "priority": "MEDIUM"}, intake_id=OTHER_ID))
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT, priority=drafted))
    say(network, VISIT, "accept", "start", by="pa.salute")
    say(network, VISIT, "close", by="pa.salute", closure_outcome="served_completed")
    assert state_of(network, INTAKE_ID) == ["served", "linked"]
    known: dict[str, Any] = {"by": "pa.lead", "roles": ("coordinator",), "text_id": TEXT_ID}
    for draft_or_open, priority in ((AGAIN, "MEDIUM"), (LAB, sent_as)):
        say(network, draft_or_open, "change_priority", priority=priority, **known)

    say(network, AGAIN, "waitlist")

    assert network.referrals[AGAIN].state == "WAITLISTED"
    assert state_of(network, INTAKE_ID) == ["served", state]


def test_who_came_to_wait_meanwhile_is_no_emergency_on_the_list() -> None:
    network = who_waits()

    raise_it(network, "EMERGENCY")

    assert network.referrals[VISIT].need.priority == "ROUTINE"


def test_who_became_more_urgent_still_meanwhile_is_not_lowered() -> None:
    network = palermo()
    network.ask(a_recorded_intake(priority="ROUTINE"))
    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT", text_id=TEXT_ID)

    raise_it(network, "MEDIUM")

    assert network.referrals[VISIT].need.priority == "URGENT"
    assert len(changes(network)) == 1


def test_what_is_over_meanwhile_stays_as_it_was() -> None:
    network = palermo()
    network.ask(a_recorded_intake(priority="ROUTINE"))
    say(network, VISIT, "withdraw", by="pa.comune")
    before = network.referrals

    raise_it(network, "EMERGENCY")

    assert network.referrals == before
