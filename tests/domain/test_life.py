"""What becomes of a referral when its sender, its receiver or the network says something."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.beside import TimerEvent
from contracts.commands import DraftReferral, OpenReferral
from contracts.directory import Agency
from contracts.events import (
    ReferralAccepted,
    ReferralClosed,
    ReferralCreated,
    ReferralDeclined,
    ReferralRerouted,
    ReferralSent,
    ReferralStarted,
    ReferralWithdrawn,
    RoutingDecided,
)
from contracts.journeys import EndNeed, OpenTask, SettleTask
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.referral.domain import aftermath, life, unsent
from services.referral.domain.referral import Entry, Referral, successor_id
from services.referral.domain.routing import Place, Search
from services.referral.domain.unsent import Link
from tests.builders import (
    NOW,
    REFERRAL_ID,
    a_basis,
    a_command,
    a_decision,
    a_need,
    a_referral,
    an_agency,
    an_offer,
    the_facts,
)

SALUTE = Place("pa.salute.primary", "pa.salute", "pa.salute.desk", "palermo", basis="b1")


def decide(referral: Referral, command: str = "accept", **fields: Any) -> life.Outcome:
    facts = fields.pop("facts", the_facts())
    return life.decide(referral, a_command(command, **fields), facts)


M = TypeVar("M", bound=Message)


def only(kind: type[M], said: list[Message]) -> M:
    found = [message for message in said if isinstance(message, kind)]
    assert len(found) == 1, f"one {kind.__name__} was expected among {[type(m).__name__ for m in said]}"
    return found[0]


def kinds(said: list[Message]) -> list[str]:
    """But for what is said of timers, which follows from the state (`test_timers`)."""
    return [type(message).__name__ for message in said if not isinstance(message, TimerEvent)]


# -- being sent --------------------------------------------------------------------------------------------------------


def opened(**known: Any) -> life.Outcome:
    command = OpenReferral(referral_id=REFERRAL_ID, need=a_need(**known.pop("need", {})))
    return life.open_referral(command, the_facts(**{"decision": a_decision()} | known))


def test_a_need_that_is_opened_is_sent_with_the_answer_first_and_the_explanation_before_the_event() -> None:
    referral, said = opened()

    assert kinds(said) == ["CommandAccepted", "RoutingDecided", "ReferralSent"]
    assert referral.place == Place("pa.accura.primary", "pa.accura", "pa.accura.desk", "palermo", basis="b1")
    assert (referral.owner, referral.hop, referral.sent_at) == ("pa.accura.desk", 0, NOW)


def test_the_receiver_is_told_what_it_needs_to_answer_and_until_when() -> None:
    _, said = opened(need={"age_band": "25-39", "priority": "URGENT", "sender_ref": "T-1"})

    sent = only(ReferralSent, said)
    assert sent.person.age_band == "25-39"
    assert sent.reply_by == NOW + timedelta(hours=48)
    assert sent.due_at == NOW + timedelta(hours=24)
    assert (sent.seat, sent.rule_set, sent.sender_ref) == ("none", "network-1", "T-1")


def test_everything_that_was_considered_is_said_with_the_decision() -> None:
    decision = a_decision(an_offer(), an_offer("pa.x.primary", status="closed"))

    _, said = opened(decision=decision)

    explained = only(RoutingDecided, said)
    assert [v.offer for v in explained.candidates] == ["pa.accura.primary"]
    assert [(v.offer, v.out_by) for v in explained.out] == [("pa.x.primary", "offer_open")]
    assert explained.linked_referral_id is None


def test_first_contact_is_due_from_the_moment_the_receiver_was_asked() -> None:
    sent, _ = opened(need={"priority": "URGENT"})

    accepted, _ = decide(sent, "accept", facts=the_facts(NOW + timedelta(hours=20)))

    assert accepted.due_at == NOW + timedelta(hours=72)


def test_who_has_waited_is_met_in_time_from_the_acceptance_also_when_one_was_taken_back() -> None:
    waited = Entry(2, NOW, "waitlist", "system", None, "WAITLISTED", ())
    long_after = NOW + timedelta(days=60)

    again, _ = life.decide(a_referral("ACKNOWLEDGED", history=(waited,)), a_command("accept"), the_facts(long_after))

    (first_contact,) = again.timers
    assert first_contact.started_at == long_after


def test_a_service_that_waits_for_another_is_a_draft_of_its_sender() -> None:
    need = a_need("lab.it", depends_on="health.primary")

    draft, said = life.draft(DraftReferral(referral_id=REFERRAL_ID, need=need), the_facts())

    assert kinds(said) == ["CommandAccepted", "ReferralCreated"]
    assert only(ReferralCreated, said).depends_on == "health.primary"
    assert (draft.owner, draft.place) == ("pa.comune.desk", None)
    assert draft.due_at == datetime(2026, 10, 30, 9, 0, tzinfo=UTC), "three business days"


def test_a_draft_that_is_sent_goes_where_routing_says_at_that_moment() -> None:
    facts = the_facts(decision=a_decision(an_offer("pa.salute.primary")))

    sent, said = decide(a_referral("DRAFT"), "send", by=None, facts=facts)

    assert kinds(said) == ["CommandAccepted", "RoutingDecided", "ReferralSent"]
    assert sent.place == SALUTE
    assert sent.version == 4


def test_a_sender_who_does_not_wait_tells_the_journey_so() -> None:
    _, said = decide(a_referral("DRAFT"), "send", by="pa.comune", facts=the_facts(decision=a_decision()))

    assert only(EndNeed, said).outcome == "sent"


@pytest.mark.parametrize(("offer", "code"), [
    ({"status": "closed"}, "no_candidate"),
    ({"rules": ({"rule": "household_in", "values": ["minor_alone"]},)}, "no_candidate"),
])  # fmt: skip
def test_a_draft_for_which_there_is_nobody_stays_a_draft(offer: dict[str, Any], code: str) -> None:
    decision = a_decision(an_offer(**offer), search=Search(a_need(household="single_adult")))

    with pytest.raises(Refusal) as refusal:
        decide(a_referral("DRAFT"), "send", by="pa.comune", facts=the_facts(decision=decision))

    assert (refusal.value.code, refusal.value.state) == (code, "DRAFT")


def test_a_draft_that_no_sharing_basis_covers_is_refused_for_that() -> None:
    decision = a_decision(search=Search(a_need(sharing_basis=(a_basis("city:torino"),))))

    with pytest.raises(Refusal, match="sharing_not_covered"):
        decide(a_referral("DRAFT"), "send", by="pa.comune", facts=the_facts(decision=decision))


def test_a_sender_cannot_send_a_draft_where_the_person_has_an_open_referral() -> None:
    facts = the_facts(decision=a_decision(), linked_id=UUID(int=7))

    with pytest.raises(Refusal, match="already_open"):
        decide(a_referral("DRAFT"), "send", by="pa.comune", facts=facts)


# -- being answered ----------------------------------------------------------------------------------------------------


def test_an_acceptance_says_who_takes_the_person() -> None:
    referral, said = decide(a_referral(), "accept", assigned_worker="w-1")

    assert only(ReferralAccepted, said).assigned_worker == "w-1"
    assert (referral.assigned_worker, referral.accepted_at) == ("w-1", NOW)


def test_a_start_says_when_and_how_the_person_was_met() -> None:
    _, said = decide(a_referral("ACCEPTED"), "start", contact_mode="in_person")

    started = only(ReferralStarted, said)
    assert (started.first_contact_at, started.contact_mode) == (NOW, "in_person")


def test_a_contact_that_is_still_to_come_is_no_contact_even_for_a_clock_that_is_a_day_ahead() -> None:
    with pytest.raises(Refusal, match="no_contact_recorded"):
        decide(a_referral("ACCEPTED"), "start", first_contact_at=NOW + timedelta(hours=25))

    assert decide(a_referral("ACCEPTED"), "start", first_contact_at=NOW + timedelta(hours=24))


def test_a_decline_for_lack_of_room_is_unmet_for_now_and_asks_the_next_candidate_with_memory() -> None:
    before = a_referral("ACKNOWLEDGED", hop=1, tried=("pa.ponte",))

    referral, said = decide(before, "decline", decline_reason="no_capacity")

    assert kinds(said) == ["CommandAccepted", "ReferralDeclined", "EndNeed", "OpenReferral"]
    assert (only(EndNeed, said).outcome, only(EndNeed, said).reason) == ("no_capacity", "no_capacity")
    successor = only(OpenReferral, said)
    assert (successor.hop, successor.tried) == (2, ("pa.ponte", "pa.accura"))
    assert (successor.predecessor_id, successor.referral_id) == (REFERRAL_ID, successor_id(REFERRAL_ID))
    assert referral.successor_id == successor.referral_id


def test_a_decline_for_another_reason_asks_the_next_candidate_without_unmet_need() -> None:
    _, said = decide(a_referral(), "decline", decline_reason="out_of_area")

    assert kinds(said) == ["CommandAccepted", "ReferralDeclined", "OpenReferral"]


def test_a_person_who_needs_more_care_is_sent_on_as_more_urgent() -> None:
    _, said = decide(a_referral(), "decline", decline_reason="needs_higher_care")

    assert only(OpenReferral, said).need.priority == "URGENT"


def test_nothing_is_more_urgent_than_an_emergency() -> None:
    before = a_referral(need=a_need(priority="EMERGENCY"))

    _, said = decide(before, "decline", decline_reason="needs_higher_care")

    assert only(OpenReferral, said).need.priority == "EMERGENCY"


def test_missing_documents_go_back_to_the_sender_as_a_task_with_their_list() -> None:
    referral, said = decide(a_referral(), "decline", decline_reason="missing_documents", documents=["stp", "eni"])

    assert kinds(said) == ["CommandAccepted", "ReferralDeclined", "EndNeed", "OpenTask"]
    assert only(ReferralDeclined, said).next == "sender_task_documents"
    assert only(EndNeed, said).outcome == "ended"
    task = only(OpenTask, said)
    assert (task.kind, task.documents, task.queue) == ("sender_task_documents", ("stp", "eni"), "pa.comune.desk")
    assert referral.successor_id is None


def test_a_safety_risk_never_reroutes_by_itself() -> None:
    _, said = decide(a_referral(), "decline", decline_reason="safety_risk", text_id=UUID(int=5))

    assert only(OpenTask, said).kind == "coordinator_review"
    assert only(ReferralDeclined, said).text_id == UUID(int=5)


def test_a_service_that_was_given_ends_the_need() -> None:
    _, said = decide(a_referral("IN_SERVICE"), "close", closure_outcome="served_completed")

    assert kinds(said) == ["CommandAccepted", "ReferralClosed", "EndNeed"]
    assert only(ReferralClosed, said).served is True
    assert only(EndNeed, said).outcome == "served"


@pytest.mark.parametrize(("state", "outcome", "kind"), [
    ("IN_SERVICE", "person_dropped_out", "ask_preference"), ("ACCEPTED", "referred_onward", "sender_decides"),
    ("ACCEPTED", "moved_city", "reroute_to_city_of_presence"),
])  # fmt: skip
def test_a_closure_that_leaves_something_to_decide_is_a_task_for_the_sender(
    state: str, outcome: str, kind: str
) -> None:
    _, said = decide(a_referral(state), "close", closure_outcome=outcome)

    assert only(OpenTask, said).kind == kind
    assert (only(EndNeed, said).outcome, only(EndNeed, said).reason) == ("ended", outcome)


def test_a_sender_who_withdraws_has_decided_and_gets_no_task() -> None:
    _, said = decide(a_referral(), "withdraw", by="pa.comune", withdraw_reason="person_request")

    assert kinds(said) == ["CommandAccepted", "ReferralWithdrawn", "ReceiptRequested", "EndNeed"]
    assert only(ReferralWithdrawn, said).requested_by == "person"


def test_a_receiver_who_withdraws_leaves_the_next_step_to_the_sender() -> None:
    _, said = decide(a_referral("IN_SERVICE"), "withdraw", withdraw_reason="person_request")

    assert only(OpenTask, said).kind == "ask_preference"


def test_an_agency_that_sends_to_itself_speaks_in_both_roles() -> None:
    own = a_referral(need=a_need(sender_agency="pa.accura"))

    accepted, said = decide(own, "accept")
    withdrawn, _ = decide(own, "withdraw")

    assert (accepted.state, withdrawn.state) == ("ACCEPTED", "WITHDRAWN")
    assert only(ReferralAccepted, said).by == "receiver"


def test_the_history_tells_each_command_with_its_reason_and_no_text() -> None:
    referral, _ = decide(a_referral(), "decline", decline_reason="other", text_id=UUID(int=5))

    entry = referral.history[-1]
    assert (entry.version, entry.command, entry.by, entry.agency) == (4, "decline", "receiver", "pa.accura")
    assert (entry.state, entry.events, entry.reason) == ("DECLINED", ("referral.declined",), "other")
    assert entry.text_id == UUID(int=5)


def test_a_reason_that_a_command_has_no_use_for_is_kept_nowhere() -> None:
    referral, said = decide(a_referral(), "accept", decline_reason="something an agency wrote")

    assert referral.history[-1].reason is None
    assert not any("something" in message.model_dump_json() for message in said)


# -- being passed on ---------------------------------------------------------------------------------------------------


def onward(to: str = "pa.salute", *, need: Any = None, hop: int = 0, agency: Agency | None = None, **offer: Any) -> Any:
    search = Search(need or a_need(), hop + 1, ("pa.accura",), to)
    there = a_decision(an_offer(f"{to}.primary", **offer), search=search, agencies=(agency,) if agency else ())
    return the_facts(decision=there)


def test_a_referral_is_passed_on_to_the_agency_the_receiver_names() -> None:
    referral, said = decide(a_referral(), "pass_on", facts=onward())

    assert kinds(said) == ["CommandAccepted", "ReferralRerouted", "OpenReferral"]
    assert only(ReferralRerouted, said).next_agency == "pa.salute"
    assert only(OpenReferral, said).next_agency == "pa.salute"
    assert referral.successor_id == successor_id(REFERRAL_ID)


@pytest.mark.parametrize(("facts", "code"), [
    (onward(status="closed"), "no_candidate"),
    (onward(need=a_need(age_band="25-39"), rules=({"rule": "age_between", "max": 17},)), "no_candidate"),
    (onward(agency=an_agency("pa.salute", sharing_role="private_partner")), "sharing_not_covered"),
    (onward("pa.accura"), "agency_already_tried"),
    (onward("pa.accura", need=a_need(withhold=("pa.accura",))), "agency_already_tried"),
    (onward(hop=3), "too_many_hops"),
    (onward(hop=3, need=a_need(withhold=("pa.salute",))), "too_many_hops"),
    (onward(hop=3, agency=an_agency("pa.salute", sharing_role="private_partner")), "too_many_hops"),
    (the_facts(decision=a_decision(an_offer(service="lab.it"))), "no_candidate"),
])  # fmt: skip
def test_what_cannot_be_passed_on_is_refused_by_the_first_guard_of_its_row(facts: Any, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        decide(a_referral(), "pass_on", facts=facts)

    assert (refusal.value.code, refusal.value.pointer) == (code, "/next_agency")


def test_a_receiver_cannot_tell_whom_the_person_excluded_from_whom_no_basis_covers() -> None:
    answers = []
    for facts in (
        onward(need=a_need(withhold=("pa.salute",))),
        onward(agency=an_agency("pa.salute", sharing_role="private_partner")),
    ):
        with pytest.raises(Refusal) as refusal:
            decide(a_referral(), "pass_on", facts=facts)
        answers.append((refusal.value.code, refusal.value.message, vars(refusal.value)))

    assert answers[0] == answers[1]
    assert answers[0][0] == "sharing_not_covered"


# -- the sender's next choice ------------------------------------------------------------------------------------------


def test_a_referral_of_which_too_much_was_recorded_can_only_be_ended_and_the_network_goes_on() -> None:
    entry = Entry(2, NOW, "add_note", "receiver", "pa.accura", "ACKNOWLEDGED", ())
    full = a_referral("ACKNOWLEDGED", history=(entry,) * life.LONGEST_HISTORY)

    for command in ("add_note", "accept"):
        with pytest.raises(Refusal) as refused:
            life.decide(full, a_command(command), the_facts())
        assert (refused.value.code, refused.value.pointer) == ("too_many_entries", "/command")
    assert life.decide(replace(full, history=full.history[1:]), a_command("accept"), the_facts())
    assert life.decide(full, a_command("decline"), the_facts())[0].state == "DECLINED"
    with pytest.raises(Refusal, match="escalation_not_complete"):
        life.decide(full, a_command("expire", None, timer="decide", escalation_level=3), the_facts())


def test_an_emergency_that_nobody_answered_for_months_can_still_be_accepted() -> None:
    """Its steps come again and again, and are recorded too."""
    entry = Entry(2, NOW, "escalate", "system", None, "REQUESTED", ("timer.fired",))
    full = a_referral(need=a_need(priority="EMERGENCY"), history=(entry,) * life.LONGEST_HISTORY)

    assert life.decide(full, a_command("accept"), the_facts())[0].state == "ACCEPTED"


@pytest.mark.parametrize(("reason", "code"), [
    ("missing_documents", None), ("person_refused", None), ("other", None), ("no_capacity", None),
    ("safety_risk", "successor_not_allowed"), ("conflict_of_interest", "successor_not_allowed"),
    ("already_served", "successor_not_allowed"), ("duplicate_request", "successor_not_allowed"),
])  # fmt: skip
def test_whom_to_ask_after_a_decline_is_the_senders_choice_unless_the_reason_leaves_it_to_others(
    reason: str, code: str | None
) -> None:
    over, said = declined_for(reason)
    onward = a_command("open", by="pa.comune"), the_facts(decision=SALUTES, lead=an_agency("pa.lead"))

    if code:
        with pytest.raises(Refusal) as refusal:
            life.ask_onward(over, *onward)
        assert refusal.value.code == code
        return
    after, asked = life.ask_onward(over, *onward)
    tasks = [message.task_id for message in said if isinstance(message, OpenTask)]
    assert only(OpenReferral, asked).referral_id == after.successor_id == successor_id(REFERRAL_ID)
    assert [message.task_id for message in asked if isinstance(message, SettleTask)] == tasks


def test_nobody_who_was_asked_before_is_asked_again() -> None:
    over, _ = declined_for("missing_documents")
    tried = a_decision(an_offer("pa.accura.primary"), search=Search(over.need, 1, ("pa.accura",)))

    with pytest.raises(Refusal) as refusal:
        life.ask_onward(over, a_command("open", by="pa.comune"), the_facts(decision=tried))

    assert refusal.value.code == "agency_already_tried"


SALUTES = a_decision(an_offer("pa.salute.primary"))


def declined_for(reason: str) -> life.Outcome:
    fields = codes.codes("decline_reasons")[reason]["required_fields"]
    named: dict[str, Any] = {"documents": [codes.of_field("documents")[0]], "linked_referral_id": UUID(int=7)}
    given: dict[str, Any] = {name: named[name] for name in fields if name in named}
    serving = a_referral("IN_SERVICE", referral_id=UUID(int=7))
    command = a_command("decline", decline_reason=reason, text_id=UUID(int=1), **given)
    return life.decide(a_referral(), command, the_facts(decision=SALUTES, served_by=serving))


# -- a late answer -----------------------------------------------------------------------------------------------------


def late(by: str, speaker: Agency | None = None) -> Refusal:
    has_it = a_referral("ACCEPTED", referral_id=successor_id(REFERRAL_ID), place=SALUTE)
    with pytest.raises(Refusal) as refusal:
        decide(a_referral("DECLINED"), "accept" if by == "pa.accura" else "withdraw", by=by,
               facts=the_facts(latest=has_it, shared=a_need(), speaker=speaker))  # fmt: skip
    return refusal.value


@pytest.mark.parametrize(("by", "speaker"), [("pa.accura", an_agency("pa.accura")), ("pa.comune", None)])
def test_a_late_answer_to_a_rerouted_referral_names_the_one_who_has_it_now(by: str, speaker: Agency | None) -> None:
    refusal = late(by, speaker)

    assert (refusal.code, refusal.pointer, refusal.state) == ("superseded", "/referral_id", "DECLINED")
    assert (refusal.successor_id, refusal.successor_agency) == (successor_id(REFERRAL_ID), "pa.salute")


def test_an_agency_that_may_no_longer_be_told_of_the_person_does_not_learn_who_has_it() -> None:
    refusal = late("pa.accura", an_agency("pa.accura", sharing_role="private_partner"))

    assert refusal.code == "superseded"
    assert refusal.successor_agency is None


def test_a_stranger_learns_nothing_of_a_successor() -> None:
    assert late("pa.legale").code == "unknown_referral"


# -- when a need is not sent -------------------------------------------------------------------------------------------

UNBORN = Referral(REFERRAL_ID, a_need())


def test_a_need_for_which_there_is_nobody_is_told_to_the_journey_with_the_reason() -> None:
    decision = a_decision(an_offer(status="closed"))

    said = unsent.instead(UNBORN, the_facts(decision=decision), Asked())

    assert kinds(said) == ["CommandRejected", "EndNeed"]
    assert (only(EndNeed, said).outcome, only(EndNeed, said).reason) == ("no_candidate", "no_offer")


def test_a_person_who_has_an_open_referral_to_the_offer_is_linked_to_it_and_that_is_the_answer() -> None:
    said = unsent.instead(UNBORN, the_facts(decision=a_decision(), linked_id=UUID(int=7)), Asked())

    assert kinds(said) == ["CommandAccepted", "RoutingDecided", "EndNeed"]
    assert only(CommandAccepted, said).linked_referral_id == UUID(int=7)
    decided = only(RoutingDecided, said)
    assert (decided.linked_referral_id, decided.version, decided.state) == (UUID(int=7), 0, "LINKED")
    assert (decided.owner, decided.receiver_agency) == (None, None)
    assert only(EndNeed, said).outcome == "linked"


def test_a_draft_that_turns_out_to_be_needless_is_left_to_its_sender() -> None:
    said = unsent.instead(a_referral("DRAFT"), the_facts(decision=a_decision(), linked_id=UUID(int=7)), Asked())

    assert kinds(said) == ["CommandRejected", "EndNeed", "OpenTask"]
    assert only(OpenTask, said).kind == "link_existing"


def test_a_need_that_can_be_sent_is_sent() -> None:
    assert unsent.instead(UNBORN, the_facts(decision=a_decision()), Asked()) == []


@pytest.mark.parametrize(("outcome", "told"), [("served_completed", "served"), ("person_dropped_out", "ended")])
def test_whoever_leaned_on_a_referral_is_told_how_it_ended(outcome: str, told: str) -> None:
    other = Referral(UUID(int=9), a_need(journey_id=UUID(int=8), need_id=UUID(int=9)))
    link = Link(REFERRAL_ID).with_more(aftermath.leaning(other, REFERRAL_ID))
    referral, said = decide(a_referral("IN_SERVICE"), "close", closure_outcome=outcome)

    (end,) = unsent.held_no_more(link, referral, said)

    assert (end.journey_id, end.need_id, end.outcome, end.reason) == (UUID(int=8), UUID(int=9), told, outcome)


def test_one_person_and_one_offer_make_one_link() -> None:
    first, second = a_referral(), a_referral(need=a_need(journey_id=UUID(int=8)))

    assert first.link == second.link
    assert a_referral(need=a_need(person_ref="p-2")).link != first.link
    assert a_referral(place=SALUTE).link != first.link
