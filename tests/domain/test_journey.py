"""Every service that an intake asked for has an answer: referrals, linked needs, dependents, unmet need, tasks."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import DraftReferral, OpenReferral, ReferralCommand
from contracts.directory import AreaServed
from contracts.journeys import (
    BeginJourney,
    EndNeed,
    JourneyNeed,
    OpenTask,
    RoutingNoCandidate,
    TaskOpened,
    UnmetNeedRecorded,
)
from contracts.sharing import KeepSharing
from contracts.values import Message, SharingBasis
from services.referral.domain import journey, needs
from services.referral.domain.journey import Journey
from services.referral.domain.referral import successor_id
from tests.builders import (
    INTAKE_ID,
    NOW,
    REFERRAL_ID,
    a_basis,
    a_command,
    a_recorded_intake,
    an_agency,
    an_offer,
)
from tests.offline import Offline

OTHER_ID = UUID(int=2)
VISIT, LAB = (needs.referral_id(INTAKE_ID, n) for n in (0, 1))
LAB_AFTER_VISIT: tuple[Any, ...] = ("health.primary", {"service": "lab.it", "depends_on": "health.primary"})
BOTH = (
    an_offer("pa.accura.primary"),
    an_offer("pa.salute.primary"),
    an_offer("pa.penc.it", service="lab.it"),
)


def palermo(*offers: Any, **known: Any) -> Offline:
    given = offers or BOTH
    agencies = {offer.agency: an_agency(offer.agency) for offer in given}
    return Offline(tuple(agencies.values()), given, **known)


def say(
    network: Offline, referral_id: UUID, *commands: str, by: str | None = "pa.accura", **fields: Any
) -> list[Message]:
    said = [network.ask(a_command(c, by=by, referral_id=referral_id, **fields)) for c in commands]
    return said[-1]


def states(network: Offline) -> dict[str, str]:
    return {need.service: need.state for found in network.journeys for need in found.needs}


# -- what an intake sets going -----------------------------------------------------------------------------------------


def test_each_service_asked_for_is_opened_and_one_that_waits_for_another_is_drafted() -> None:
    begin, visit, lab = needs.set_going(a_recorded_intake(*LAB_AFTER_VISIT))

    assert isinstance(begin, BeginJourney)
    assert [(need.service, need.depends_on) for need in begin.needs] == [
        ("health.primary", None), ("lab.it", "health.primary")]  # fmt: skip
    assert isinstance(visit, OpenReferral)
    assert isinstance(lab, DraftReferral)
    assert (visit.referral_id, lab.referral_id) == (VISIT, LAB)


def test_a_service_that_comes_first_but_was_not_asked_for_is_not_waited_for() -> None:
    intake = a_recorded_intake({"service": "lab.it", "depends_on": "health.primary"})

    assert isinstance(needs.set_going(intake)[1], OpenReferral)


def test_services_that_wait_for_one_another_do_not_wait() -> None:
    intake = a_recorded_intake(
        {"service": "lab.it", "depends_on": "lab.dance"},
        {"service": "lab.dance", "depends_on": "lab.it"},
        {"service": "lab.italian", "depends_on": "lab.it"},
        {"service": "health.primary", "depends_on": "health.primary"},
    )

    steps = needs.set_going(intake)[1:]

    assert [type(step).__name__ for step in steps] == ["OpenReferral", "OpenReferral", "DraftReferral", "OpenReferral"]


@pytest.mark.parametrize(("own", "of_intake", "expected"), [
    ("URGENT", "ROUTINE", "URGENT"), (None, "ROUTINE", "ROUTINE"), (None, None, "MEDIUM")])  # fmt: skip
def test_the_priority_is_that_of_the_service_asked_for_else_of_the_intake_else_of_the_taxonomy(
    own: str | None, of_intake: str | None, expected: str
) -> None:
    intake = a_recorded_intake({"service": "health.primary", "priority": own}, priority=of_intake)

    step = needs.set_going(intake)[1]

    assert isinstance(step, OpenReferral)
    assert step.need.priority == expected


# -- one intake, from the beginning to its end -------------------------------------------------------------------------


def test_an_intake_becomes_a_referral_that_is_answered_and_closed() -> None:
    network = palermo()

    network.ask(a_recorded_intake())
    say(network, VISIT, "acknowledge", "accept", "start")
    say(network, VISIT, "close", closure_outcome="served_completed")

    assert [word for word in network.told() if not word.startswith("timer.")] == [
        "routing.decided", "referral.sent", "referral.acknowledged", "referral.accepted", "referral.started",
        "referral.closed",
    ]  # fmt: skip
    assert states(network) == {"health.primary": "served"}
    assert network.links == {}
    assert network.tasks == []


def test_a_declined_need_goes_to_the_next_candidate_and_unmet_need_is_recorded_for_now() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    said = say(network, VISIT, "decline", decline_reason="no_capacity")

    successor = network.referrals[successor_id(VISIT)]
    unmet = next(m for m in said if isinstance(m, UnmetNeedRecorded))
    assert (unmet.final, unmet.reason) == (False, "no_capacity")
    assert (successor.state, successor.hop, successor.predecessor_id) == ("REQUESTED", 1, VISIT)
    assert successor.place is not None
    assert successor.place.agency == "pa.salute"
    assert states(network) == {"health.primary": "open"}


def test_a_late_answer_is_told_who_has_the_request_after_several_hops() -> None:
    network = palermo(an_offer("pa.accura.x"), an_offer("pa.b.x"), an_offer("pa.c.x"))
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline")
    say(network, successor_id(VISIT), "decline", by="pa.b")

    (refused,) = say(network, VISIT, "accept")

    assert isinstance(refused, CommandRejected)
    assert (refused.code, refused.successor_agency) == ("superseded", "pa.c")
    assert refused.successor_id == successor_id(successor_id(VISIT))


@pytest.mark.parametrize("roles", [(), ("supervisor",)], ids=["its system", "a person by token"])
@pytest.mark.parametrize(
    "bases",
    [(a_basis(withdrawn_at=NOW),), (a_basis(), a_basis("pa.accura", basis_id="no", refused=True))],
    ids=["all is taken back", "it is excluded"],
)
def test_whom_the_person_does_not_trust_any_more_does_not_learn_who_has_the_request(
    bases: tuple[SharingBasis, ...], roles: tuple[str, ...]
) -> None:
    network = palermo(an_offer("pa.accura.x"), an_offer("pa.b.x"))
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline")
    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=bases))

    (refused,) = say(network, VISIT, "accept", roles=roles)

    assert isinstance(refused, CommandRejected)
    assert (refused.code, refused.successor_agency) == ("superseded", None)


def test_after_three_successors_the_need_is_unmet_and_the_sender_has_a_task() -> None:
    network = palermo(*(an_offer(f"pa.{name}.x") for name in "abcdef"))
    network.ask(a_recorded_intake())

    asked, referral_id = [], VISIT
    while referral := network.referrals.get(referral_id):
        assert referral.place is not None
        asked.append(referral.place.agency)
        said = say(network, referral_id, "decline", by=referral.place.agency)
        referral_id = successor_id(referral_id)

    assert asked == ["pa.a", "pa.b", "pa.c", "pa.d"]
    assert next(m for m in said if isinstance(m, RoutingNoCandidate)).reason == "hops"
    assert [m.final for m in said if isinstance(m, UnmetNeedRecorded)] == [False, True]
    assert [task.kind for task in network.tasks] == ["no_candidate"]
    assert states(network) == {"health.primary": "unmet"}


def test_a_need_for_which_there_is_nobody_is_unmet_at_once_and_explained() -> None:
    network = palermo(an_offer(area_served=AreaServed(cities=("catania",))))

    said = network.ask(a_recorded_intake())

    assert network.referrals == {}
    assert [type(m).__name__ for m in said if not isinstance(m, CommandAccepted)] == [
        "CommandRejected", "RoutingNoCandidate", "UnmetNeedRecorded", "TaskOpened"]  # fmt: skip
    (decision,) = network.db["decisions"].all()
    assert (decision["_id"], decision["decision"]["out_by_area"]) == (str(VISIT), 1)


def test_a_task_of_the_sender_is_due_after_one_business_hour_of_its_city() -> None:
    network = palermo(an_offer(status="closed"), now=NOW.replace(hour=16))

    said = network.ask(a_recorded_intake())

    opened = next(m for m in said if isinstance(m, TaskOpened))
    assert opened.due_at == (NOW + timedelta(days=1)).replace(hour=8), (
        "16:00 UTC is 17:00 in Palermo: half an hour is left"
    )
    assert (opened.agency, opened.queue, opened.next) == ("pa.comune", "pa.comune.desk", "sender_decides")


def test_a_referral_that_is_passed_on_goes_where_it_was_passed() -> None:
    network = palermo(an_offer("pa.accura.x"), an_offer("pa.b.x"), an_offer("pa.c.x"))
    network.ask(a_recorded_intake())

    say(network, VISIT, "pass_on", next_agency="pa.c", decline_reason="out_of_area")

    place = network.referrals[successor_id(VISIT)].place
    assert place is not None
    assert place.agency == "pa.c"


# -- in which city ----------------------------------------------------------------------------------------------------


def who_would_travel(*offers: str) -> Offline:
    """Somebody in Palermo who would go to Napoli, where their language is spoken; offers of pa. are in Palermo."""
    everybody = AreaServed(cities=(), any_network_city=True)
    there = tuple(
        an_offer(offer, area_served=everybody, languages=("fr",)) for offer in offers if offer.startswith("na.")
    )
    here = tuple(an_offer(offer) for offer in offers if offer.startswith("pa."))
    agencies = (*(an_agency(o.agency, city="napoli") for o in there), *(an_agency(o.agency) for o in here))
    network = Offline(agencies, there + here)
    bases = (a_basis(), a_basis("city:napoli"))
    network.ask(a_recorded_intake(willing_to_travel=("napoli",), language="fr", sharing_basis=bases))
    return network


def asked(network: Offline) -> list[str]:
    return [referral.place.agency for referral in network.referrals.values() if referral.place]


def test_who_is_out_of_the_area_of_another_city_is_asked_for_in_their_own() -> None:
    network = who_would_travel("na.x.visit", "na.y.visit", "pa.salute.visit")

    say(network, VISIT, "decline", by="na.x", decline_reason="out_of_area")

    assert asked(network) == ["na.x", "pa.salute"]


@pytest.mark.parametrize("reason", ["out_of_area", "wrong_city"])
def test_where_nobody_is_in_their_own_city_the_sender_may_have_another_city_asked(reason: str) -> None:
    network = who_would_travel("na.x.visit", "na.y.visit")

    say(network, VISIT, "decline", by="na.x", decline_reason=reason)
    assert (asked(network), [task.kind for task in network.tasks]) == (["na.x"], ["no_candidate"])

    say(network, VISIT, "open", by="pa.comune", next_agency="na.y")
    assert asked(network) == ["na.x", "na.y"]


def test_a_receiver_of_another_city_passes_on_to_whom_it_names_there() -> None:
    network = who_would_travel("na.x.visit", "na.y.visit")

    say(network, VISIT, "pass_on", by="na.x", next_agency="na.y", decline_reason="out_of_area")

    assert asked(network) == ["na.x", "na.y"]


def test_who_lives_outside_what_one_agency_of_their_city_serves_is_asked_for_wherever_they_would_go() -> None:
    network = who_would_travel("pa.accura.visit")
    network.ask(an_agency("na.x", city="napoli"))
    network.ask(an_offer("na.x.visit", area_served=AreaServed(cities=(), any_network_city=True)))

    say(network, VISIT, "decline", decline_reason="out_of_area")

    assert asked(network) == ["pa.accura", "na.x"]


def test_a_city_that_one_of_its_own_agencies_calls_the_wrong_one_is_for_the_sender_to_put_right() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    say(network, VISIT, "decline", decline_reason="wrong_city")

    assert asked(network) == ["pa.accura"]
    assert [(task.kind, task.next) for task in network.tasks] == [("sender_decides", "sender_decides")]
    say(network, VISIT, "open", by="pa.comune")
    assert asked(network) == ["pa.accura", "pa.salute"]
    assert [task.state for task in network.tasks] == ["DONE"]


# -- the same person again ---------------------------------------------------------------------------------------------


def test_a_person_with_an_open_referral_to_the_offer_is_linked_to_it() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    said = network.ask(a_recorded_intake(intake_id=OTHER_ID, sender_agency="pa.mobile"))

    linked = [m for m in said if isinstance(m, CommandAccepted) and m.linked_referral_id]
    assert [m.linked_referral_id for m in linked] == [VISIT]
    assert list(network.referrals) == [VISIT]
    assert network.links == {"p-1|pa.accura.primary": VISIT}


def test_once_the_open_referral_is_over_the_person_may_be_sent_there_again() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    say(network, VISIT, "withdraw", by="pa.comune")

    network.ask(a_recorded_intake(intake_id=OTHER_ID))

    assert network.links == {"p-1|pa.accura.primary": needs.referral_id(OTHER_ID, 0)}


@pytest.mark.parametrize(("outcome", "state", "tasks"), [
    ("served_completed", "served", []),
    ("person_dropped_out", "ended", ["ask_preference", "linked_referral_ended"]),
])  # fmt: skip
def test_a_linked_need_follows_the_referral_it_leans_on(outcome: str, state: str, tasks: list[str]) -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    network.ask(a_recorded_intake(intake_id=OTHER_ID, sender_agency="pa.mobile"))

    say(network, VISIT, "accept", "start")
    say(network, VISIT, "close", closure_outcome=outcome)

    assert {n.state for j in network.journeys for n in j.needs} == {state}
    assert sorted(task.kind for task in network.tasks) == tasks


def test_another_person_may_have_an_open_referral_to_the_same_offer() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    network.ask(a_recorded_intake(intake_id=OTHER_ID, person_ref="p-2"))

    assert len(network.links) == len(network.referrals) == 2


# -- a service that waits for another ----------------------------------------------------------------------------------


def test_a_draft_is_sent_when_the_service_it_waits_for_was_given() -> None:
    network = palermo()
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))

    say(network, VISIT, "accept", "start")
    said = say(network, VISIT, "close", closure_outcome="served_completed")

    sent = network.referrals[LAB]
    assert [m.TYPE for m in said if m.TYPE.startswith(("staffetta.routing.", "staffetta.referral."))][-2:] == [
        "staffetta.routing.decided.v1", "staffetta.referral.sent.v1",
    ]  # fmt: skip
    assert (sent.state, sent.version) == ("REQUESTED", 2)
    assert states(network) == {"health.primary": "served", "lab.it": "open"}


@pytest.mark.parametrize(("commands", "fields"), [
    (("withdraw",), {"withdraw_reason": "need_resolved"}),
    (("decline",), {"decline_reason": "person_refused"}),
    (("accept", "close"), {"closure_outcome": "no_longer_needed"}),
])  # fmt: skip
def test_if_it_ends_otherwise_the_sender_decides_about_the_draft(
    commands: tuple[str, ...], fields: dict[str, str]
) -> None:
    network = palermo()
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))

    for command in commands:
        say(network, VISIT, command, **(fields if command == commands[-1] else {}))

    (task,) = [task for task in network.tasks if task.kind == "dependency_ended"]
    assert (task.referral_id, task.service, task.next) == (LAB, "lab.it", "sender_decides")
    assert network.referrals[LAB].state == "DRAFT"


def test_a_draft_waits_on_while_another_agency_is_asked_for_the_service_it_waits_for() -> None:
    network = palermo()
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))

    say(network, VISIT, "decline", decline_reason="no_capacity")

    assert states(network) == {"health.primary": "open", "lab.it": "waiting"}
    assert network.tasks == []


def test_a_draft_that_its_sender_sent_is_not_sent_again() -> None:
    network = palermo()
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))
    say(network, LAB, "send", by="pa.comune")

    say(network, VISIT, "accept", "start")
    say(network, VISIT, "close", closure_outcome="served_completed")

    assert network.referrals[LAB].version == 2
    assert not [m for m in network.said if isinstance(m, CommandRejected)]


def test_a_draft_for_which_there_is_nobody_when_its_turn_comes_is_unmet_and_stays_with_its_sender() -> None:
    network = palermo(an_offer("pa.accura.primary"))
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))

    say(network, VISIT, "accept", "start")
    say(network, VISIT, "close", closure_outcome="served_completed")

    assert states(network)["lab.it"] == "unmet"
    assert network.referrals[LAB].state == "DRAFT"
    assert [task.kind for task in network.tasks] == ["no_candidate"]


def test_a_draft_whose_person_has_an_open_referral_there_stays_with_its_sender() -> None:
    network = palermo()
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))
    network.ask(a_recorded_intake("lab.it", intake_id=OTHER_ID))

    say(network, VISIT, "accept", "start")
    say(network, VISIT, "close", closure_outcome="served_completed")

    assert network.referrals[LAB].state == "DRAFT"
    assert [task.kind for task in network.tasks] == ["link_existing"]
    need = next(j for j in network.journeys if j.journey_id == INTAKE_ID).need(LAB)
    assert need and need.state == "linked"


def test_a_draft_that_waits_for_a_service_nobody_can_give_is_a_task() -> None:
    network = palermo(an_offer("pa.penc.it", service="lab.it"))

    network.ask(a_recorded_intake(*LAB_AFTER_VISIT))

    assert sorted(task.kind for task in network.tasks) == ["dependency_ended", "no_candidate"]


# -- messages that cross on their way ----------------------------------------------------------------------------------


def end(outcome: str = "no_candidate", need_id: UUID = VISIT, service: str = "health.primary") -> EndNeed:
    return EndNeed(journey_id=INTAKE_ID, need_id=need_id, service=service, referral_id=need_id, outcome=outcome)


def begin(*services: str) -> BeginJourney:
    asked = [JourneyNeed(service=s, referral_id=needs.referral_id(INTAKE_ID, n)) for n, s in enumerate(services)]
    return BeginJourney(journey_id=INTAKE_ID, sender_agency="pa.comune", sender_queue="pa.comune.desk", city="palermo",
                        needs=tuple(asked))  # fmt: skip


def test_an_end_that_is_told_before_the_beginning_is_kept_until_then() -> None:
    early, nothing = journey.end_need(Journey(INTAKE_ID), end(), NOW)

    begun, said = journey.begin(early, begin("health.primary"), NOW)

    assert [type(m).__name__ for m in nothing] == ["CommandAccepted"]
    assert [type(m).__name__ for m in said] == [
        "CommandAccepted",
        "RoutingNoCandidate",
        "UnmetNeedRecorded",
        "OpenTask",
    ]
    assert [need.state for need in begun.needs] == ["unmet"]
    assert (early.version, begun.version, begun.early) == (1, 2, ())


def test_a_journey_that_begins_twice_begins_once() -> None:
    begun, _ = journey.begin(Journey(INTAKE_ID), begin("health.primary"), NOW)

    again, said = journey.begin(begun, begin("health.primary"), NOW)

    assert again == begun
    assert [type(m).__name__ for m in said] == ["CommandAccepted"]


def test_a_referral_that_is_opened_twice_is_opened_once() -> None:
    network = palermo()
    step = needs.set_going(a_recorded_intake())[1]
    network.ask(step)

    (answer,) = network.ask(step)

    assert isinstance(answer, CommandAccepted)
    assert (answer.version, answer.state) == (1, "REQUESTED")
    assert network.referrals[REFERRAL_ID].version == 1


def test_two_needs_that_wait_for_the_same_service_are_both_sent_and_each_once() -> None:
    waiting = tuple(JourneyNeed(service=s, referral_id=needs.referral_id(INTAKE_ID, n), depends_on="health.primary")
                    for n, s in ((1, "lab.it"), (2, "lab.dance")))  # fmt: skip
    start = begin("health.primary")
    begun, _ = journey.begin(Journey(INTAKE_ID), start.model_copy(update={"needs": start.needs + waiting}), NOW)

    served, said = journey.end_need(begun, end("served"), NOW)
    _, again = journey.end_need(served, end("served"), NOW)

    sent = [m.referral_id for m in said if isinstance(m, ReferralCommand)]
    assert sent == [needs.referral_id(INTAKE_ID, 1), needs.referral_id(INTAKE_ID, 2)]
    assert not [m for m in again if isinstance(m, ReferralCommand | OpenTask)]
