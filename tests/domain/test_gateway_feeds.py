"""Who is told of an event, and what each agency may not see of it."""

import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from contracts import answers, beside, catalogue, events, journeys, sharing, topics
from contracts.feeds import WITHHELD_FROM_ALL, WITHHELD_FROM_RECEIVER
from contracts.values import Asked, Message, PersonFacts, ServiceAsked, SharingBasis
from services.gateway.domain.feeds import copies, feed_id
from tests.builders import NOW, REFERRAL_ID

FOR_OURSELVES = (beside.TimerStarted, beside.TimerCleared)
SAID = [
    row.model
    for row in catalogue.INSIDE
    if row.topic in (topics.INTAKES, topics.REFERRALS) and row.model not in FOR_OURSELVES
]
OF_REFERRALS = [model for model in SAID if issubclass(model, events.ReferralEvent)]

BASIS = SharingBasis(
    basis_id="b1",
    type="consent",
    recipient="pa.accura",
    purposes=["referral"],
    scope="tier1",
    valid_from=date(2026, 1, 1),
)
KNOWN: dict[str, Any] = {
    "sender_agency": "pa.comune", "receiver_agency": "pa.accura", "agency": "pa.comune", "person": PersonFacts(),
    "sender_ref": "CASE-77", "priority_reason": "because of it", "withhold": ("pa.penc",), "version": 3, "hop": 0,
    "services": (ServiceAsked(service="health.primary"),), "sharing_basis": (BASIS,), "candidates": (), "out": (),
    "household_size": 1, "interpreter_needed": False, "third_country_national": None, "in_reception": None,
    "served": True, "final": False, "other_languages": (), "accessibility": (), "willing_to_travel": (),
    "next_agency": "pa.salute", "occurred_at": NOW, "at": NOW, "due_at": NOW, "reply_by": NOW, "first_contact_at": NOW,
    "predecessor_id": None, "escalation_level": 3, "review_date": date(2026, 11, 10), "attempts": 1, "appointment": 1,
    "starts_at": NOW, "second_slot": False, "count": 1, "receipt_due_at": NOW,
    "timer_due_at": NOW, "percent": 100, "level": 1,
    "notify": ("sender_queue",), "person_refs": ("p_1", "p_2"), "turn": 1, "reasons": (), "basis_ids": ("b1",),
    "by": "pa.accura", "coordination_withheld": True,
}  # fmt: skip


def an_event(model: type[Message], **known: Any) -> Any:
    """One of any kind, from Palermo's Comune to Centro Accura."""
    given: dict[str, Any] = {name: f"some {name}" for name, field in model.model_fields.items() if field.is_required()}
    given |= {name: REFERRAL_ID for name in given if name.endswith("_id")}
    return model(**given | {n: v for n, v in KNOWN.items() if n in model.model_fields} | known)


def fields(message: Message) -> set[str]:
    return set(json.loads(message.model_dump_json()))


@pytest.mark.parametrize("model", SAID, ids=lambda m: m.TYPE)
def test_no_feed_shows_whom_the_person_excluded(model: type[Message]) -> None:
    for copy in copies(an_event(model)).values():
        assert fields(copy).isdisjoint(WITHHELD_FROM_ALL)


@pytest.mark.parametrize("model", SAID, ids=lambda m: m.TYPE)
def test_the_receiver_never_sees_the_senders_reference_nor_its_reason(model: type[Message]) -> None:
    told = copies(an_event(model))

    if "pa.accura" in told:
        assert fields(told["pa.accura"]).isdisjoint(WITHHELD_FROM_RECEIVER | WITHHELD_FROM_ALL)
        assert "CASE-77" not in told["pa.accura"].model_dump_json()


@pytest.mark.parametrize("model", SAID, ids=lambda m: m.TYPE)
def test_the_sender_is_told_of_everything_that_came_of_its_intake(model: type[Message]) -> None:
    event = an_event(model)

    told = copies(event)["pa.comune"]

    assert fields(told) == fields(event) - WITHHELD_FROM_ALL
    assert told.TYPE == event.TYPE


@pytest.mark.parametrize("model", OF_REFERRALS, ids=lambda m: m.TYPE)
def test_the_receiver_is_told_of_its_referral_but_not_why_it_was_chosen(model: type[Message]) -> None:
    hidden = (events.RoutingDecided, events.ReferralCreated)

    assert ("pa.accura" in copies(an_event(model))) is (model not in hidden)


@pytest.mark.parametrize("model", OF_REFERRALS, ids=lambda m: m.TYPE)
def test_a_receiver_that_was_not_told_of_a_referral_yet_reads_nothing_of_it(model: type[Message]) -> None:
    assert list(copies(an_event(model, receiver_told=False))) == ["pa.comune"]


def test_a_sender_that_is_its_own_receiver_is_told_once_and_all_of_it() -> None:
    event = an_event(events.ReferralSent, receiver_agency="pa.comune")

    assert copies(event) == {"pa.comune": event}


def test_an_agency_is_not_told_that_it_is_the_one_whom_the_person_excluded() -> None:
    """It deletes what it holds all the same, and reads what it would if a consent had been taken back."""
    event = an_event(events.ReferralRevoked, revoke_cause="recipient_excluded")
    expired = an_event(events.ReferralRevoked, revoke_cause="basis_expired")

    told = copies(event)

    assert told["pa.comune"] == event
    assert told["pa.accura"] == event.model_copy(update={"revoke_cause": "consent_withdrawn"})
    assert copies(expired)["pa.accura"] == expired


def test_a_referral_without_a_receiver_is_told_to_the_sender_alone() -> None:
    assert list(copies(an_event(events.ReferralWithdrawn, receiver_agency=None))) == ["pa.comune"]


@pytest.mark.parametrize("model", [journeys.TaskOpened, journeys.TaskDone])
def test_a_task_is_told_to_the_agency_that_has_it(model: type[Message]) -> None:
    assert list(copies(an_event(model, agency="rm.comune"))) == ["rm.comune"]


@pytest.mark.parametrize(
    "model", [journeys.RoutingNoCandidate, journeys.UnmetNeedRecorded, events.IntakeRecorded, sharing.ConsentWithdrawn]
)
def test_a_journey_is_told_to_the_sender_alone(model: type[Message]) -> None:
    assert list(copies(an_event(model))) == ["pa.comune"]


@pytest.mark.parametrize("model", FOR_OURSELVES, ids=lambda m: m.TYPE)
def test_that_a_timer_runs_is_told_by_the_due_time_of_other_events(model: type[Message]) -> None:
    assert copies(an_event(model)) == {}


def test_an_answer_is_not_an_event_of_the_feeds() -> None:
    assert copies(answers.CommandAccepted(asked=Asked(), subject="s")) == {}


def test_the_same_event_has_one_id_on_a_feed_and_another_on_each() -> None:
    event_id = UUID(int=7)

    assert feed_id(event_id, "pa.comune") == feed_id(event_id, "pa.comune")
    assert len({feed_id(event_id, agency) for agency in ("pa.comune", "pa.accura")} | {event_id}) == 3
