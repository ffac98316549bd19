"""An agency stops working: what is not decided goes elsewhere; the rest comes before the city's coordination."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi import Response

from contracts.answers import CommandAccepted, CommandRejected
from contracts.beside import ReferralEscalated, TimerFired
from contracts.commands import RerouteAgency
from contracts.directory import Agency, Queue
from contracts.events import ReferralClosed, ReferralDeclined
from contracts.journeys import CompleteTask, TaskOpened, TaskOverdue
from contracts.sharing import KeepSharing
from contracts.values import Asked, Message
from services.http.tokens import Speaker
from services.referral import api, reading
from services.referral.domain import needs
from services.referral.domain.referral import successor_id
from tests.builders import INTAKE_ID, NOW, a_basis, a_recorded_intake, an_agency, an_offer
from tests.domain.test_drafts import DRAFT_ID, a_draft
from tests.domain.test_journey import BOTH, OTHER_ID, VISIT, say
from tests.domain.test_vital import REQUESTED
from tests.offline import TEST, Offline, finished

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


def test_who_took_the_coordination_of_a_city_over_decides_in_place_of_who_left() -> None:
    queue = Queue(code="pa.unione.coordination", kind="coordination", name={"it": "Coordinamento"})
    network = palermo(an_agency("pa.unione", queues=(queue,)), an_agency("pa.ponte", status="suspended"))
    network.ask(a_recorded_intake())
    network.ask(COMUNE.model_copy(update={"status": "left", "version": 2}))
    network.ask(an_agency(status="left", version=2))

    refused = rerouted(network)
    said = rerouted(network, by="pa.unione")

    assert [m.code for m in refused if isinstance(m, CommandRejected)] == ["not_authorised"]
    assert any(isinstance(m, ReferralDeclined) for m in said)


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


@pytest.mark.parametrize(("command", "fields"), [
    ("withdraw", {"withdraw_reason": "safety_concern"}),
    ("revoke", {"revoke_cause": "basis_invalid", "basis_id": None, "roles": ("coordinator",)}),
])  # fmt: skip
def test_a_draft_has_no_receiver_and_is_looked_at_by_the_coordination_of_its_senders_city(
    command: str, fields: dict[str, Any]
) -> None:
    network = palermo(an_agency("pa.penc"))
    network.ask(a_recorded_intake())
    network.ask(a_draft())

    said = say(network, DRAFT_ID, command, by="pa.comune", text_id=VISIT, **fields)

    assert [(m.queue, m.next) for m in said if isinstance(m, TaskOpened)] == [
        ("pa.comune.coordination", "coordinator_review")
    ]


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


# -- the sender stops working ------------------------------------------------------------------------------------------

MOBILE = an_agency("pa.mobile")
DESK = ("pa.mobile", "pa.mobile.desk")
COORDINATION = ("pa.comune", "pa.comune.coordination")
GONE = an_agency("pa.mobile", status="left", version=2)


def sent_by_mobile(*services: Any, **known: Any) -> Offline:
    network = palermo(MOBILE)
    network.ask(a_recorded_intake(*services, sender_agency="pa.mobile", sender_queue="pa.mobile.desk", **known))
    return network


def whose(network: Offline) -> list[tuple[str, tuple[str, str], str | None]]:
    return [(task.kind, (task.agency, task.queue), task.next) for task in network.tasks]


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_what_a_sender_that_works_no_more_would_have_to_decide_is_for_the_coordination_of_its_city(status: str) -> None:
    network = sent_by_mobile()
    network.ask(an_agency("pa.mobile", status=status, version=2))

    said = say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    assert whose(network) == [("sender_task_documents", COORDINATION, "coordinator_review")]
    assert [m.queue for m in said if isinstance(m, TaskOpened)] == ["pa.comune.coordination"]


@pytest.mark.parametrize(("more", "whose_it_is", "next_"), [
    ((), COORDINATION, "coordinator_review"), (("pa.comune",), DESK, "sender_decides"),
])  # fmt: skip
def test_so_is_a_need_that_nobody_is_left_for_unless_the_person_excluded_them(
    more: tuple[str, ...], whose_it_is: tuple[str, str], next_: str
) -> None:
    network = palermo(GONE)

    sender = {"sender_agency": "pa.mobile", "sender_queue": "pa.mobile.desk"}
    network.ask(a_recorded_intake(withhold=("pa.accura", "pa.salute", *more), **sender))
    network.sweep(NOW + timedelta(days=1))

    assert whose(network) == [("no_candidate", whose_it_is, next_)]


def test_a_journey_of_a_release_that_kept_no_exclusions_is_judged_by_what_was_decided_for_the_need() -> None:
    network = sent_by_mobile(withhold=("pa.accura", "pa.salute", "pa.comune"))
    (journey,) = network.db["journeys"].all()
    network.db["journeys"].put(journey | {"excluded": []})
    network.ask(GONE)

    said = network.sweep(NOW + timedelta(days=1))

    assert whose(network) == [("no_candidate", DESK, "sender_decides")]
    assert {m.coordination_withheld for m in said if isinstance(m, TaskOverdue)} == {True}


def test_what_it_had_to_decide_already_is_handed_over_instead_of_called_late() -> None:
    network = sent_by_mobile()
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))
    network.ask(GONE)

    said = network.sweep(NOW + timedelta(days=1))

    (opened,) = [m for m in said if isinstance(m, TaskOpened)]
    assert ((opened.agency, opened.queue), opened.next, opened.version) == (COORDINATION, "coordinator_review", 2)
    assert (opened.task_id, opened.kind) == (network.tasks[0].task_id, "sender_task_documents")
    late = [m for m in said if isinstance(m, TaskOverdue)]
    assert {(m.agency, m.percent) for m in late} == {("pa.comune", 400)}
    assert network.tasks[0].next_at is not None


def test_who_coordinates_says_that_it_was_done() -> None:
    network = sent_by_mobile()
    network.ask(GONE)
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    network.ask(CompleteTask(task_id=network.tasks[0].task_id, asked=Asked(agency="pa.comune", command_id="c-2")))

    assert network.tasks[0].state == "DONE"


def test_what_is_of_the_person_or_the_directory_stays_with_the_agency() -> None:
    network = sent_by_mobile()
    network.ask(SUSPENDED)

    network.ask(REQUESTED.model_copy(update={"sender_agency": "pa.mobile", "sender_queue": "pa.mobile.desk"}))
    say(network, VISIT, "decline", decline_reason="service_not_offered")

    assert {agency for _, (agency, _), _ in whose(network)} == {"pa.mobile", "pa.accura"}


def test_where_nobody_coordinates_it_stays_with_the_sender() -> None:
    network = Offline((an_agency(), MOBILE), (an_offer(),))
    network.ask(a_recorded_intake(sender_agency="pa.mobile", sender_queue="pa.mobile.desk"))
    network.ask(GONE)

    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))
    network.sweep(NOW + timedelta(days=3))

    assert whose(network) == [("sender_task_documents", DESK, "sender_task_documents")]


REFUSED = (a_basis(), a_basis("pa.comune", basis_id="b2", refused=True))


@pytest.mark.parametrize("excluded", [{"withhold": ("pa.comune",)}, {"sharing_basis": REFUSED}])
@pytest.mark.parametrize("before", [True, False])
def test_it_stays_with_the_sender_where_the_person_excluded_who_coordinates(
    excluded: dict[str, Any], before: bool
) -> None:
    network = sent_by_mobile(**excluded)
    if before:
        network.ask(GONE)
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))
    network.ask(GONE)

    network.sweep(NOW + timedelta(days=3))

    assert whose(network) == [("sender_task_documents", DESK, "sender_task_documents")]


def open_by(network: Offline, agency: str, *roles: str) -> CommandAccepted | CommandRejected:
    said = say(network, VISIT, "open", by=agency, roles=roles)
    return next(m for m in said if isinstance(m, CommandAccepted | CommandRejected))


def test_who_coordinates_may_have_the_next_agency_asked_for_a_sender_that_works_no_more() -> None:
    network = sent_by_mobile()
    network.ask(GONE)
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    assert isinstance(open_by(network, "pa.comune", "coordinator"), CommandAccepted)
    assert network.referrals[successor_id(VISIT)].state == "REQUESTED"
    assert network.tasks[0].state == "DONE"


@pytest.mark.parametrize(
    ("sender", "by", "roles", "code"),
    [
        (MOBILE, "pa.comune", ("coordinator",), "not_authorised"),
        (GONE, "pa.comune", (), "unknown_referral"),
        (GONE, "pa.accura", (), "not_authorised"),
    ],
)
def test_of_one_that_works_it_is_the_senders_choice(sender: Agency, by: str, roles: tuple[str, ...], code: str) -> None:
    network = sent_by_mobile()
    network.ask(sender)
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    answer = open_by(network, by, *roles)

    assert isinstance(answer, CommandRejected)
    assert answer.code == code
    assert set(network.referrals) == {VISIT}


def test_who_coordinates_where_it_lay_and_not_where_it_was_sent_from_asks_nobody() -> None:
    away = an_agency("na.mobile", city="napoli")
    network = palermo(away)
    network.ask(a_recorded_intake(sender_agency=away.code, sender_queue="na.mobile.desk", city_of_intake="napoli"))
    network.ask(away.model_copy(update={"status": "left", "version": 2}))
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    answer = open_by(network, "pa.comune", "coordinator")

    assert isinstance(answer, CommandRejected)
    assert answer.code == "not_authorised"
    assert set(network.referrals) == {VISIT}


# -- who coordinates stops working -------------------------------------------------------------------------------------

COMUNE_SUSPENDED = COMUNE.model_copy(update={"status": "suspended", "version": 2})


def test_what_only_the_coordination_may_look_at_is_the_senders_where_no_coordination_works() -> None:
    network = sent_by_mobile()
    network.ask(COMUNE_SUSPENDED)

    say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)

    assert whose(network) == [("coordinator_review", DESK, "coordinator_review")]
    assert isinstance(open_by(network, "pa.mobile"), CommandAccepted)
    assert network.tasks[0].state == "DONE"


def test_what_it_had_to_look_at_already_is_handed_to_the_sender_and_theirs_to_choose() -> None:
    network = sent_by_mobile()
    say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)
    network.ask(COMUNE_SUSPENDED)

    network.sweep(NOW + timedelta(days=1))

    assert whose(network) == [("coordinator_review", DESK, "coordinator_review")]
    assert isinstance(open_by(network, "pa.mobile"), CommandAccepted)


def test_another_agency_that_coordinates_the_city_has_it_before_the_sender() -> None:
    network = sent_by_mobile()
    say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)
    queue = Queue(code="pa.unione.coordination", kind="coordination", name={"it": "Coordinamento"})
    network.ask(an_agency("pa.unione", queues=(queue,)))
    network.ask(COMUNE_SUSPENDED)

    network.sweep(NOW + timedelta(days=1))

    assert whose(network) == [("coordinator_review", ("pa.unione", queue.code), "coordinator_review")]


def test_a_coordination_that_is_suspended_has_nothing_asked_elsewhere() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    network.ask(SUSPENDED)
    network.ask(COMUNE_SUSPENDED)

    (answer,) = rerouted(network)

    assert isinstance(answer, CommandRejected)
    assert answer.code == "not_authorised"


# -- the person excluded who coordinates -------------------------------------------------------------------------------

EXCLUDING: list[dict[str, Any]] = [{"withhold": ("pa.comune",)}, {"sharing_basis": REFUSED}]


@pytest.mark.parametrize("excluded", EXCLUDING)
@pytest.mark.parametrize("reason", ["safety_risk", "conflict_of_interest"])
def test_what_only_the_coordination_may_look_at_is_the_senders_where_the_person_excluded_it(
    reason: str, excluded: dict[str, Any]
) -> None:
    network = sent_by_mobile(**excluded)

    said = say(network, VISIT, "decline", decline_reason=reason, text_id=VISIT)

    (task,) = [m for m in said if isinstance(m, TaskOpened)]
    assert ((task.agency, task.queue), task.next) == (DESK, "coordinator_review")
    assert isinstance(open_by(network, "pa.mobile"), CommandAccepted), "and the next agency theirs to choose"
    assert network.tasks[0].state == "DONE"


def test_so_it_is_where_the_person_excluded_it_later() -> None:
    network = sent_by_mobile()

    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=REFUSED))
    say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)

    assert whose(network) == [("coordinator_review", DESK, "coordinator_review")]


def test_otherwise_it_is_the_coordinations_and_not_the_senders_to_choose() -> None:
    network = sent_by_mobile(withhold=("pa.penc",))
    say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)

    answer = open_by(network, "pa.mobile")

    assert isinstance(answer, CommandRejected)
    assert answer.code == "successor_not_allowed"


@pytest.mark.parametrize("excluded", EXCLUDING)
def test_who_is_taken_in_by_an_agency_that_stopped_is_looked_at_by_the_sender_then(excluded: dict[str, Any]) -> None:
    network = sent_by_mobile(**excluded)
    say(network, VISIT, "accept")
    network.ask(SUSPENDED)

    rerouted(network)

    assert whose(network) == [("coordinator_review", DESK, "coordinator_review")]


@pytest.mark.parametrize(("known", "withheld"), [*((excluded, True) for excluded in EXCLUDING), ({}, False)])
def test_every_event_of_which_the_coordination_would_be_told_says_whether_the_person_excluded_it(
    known: dict[str, Any], withheld: bool
) -> None:
    network = sent_by_mobile(**known)
    late = network.sweep(NOW + timedelta(days=4))
    network.ask(an_agency("pa.unione"))
    raised = {"timer": "decide", "escalation_level": 2, "roles": ("coordinator",)}
    said = [*late, *say(network, VISIT, "escalate", by="pa.unione", **raised)]
    said += [
        *say(network, VISIT, "accept"),
        *say(network, VISIT, "close", closure_outcome="person_declined_after_accept"),
    ]
    said += network.sweep(NOW + timedelta(days=9))

    said = [m for m in said if not isinstance(m, ReferralEscalated) or m.notify]
    told = [m for m in said if isinstance(m, TimerFired | TaskOverdue | ReferralClosed | ReferralEscalated)]
    assert {type(m) for m in told} == {TimerFired, TaskOverdue, ReferralClosed, ReferralEscalated}
    assert {m.coordination_withheld for m in told} == {withheld}


def test_of_a_need_that_nobody_was_found_for_too() -> None:
    network = sent_by_mobile(withhold=("pa.accura", "pa.salute", "pa.comune"))

    said = network.sweep(NOW + timedelta(days=2))

    assert {m.coordination_withheld for m in said if isinstance(m, TaskOverdue)} == {True}


def test_what_the_coordination_had_to_look_at_already_is_handed_to_the_sender_once_the_person_excludes_it() -> None:
    network = sent_by_mobile()
    say(network, VISIT, "decline", decline_reason="safety_risk", text_id=VISIT)
    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=REFUSED))

    said = network.sweep(NOW + timedelta(days=3))

    (opened,) = [m for m in said if isinstance(m, TaskOpened)]
    assert ((opened.agency, opened.queue), opened.next, opened.version) == (DESK, "coordinator_review", 2)
    late = [(m.agency, m.coordination_withheld) for m in said if isinstance(m, TaskOverdue)]
    assert late
    assert set(late) == {("pa.mobile", True)}
    assert isinstance(open_by(network, "pa.mobile"), CommandAccepted)
    assert network.tasks[0].state == "DONE"


def test_so_is_a_need_that_nobody_was_found_for_once_the_person_excludes_the_coordination() -> None:
    network = sent_by_mobile(withhold=("pa.accura", "pa.salute"))
    network.ask(GONE)
    network.sweep(NOW + timedelta(days=1))
    assert whose(network) == [("no_candidate", COORDINATION, "coordinator_review")]

    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=REFUSED))
    network.sweep(NOW + timedelta(days=3))

    assert whose(network) == [("no_candidate", DESK, "coordinator_review")]


def test_where_the_coordinations_own_desk_has_to_decide_nothing_is_handed_over() -> None:
    network = palermo()
    network.ask(a_recorded_intake(sharing_basis=REFUSED))
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    said = network.sweep(NOW + timedelta(days=3))

    assert not [m for m in said if isinstance(m, TaskOpened)]
    assert whose(network) == [("sender_task_documents", ("pa.comune", "pa.comune.desk"), "sender_task_documents")]


def shown(network: Offline, agency: str | None, *roles: str) -> list[UUID]:
    """What would become of whom, as somebody of this agency reads it."""
    state = SimpleNamespace(context=SimpleNamespace(db=network.db, settings=TEST))
    request: Any = SimpleNamespace(app=SimpleNamespace(state=state))
    who = Speaker(agency=agency, sub="w1", roles=frozenset(roles))
    return [row["referral_id"] for row in finished(api.get_open_referrals(request, Response(), "pa.accura", who, None))]


@pytest.mark.parametrize("excluded", EXCLUDING)
def test_who_coordinates_is_not_shown_what_would_become_of_who_excluded_them(excluded: dict[str, Any]) -> None:
    network = sent_by_mobile(**excluded)
    network.ask(a_recorded_intake(intake_id=OTHER_ID, person_ref="p-2"))
    other = needs.referral_id(OTHER_ID, 0)

    assert shown(network, "pa.comune", "coordinator") == [other]
    assert set(shown(network, None, "network")) == {VISIT, other}


@pytest.mark.parametrize("excluded", EXCLUDING)
def test_who_coordinates_is_a_stranger_to_who_excluded_them(excluded: dict[str, Any]) -> None:
    network = sent_by_mobile(**excluded)
    network.ask(GONE)
    say(network, VISIT, "decline", decline_reason="missing_documents", documents=("stp",))

    answer = open_by(network, "pa.comune", "coordinator")

    assert isinstance(answer, CommandRejected)
    assert answer.code == "unknown_referral"
    assert set(network.referrals) == {VISIT}


def test_and_from_when_they_are_excluded_later() -> None:
    network = sent_by_mobile()
    raised = {"timer": "decide", "escalation_level": 2, "roles": ("coordinator",)}
    before = say(network, VISIT, "escalate", by="pa.comune", **raised)

    network.ask(KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=REFUSED))
    after = say(network, VISIT, "escalate", by="pa.comune", **raised | {"escalation_level": 3})

    assert any(isinstance(m, ReferralEscalated) for m in before)
    assert [m.code for m in after if isinstance(m, CommandRejected)] == ["unknown_referral"]
