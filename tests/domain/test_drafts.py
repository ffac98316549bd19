"""A caseworker's own drafts, and what reopening makes of a person's place: played through referral's own handlers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import WriteDraft
from contracts.directory import Capacity, Waitlist
from contracts.events import IntakeRecorded
from contracts.journeys import AddNeed, JourneyNeed, TaskOverdue
from contracts.sharing import ConsentWithdrawn, KeepSharing, WithdrawBases
from contracts.values import Asked, Message
from services.referral import store
from services.referral.domain.referral import Referral
from tests.builders import (
    INTAKE_ID,
    NOW,
    REFERRAL_ID,
    TEXT_ID,
    a_basis,
    a_command,
    a_recorded_intake,
    an_agency,
    an_intake,
    an_offer,
)
from tests.builders import a_draft as draft_at_the_door
from tests.domain.test_journey import palermo, say, states
from tests.offline import INSIDE, Offline

DRAFT_ID = UUID(int=11)
EXCLUDED = a_basis("pa.accura", basis_id="b2", refused=True)
SUPERVISOR: dict[str, Any] = {"by": "pa.accura", "roles": ("supervisor",), "text_id": TEXT_ID}


def a_draft(**known: Any) -> WriteDraft:
    given: dict[str, Any] = {"referral_id": DRAFT_ID, "asked": Asked(agency="pa.comune", command_id="c-1")}
    return WriteDraft(**given | {"person_ref": "p-1", "service": "lab.it", "intake": a_recorded_intake()} | known)


def met() -> Offline:
    network = palermo()
    network.ask(a_recorded_intake())
    return network


# -- a caseworker's own draft ------------------------------------------------------------------------------------------


def test_a_draft_is_one_more_need_of_the_intake_and_goes_where_routing_says_when_it_is_sent() -> None:
    network = met()

    written = network.ask(a_draft(priority="URGENT"))
    said = say(network, DRAFT_ID, "send", by="pa.comune")

    assert isinstance(written[0], CommandAccepted)
    assert (written[0].subject, written[0].state) == (str(DRAFT_ID), "DRAFT")
    assert isinstance(said[0], CommandAccepted)
    sent = network.referrals[DRAFT_ID]
    assert (sent.state, sent.place and sent.place.offer) == ("REQUESTED", "pa.penc.it")
    assert (sent.need.journey_id, sent.need.priority, sent.need.depends_on) == (INTAKE_ID, "URGENT", None)
    assert states(network) == {"health.primary": "open", "lab.it": "open"}


def test_a_draft_that_is_taken_back_ends_its_need() -> None:
    network = met()
    network.ask(a_draft())

    say(network, DRAFT_ID, "withdraw", by="pa.comune")

    assert states(network)["lab.it"] == "ended"


def test_the_same_draft_again_is_answered_again_and_nothing_else() -> None:
    network = met()
    network.ask(a_draft())

    again = network.ask(a_draft())

    assert [type(message) for message in again] == [CommandAccepted]
    assert len(network.referrals) == 2


@pytest.mark.parametrize("other", [{"person_ref": "p-2"}, {"service": "legal.documents"}])
def test_another_draft_under_the_same_key_is_refused_and_never_taken_for_the_first(other: dict[str, Any]) -> None:
    network = met()
    network.ask(a_draft())

    [refused] = network.ask(a_draft(**other))

    assert isinstance(refused, CommandRejected)
    assert (refused.code, refused.pointer) == ("idempotency_conflict", "/idempotency_key")


@pytest.mark.parametrize(("known", "code", "pointer"), [
    ({"intake": None}, "invalid_value", "/person_ref"),
    ({"service": "lab.alchemy"}, "unknown_code", "/service"),
    ({"priority": "SOON"}, "unknown_code", "/priority"),
])  # fmt: skip
def test_only_a_service_that_is_known_is_asked_for_of_a_person_who_was_met(
    known: dict[str, Any], code: str, pointer: str
) -> None:
    network = met()

    (refused,) = network.ask(a_draft(**known))

    assert isinstance(refused, CommandRejected)
    assert (refused.code, refused.pointer, refused.subject) == (code, pointer, str(DRAFT_ID))
    assert DRAFT_ID not in network.referrals


def test_a_sender_may_name_the_offer_to_which_a_draft_goes() -> None:
    network = palermo(an_offer("pa.a.it", service="lab.it"), an_offer("pa.b.it", service="lab.it"))
    network.ask(a_recorded_intake())
    network.ask(a_draft())

    say(network, DRAFT_ID, "send", by="pa.comune", offer="pa.b.it", override_reason="known_there")

    place = network.referrals[DRAFT_ID].place
    assert place
    assert place.offer == "pa.b.it"


def test_a_coordinator_who_would_send_a_draft_of_others_is_told_that_this_is_not_theirs_to_do() -> None:
    network = palermo(an_offer("pa.a.it", service="lab.it"))
    network.ask(a_recorded_intake())
    network.ask(a_draft())
    network.ask(an_agency("pa.lead"))

    (refused,) = say(network, DRAFT_ID, "send", by="pa.lead", roles=("coordinator",))

    assert isinstance(refused, CommandRejected)
    assert (refused.code, network.referrals[DRAFT_ID].state) == ("not_authorised", "DRAFT")


@pytest.mark.parametrize(("city", "status", "sent"), [
    ("palermo", "suspended", True), ("palermo", "left", True), ("napoli", "left", False), ("palermo", "active", False),
])  # fmt: skip
def test_a_draft_of_a_sender_that_works_no_more_is_sent_by_who_coordinates_its_city(
    city: str, status: str, sent: bool
) -> None:
    network = palermo(an_offer("pa.a.it", service="lab.it"))
    network.ask(a_recorded_intake())
    network.ask(a_draft())
    network.ask(an_agency("pa.lead", city=city))
    network.ask(an_agency("pa.comune", status=status, version=2))

    answer = say(network, DRAFT_ID, "send", by="pa.lead", roles=("coordinator",))[0]

    assert isinstance(answer, CommandAccepted) is sent
    assert network.referrals[DRAFT_ID].state == ("REQUESTED" if sent else "DRAFT")


# -- asked for at the door ---------------------------------------------------------------------------------------------
DOOR = ("gateway", "intake")


def at_the_door(*intakes: dict[str, Any]) -> tuple[Offline, str]:
    """These meetings are recorded, and nobody but the door and intake has read of them yet; who the first is about."""
    network = Offline(
        (an_agency("pa.comune"), an_agency("pa.accura")), (an_offer(), an_offer("pa.penc.it", service="lab.it")),
        services=(*DOOR, *INSIDE),
    )  # fmt: skip
    network.services = DOOR
    for n, intake in enumerate(intakes or (an_intake(),)):
        network.say("pa.comune", "staffetta.intake.submit.v1", intake, f"i-{n}")
    network.services = (*DOOR, *INSIDE)
    return network, recorded(network)[0].person_ref


def recorded(network: Offline) -> list[IntakeRecorded]:
    return [message for message in network.said if isinstance(message, IntakeRecorded)]


def ask_for_one_more(network: Offline, id: str = "d-1", by: str = "pa.comune", **fields: Any) -> dict[str, Any]:
    answer = network.say(by, "staffetta.referral.create.v1", draft_at_the_door(by, command_id=id, **fields), id)
    assert answer
    return dict(answer["value"])


def test_who_was_told_of_a_meeting_may_ask_for_one_more_service_before_referral_has_read_of_it() -> None:
    network, person_ref = at_the_door()

    answer = ask_for_one_more(network, person_ref=person_ref)
    late = recorded(network)[0]
    network.services = INSIDE
    network.ask(late)

    assert (answer.get("code"), answer["state"]) == (None, "DRAFT")
    assert states(network) == {"health.primary": "open", "lab.it": "open"}


def test_one_more_service_is_for_the_person_as_they_were_met_last_and_on_the_bases_that_stand_now() -> None:
    """The second is told of first: which is the last is said by when it was."""
    later, her = {"occurred_at": "2026-10-27T08:00:00+00:00"}, "pa.comune:p-7"
    network, person_ref = at_the_door(an_intake("pa.comune/T-1/2", person_ref=her) | later, an_intake(person_ref=her))
    last, earlier = recorded(network)
    assert last.person_ref == earlier.person_ref
    asked, cause = Asked(agency="pa.comune"), "consent_withdrawn"
    network.ask(WithdrawBases(intake_id=last.intake_id, asked=asked, basis_ids=("b1",), revoke_cause=cause))

    ask_for_one_more(network, person_ref=person_ref)

    [draft] = network.referrals.values()
    assert draft.need.intake_id == last.intake_id
    assert [basis.withdrawn_at for basis in draft.need.sharing_basis] == [NOW]


@pytest.mark.parametrize("asked", [{"person_ref": "p-2"}, {"by": "pa.accura"}], ids=["nobody's", "of another agency"])
def test_one_more_service_is_asked_for_of_nobody_but_whom_the_agency_has_met(asked: dict[str, Any]) -> None:
    network, person_ref = at_the_door()

    answer = ask_for_one_more(network, **{"person_ref": person_ref} | asked)

    assert (answer["code"], answer["pointer"], network.referrals) == ("invalid_value", "/person_ref", {})


# -- reopened ----------------------------------------------------------------------------------------------------------


BED = "pa.accura.bed"


def counted(total: int = 1) -> Offline:
    beds, list_ = Capacity(kind="bed_night", total=total), Waitlist(order_rule_version=1)
    offer = an_offer(BED, service="housing.temporary", capacity=beds, waitlist=list_)
    network = Offline((an_agency("pa.comune"), an_agency("pa.accura")), (offer,))
    network.ask(a_recorded_intake("housing.temporary"))
    say(network, REFERRAL_ID, "accept", "start")
    say(network, REFERRAL_ID, "close", closure_outcome="served_completed")
    return network


def one(network: Offline) -> Referral:
    return network.referrals[REFERRAL_ID]


def test_who_is_reopened_has_a_place_again_and_no_second_referral_there() -> None:
    network = counted()
    assert (one(network).state, network.places[BED].free, network.links) == ("CLOSED", 1, {})

    say(network, REFERRAL_ID, "reopen", **SUPERVISOR)

    assert (one(network).seat, network.places[BED].free) == ("confirmed", 0)
    assert list(network.links.values()) == [REFERRAL_ID]
    assert states(network) == {"housing.temporary": "open"}


def test_when_no_place_is_left_the_one_who_reopened_has_to_find_one() -> None:
    network = counted()
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=12), person_ref="p-2"))

    say(network, REFERRAL_ID, "reopen", **SUPERVISOR)

    (task,) = (task for task in network.tasks if task.kind == "place_lost")
    assert (one(network).seat, task.agency, task.queue) == ("lost", "pa.accura", "pa.accura.desk")


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=(a_basis(), EXCLUDED)), "REVOKED"),
        (a_command("close", by="pa.accura", referral_id=REFERRAL_ID, closure_outcome="served_completed"), "CLOSED"),
    ],
)
def test_that_task_is_over_with_the_referral_and_nobody_is_called_late_about_it(end: Message, state: str) -> None:
    """Once and again: of each time that it was reopened."""
    network = counted()
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=12), person_ref="p-2"))
    say(network, REFERRAL_ID, "reopen", **SUPERVISOR)
    say(network, REFERRAL_ID, "close", closure_outcome="served_completed")
    say(network, REFERRAL_ID, "reopen", **SUPERVISOR)
    assert [task.state for task in network.tasks if task.kind == "place_lost"] == ["DONE", "OPEN"]

    network.ask(end)

    assert one(network).state == state
    assert {task.state for task in network.tasks if task.kind == "place_lost"} == {"DONE"}
    late = [m for m in network.sweep(network.now + timedelta(days=3)) if isinstance(m, TaskOverdue)]
    assert not [m for m in late if m.kind == "place_lost"]


def test_where_the_person_has_another_open_referral_the_first_stays_closed() -> None:
    network = counted(2)
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=12)))

    (refused,) = say(network, REFERRAL_ID, "reopen", **SUPERVISOR)

    assert isinstance(refused, CommandRejected)
    assert refused.code == "already_open"


def test_a_referral_whose_basis_was_taken_back_is_not_reopened_and_one_that_is_goes_with_its_basis() -> None:
    network, withdrawn = counted(), (a_basis(withdrawn_at=NOW),)
    say(network, REFERRAL_ID, "reopen", **SUPERVISOR)
    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=withdrawn))
    assert one(network).state == "REVOKED"

    network = counted()
    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=withdrawn))
    (refused,) = say(network, REFERRAL_ID, "reopen", **SUPERVISOR)

    assert isinstance(refused, CommandRejected)
    assert refused.code == "sharing_not_covered"


def test_an_acceptance_that_is_taken_back_keeps_its_place_while_there_is_time_to_decide() -> None:
    network = counted()
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=12), person_ref="p-2"))
    (other,) = (r for r in network.referrals.values() if r.need.person_ref == "p-2")
    say(network, other.referral_id, "accept", "unaccept")

    (held,) = network.places[BED].taken
    back = network.referrals[other.referral_id]

    assert (back.state, back.seat, held.confirmed, held.until) == ("ACKNOWLEDGED", "held", False, back.due_at)
    assert back.due_at
    assert back.due_at > NOW


def test_what_was_flagged_in_error_holds_nobody_else_up() -> None:
    network = counted()
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=12)))
    (again,) = (r for r in network.referrals.values() if r.need.intake_id == UUID(int=12))

    network.ask(a_command("flag_in_error", by="pa.comune", roles=("coordinator",), referral_id=REFERRAL_ID))

    assert one(network).in_error
    assert list(network.links.values()) == [again.referral_id]


# -- what a draft may rest on ------------------------------------------------------------------------------------------


def taken_back(version: int = 2) -> ConsentWithdrawn:
    gone = (a_basis(withdrawn_at=NOW),)
    return ConsentWithdrawn(intake_id=INTAKE_ID, version=version, at=NOW, sender_agency="pa.comune", basis_ids=("b1",),
                            sharing_basis=gone, revoke_cause="consent_withdrawn")  # fmt: skip


def test_a_draft_that_is_written_after_the_person_took_everything_back_goes_to_nobody() -> None:
    network = met()
    network.ask(taken_back())

    network.ask(a_draft())
    said = say(network, DRAFT_ID, "send", by="pa.comune")

    assert isinstance(said[0], CommandRejected)
    assert network.referrals[DRAFT_ID].state == "DRAFT"


def test_a_draft_that_crosses_with_a_withdrawal_and_was_sent_is_revoked() -> None:
    """The journey learns of the withdrawal first, and of the need only when its referral has gone out."""
    network = met()
    network.ask(a_draft())
    say(network, DRAFT_ID, "send", by="pa.comune")
    journey = network.journeys[0]
    before = replace(journey, needs=tuple(need for need in journey.needs if need.need_id != DRAFT_ID))
    network.db["journeys"].put(store.JOURNEY.dump_python(before, mode="json") | {"_id": str(INTAKE_ID)})
    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=taken_back().sharing_basis))
    assert network.referrals[DRAFT_ID].state == "REQUESTED"

    network.ask(AddNeed(journey_id=INTAKE_ID, need=JourneyNeed(service="lab.it", referral_id=DRAFT_ID)))

    assert network.referrals[DRAFT_ID].state == "REVOKED"
