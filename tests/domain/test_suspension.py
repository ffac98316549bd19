"""An agency stops working: what is not decided goes elsewhere; the rest comes before the city's coordination."""

from typing import Any

import pytest

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import RerouteAgency
from contracts.directory import Agency, Queue
from contracts.events import ReferralDeclined
from contracts.journeys import TaskOpened
from contracts.values import Asked, Message
from services.referral import reading
from services.referral.domain.referral import successor_id
from tests.builders import a_recorded_intake, an_agency, an_offer
from tests.domain.test_journey import BOTH, VISIT, say
from tests.offline import Offline, finished

COMUNE = an_agency(
    "pa.comune",
    sharing_role="public_body",
    queues=(Queue(code="pa.comune.coordination", kind="coordination", name={"it": "Coordinamento"}),),
)
SUSPENDED = an_agency(status="suspended", version=2)


def palermo(*more: Agency) -> Offline:
    return Offline((COMUNE, an_agency(), an_agency("pa.salute"), *more), BOTH)


def rerouted(
    network: Offline, by: str = "pa.comune", of: str = "pa.accura", role: str = "coordinator"
) -> list[Message]:
    asked = Asked(agency=by, command_id="c-1", roles=(role,) if role else ())
    return network.ask(RerouteAgency(of=of, asked=asked))


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_what_is_not_decided_is_declined_for_it_and_the_next_candidate_is_asked(status: str) -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    network.ask(an_agency(status=status, version=2))

    said = rerouted(network)

    declined = next(m for m in said if isinstance(m, ReferralDeclined))
    assert (declined.by, declined.decline_reason) == ("system", "agency_suspended")
    assert network.referrals[VISIT].state == "DECLINED"
    assert network.referrals[successor_id(VISIT)].tried == ("pa.accura",)


@pytest.mark.parametrize(("status", "city"), [("active", "palermo"), ("suspended", None), ("left", None)])
def test_a_city_is_shown_to_its_coordination_only_by_an_agency_that_works(status: str, city: str | None) -> None:
    network = palermo()
    network.ask(an_agency("pa.comune", status=status, version=2))

    assert finished(reading.read_city(network.db, "pa.comune", active=True)) == city
    assert finished(reading.read_city(network.db, "pa.comune")) == "palermo"
    assert finished(reading.read_city(network.db, "pa.nobody", active=True)) is None


def test_a_person_who_is_taken_in_stays_and_the_coordination_has_to_look_at_it_once() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    say(network, VISIT, "accept")
    network.ask(SUSPENDED)

    said = [*rerouted(network), *rerouted(network)]

    (task,) = [m for m in said if isinstance(m, TaskOpened)]
    assert (task.agency, task.queue, task.kind) == ("pa.comune", "pa.comune.coordination", "coordinator_review")
    assert (task.reason, task.referral_id) == ("agency_suspended", VISIT)
    assert network.referrals[VISIT].state == "ACCEPTED"


@pytest.mark.parametrize(
    ("by", "of", "suspended", "code"),
    [
        ("pa.salute", "pa.accura", True, "not_authorised"),
        ("pa.comune", "pa.nobody", True, "not_authorised"),
        ("pa.comune", "pa.accura", False, "receiver_active"),
    ],
)
def test_only_its_citys_coordination_may_say_so_and_only_of_one_that_is_suspended(
    by: str, of: str, suspended: bool, code: str
) -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    if suspended:
        network.ask(SUSPENDED)

    (answer,) = rerouted(network, by, of)

    assert isinstance(answer, CommandRejected)
    assert answer.code == code
    assert network.referrals[VISIT].state == "REQUESTED"


def test_a_system_of_the_coordinating_agency_may_not_say_so_without_a_coordinator() -> None:
    network = palermo()
    network.ask(SUSPENDED)

    (answer,) = rerouted(network, role="")

    assert isinstance(answer, CommandRejected)
    assert answer.code == "not_authorised"


def test_the_answer_comes_before_what_follows() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    network.ask(SUSPENDED)

    said = rerouted(network)

    assert isinstance(said[0], CommandAccepted)
    assert said[0].subject == "pa.accura"


def test_a_risk_for_safety_is_for_the_coordination_and_asks_nobody_else() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    said = say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)

    (task,) = [m for m in said if isinstance(m, TaskOpened)]
    assert (task.queue, task.next) == ("pa.comune.coordination", "coordinator_review")
    assert task.code == network.referrals[VISIT].code
    assert set(network.referrals) == {VISIT}


@pytest.mark.parametrize(("by", "command", "fields"), [
    ("pa.comune", "withdraw", {"withdraw_reason": "safety_concern"}),
    ("pa.accura", "withdraw", {"withdraw_reason": "safety_concern"}),
    ("pa.comune", "revoke", {"revoke_cause": "basis_invalid", "basis_id": None, "roles": ("coordinator",)}),
])  # fmt: skip
def test_so_is_whatever_else_only_the_coordination_may_look_at(by: str, command: str, fields: dict[str, Any]) -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    said = say(network, VISIT, command, by=by, text_id=VISIT, **fields)

    assert [m.queue for m in said if isinstance(m, TaskOpened)] == ["pa.comune.coordination"]


def test_where_nobody_coordinates_a_sender_who_withdraws_has_decided() -> None:
    network = Offline((an_agency(),), (an_offer(),))
    network.ask(a_recorded_intake())

    said = say(network, VISIT, "withdraw", by="pa.comune", withdraw_reason="safety_concern", text_id=VISIT)

    assert not [m for m in said if isinstance(m, TaskOpened)]


def test_where_nobody_coordinates_the_sender_looks_at_it() -> None:
    network = Offline((an_agency(),), (an_offer(),))
    network.ask(a_recorded_intake())

    said = say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)

    assert [m.queue for m in said if isinstance(m, TaskOpened)] == ["pa.comune.desk"]
