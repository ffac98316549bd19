"""The buttons of the console follow the state table, and its forms ask what the door wants."""

from datetime import date, datetime
from typing import Any

import pytest

from contracts import codes
from services.console import bound
from services.console.answering import stated_fields
from services.console.domain import actions
from services.console.domain.access import Actor
from services.console.domain.shown import Case
from services.console.gate import Gate
from services.console.pages import words
from services.referral.domain import table
from tests.builders import NOW

STATES = sorted(codes.codes("transitions", "states"))
NOBODY = Actor("s", "Chiunque")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("relation", ["sender", "receiver", "coordinator"])
@pytest.mark.parametrize("role", ["caseworker", "supervisor"])
def test_a_button_is_there_exactly_when_the_referral_would_take_the_command(state, relation, role):
    speaks = [relation, *({"supervisor"} & {role})]
    taken = {c for c in table.allowed(state, speaks) if codes.door_refusal(c, frozenset({relation, role})) is None}

    assert set(actions.commands(state, frozenset({relation}), frozenset({role}))) == taken


def test_who_owes_a_receipt_may_give_it_and_say_nothing_else():
    owing = frozenset({"owing"})

    assert [actions.commands(state, owing, frozenset({"caseworker"})) for state in ("REVOKED", "ACCEPTED")] == [
        ("confirm_receipt",), (),
    ]  # fmt: skip
    assert not actions.is_ever_said("add_note", owing, frozenset({"supervisor"}))


def test_what_needs_no_question_is_one_press():
    assert actions.questions("acknowledge", "REQUESTED", "MEDIUM") == ()
    assert actions.questions("accept", "ACKNOWLEDGED", "MEDIUM")[0].required is False


@pytest.mark.parametrize(("state", "daily"), [
    ("REQUESTED", ("acknowledge", "accept", "decline", "pass_on")),
    ("WAITLISTED", ("decline", "confirm_seat", "lapse_seat", "confirm_interest")),
    ("ACCEPTED", ("start", "close", "record_contact_attempt", "schedule_appointment")),
    ("IN_SERVICE", ("close", "hold", "record_update", "record_contact_attempt")),
])  # fmt: skip
def test_what_is_done_every_day_comes_before_what_takes_it_back(state, daily):
    assert actions.commands(state, frozenset({"receiver"}), frozenset({"caseworker"}))[:4] == daily


def test_who_coordinates_is_offered_to_press_for_an_answer_before_anything_is_taken_back():
    may = actions.commands("REQUESTED", frozenset({"coordinator"}), frozenset({"coordinator"}))

    offered = [command for command in may if not command.endswith("_suspended")]
    assert {*offered[:2]} == {"change_priority", "escalate"} and offered[-1] == "revoke"


@pytest.mark.parametrize("state", ["ACCEPTED", "IN_SERVICE", "ON_HOLD"])
def test_that_somebody_has_died_is_said_by_no_slip(state):
    asked = actions.questions("close", state, "MEDIUM")
    at_once = actions.at_once(asked)

    assert at_once and "deceased" not in [choice.code for choice in at_once.choices]
    assert "deceased" in [choice.code for question in asked for choice in question.choices]


@pytest.mark.parametrize("command", ["confirm_seat", "confirm_interest"])
def test_that_the_person_is_still_interested_is_said_by_the_press_itself(command):
    assert actions.questions(command, "WAITLISTED", "MEDIUM") == ()
    assert actions.said_by_itself(command, "WAITLISTED") == {"person_still_interested": True}
    assert actions.said_by_itself("accept", "REQUESTED") == {}


@pytest.mark.parametrize(("state", "obligation"), [
    ("WITHDRAWN", "withdraw_seen_receipt"), ("REVOKED", "deletion_receipt"), ("ENTERED_IN_ERROR", "deletion_receipt"),
])  # fmt: skip
def test_a_receipt_is_given_by_one_press_which_one_the_state_says(state, obligation):
    assert actions.questions("confirm_receipt", state, "MEDIUM") == ()
    assert actions.said_by_itself("confirm_receipt", state) == {"obligation": obligation}
    assert actions.said_by_itself("confirm_receipt", state, "another") == {"obligation": "another"}


@pytest.mark.parametrize(("command", "state", "asked"), [
    ("record_no_show", "ACCEPTED", ["appointment"]), ("schedule_appointment", "ACCEPTED", ["starts_at"]),
    ("close_suspended", "ACCEPTED", ["reason_text"]), ("decline_suspended", "REQUESTED", ["text"]),
])  # fmt: skip
def test_what_is_known_without_asking_is_not_asked(command, state, asked):
    assert [question.name for question in actions.questions(command, state, "MEDIUM")] == asked


def test_a_priority_is_changed_to_another():
    priority, _ = actions.questions("change_priority", "REQUESTED", "MEDIUM")

    assert [choice.code for choice in priority.choices] == ["EMERGENCY", "URGENT", "ROUTINE"]


@pytest.mark.parametrize(("status", "works"), [("active", True), ("suspended", False), ("left", False)])
def test_what_is_said_for_an_agency_that_does_not_work_is_offered_also_of_one_that_left(status, works):
    case = Case({"receiver_agency": "pa.accura"}, frozenset({"coordinator"}))

    assert bound.is_suspended(case, {"pa.accura": {"status": status}}) is not works
    assert not bound.is_suspended(case, {}), "the directory has not told of it"


@pytest.mark.parametrize(("command", "state"), [("open", "DECLINED"), ("send", "DRAFT")])
@pytest.mark.parametrize(("status", "offered"), [("active", False), ("suspended", True), ("left", True)])
def test_an_agency_is_asked_by_who_coordinates_only_for_a_sender_that_works_no_more(status, offered, command, state):
    actor = Actor("s", "Coordinamento", "pa.comune", frozenset({"coordinator"}), cities=frozenset({"palermo"}))
    row = {"_id": "1", "state": state, "priority": "MEDIUM", "sender_agency": "pa.mobile", "receiver_agency": None}
    at = Gate(None, actor, NOW, (), lambda: NOW)

    case, agencies = Case(row, frozenset({"coordinator"})), {"pa.mobile": {"status": status, "city": "palermo"}}
    assert (command in dict(bound.doable(case, at, agencies))) is offered
    assert command not in dict(bound.doable(case, at, {"pa.mobile": {"status": status, "city": "napoli"}}))
    assert command in dict(bound.doable(Case(row, frozenset({"sender"})), at, agencies))


@pytest.mark.parametrize(("kind", "status", "opens"), [
    ("no_candidate", "left", True), ("no_candidate", "active", False), ("coordinator_review", "left", False),
])  # fmt: skip
def test_the_same_is_offered_beside_a_task(kind, status, opens):
    actor = Actor("s", "Coordinamento", "pa.comune", frozenset({"coordinator"}), cities=frozenset({"palermo"}))
    row = {"_id": "1", "state": "DECLINED", "sender_agency": "pa.mobile", "code": "PA-1"}
    task = {"kind": kind, "agency": "pa.comune", "service": "health.primary", "cities": ["palermo"], "documents": []}

    todo = Gate(None, actor, NOW, (), lambda: NOW)._todo(
        task, Case(row, frozenset({"coordinator"})), None, {"pa.mobile": {"status": status, "city": "palermo"}}
    )

    assert todo.opens is opens


REVIEW = "coordinator_review"


@pytest.mark.parametrize(("task", "role", "completes"), [
    ({"kind": REVIEW, "next": REVIEW}, "coordinator", True), ({"kind": REVIEW}, "coordinator", True),
    ({"kind": "no_candidate", "next": REVIEW}, "coordinator", True), ({"kind": "no_candidate"}, "coordinator", False),
    ({"kind": "no_candidate", "next": "sender_decides"}, "coordinator", False),
    ({"kind": REVIEW, "next": REVIEW, "agency": "pa.mobile"}, "coordinator", False),
    ({"kind": "no_candidate", "next": "sender_decides"}, "caseworker", True),
    ({"kind": "no_candidate", "next": REVIEW}, "supervisor", True),
    ({"kind": "no_candidate", "agency": "pa.mobile"}, "supervisor", False),
])  # fmt: skip
def test_a_task_is_done_by_who_works_and_one_for_the_coordination_also_by_who_only_coordinates(task, role, completes):
    actor = Actor("s", "Coordinamento", "pa.comune", frozenset({role}), cities=frozenset({"palermo"}))
    known = {"agency": "pa.comune", "service": "health.primary", "cities": ["palermo"], "documents": [],
             "referral_id": None}  # fmt: skip

    assert Gate(None, actor, NOW, (), lambda: NOW)._todo(known | task, None, None, {}).completes is completes


def test_who_waits_is_not_made_an_emergency():
    priority, _ = actions.questions("change_priority", "WAITLISTED", "MEDIUM")

    assert [choice.code for choice in priority.choices] == ["URGENT", "ROUTINE"]


def test_the_priority_of_an_emergency_is_the_coordinations_to_change():
    party, coordinator = frozenset({"sender"}), frozenset({"sender", "coordinator"})

    assert [actions.may_change_priority("EMERGENCY", relations) for relations in (party, coordinator)] == [False, True]
    assert actions.may_change_priority("URGENT", party)


def test_until_when_a_hold_may_be_is_said_with_the_reasons_that_allow_less():
    first, last = actions.review_days(date(2026, 11, 28))

    assert (first, last) == (date(2026, 11, 29), date(2026, 12, 28))
    assert [(days, [label["en"] for label in labels]) for days, labels in actions.SHORTER_REVIEWS.items()] == [
        (14, ["Service interrupted", "Other reason"])
    ]  # fmt: skip


def test_an_emergency_is_acknowledged_with_the_time_of_the_phone_call():
    asked = actions.questions("acknowledge", "REQUESTED", "EMERGENCY")

    assert [(q.name, q.kind, q.required) for q in asked] == [("phone_call_recorded_at", "moment", True)]


def test_a_decline_offers_the_reasons_that_declines_may_have():
    reason = actions.questions("decline", "REQUESTED", "MEDIUM")[0]

    usable = {c for c, item in codes.codes("decline_reasons").items() if "decline" in item["usable_in"]}
    assert {choice.code for choice in reason.choices} == usable


def test_a_decline_is_said_at_once_by_the_reasons_that_are_enough():
    asked = actions.questions("decline", "REQUESTED", "MEDIUM")

    now = actions.at_once(asked)

    assert now
    assert now.name == "decline_reason"
    found, every = {choice.code for choice in now.choices}, {choice.code for choice in asked[0].choices}
    more = {"not_eligible", "missing_documents", "already_served", "duplicate_request", "safety_risk",
            "conflict_of_interest", "other", "person_unreachable"}  # fmt: skip
    assert every - found == more


def test_a_place_is_let_go_at_once_by_why():
    now = actions.at_once(actions.questions("lapse_seat", "WAITLISTED", "MEDIUM"))

    assert now
    assert [choice.code for choice in now.choices] == ["lapsed", "person_refused", "person_unreachable"]


def test_who_revokes_by_hand_says_why_of_what_a_coordinator_may_find_and_no_more():
    cause, text = actions.questions("revoke", "ACCEPTED", "MEDIUM")

    assert (cause.name, cause.required, [choice.code for choice in cause.choices]) == (
        "revoke_cause", True, ["basis_invalid"],
    )  # fmt: skip
    assert (text.name, text.required, text.sometimes) == ("text", True, False), "the only cause asks for it"


def test_who_passes_on_says_why_and_the_agency_is_proposed():
    now = actions.at_once(actions.questions("pass_on", "REQUESTED", "MEDIUM"))

    assert now
    assert (now.name, "out_of_area" in {c.code for c in now.choices}) == ("decline_reason", True)


@pytest.mark.parametrize("command", ["hold", "withdraw", "close_suspended", "change_priority", "accept", "add_note"])
def test_what_asks_more_than_one_choice_is_not_said_at_once(command):
    state = next(row.states[-1] for row in actions.rows() if row.command == command)

    assert actions.at_once(actions.questions(command, state, "MEDIUM")) is None


def test_no_command_has_more_answers_at_once_than_there_are_digits():
    asked = [actions.questions(row.command, state, "MEDIUM") for row in actions.rows() for state in row.states]

    assert max(len(now.choices) for questions in asked if (now := actions.at_once(questions))) <= 9


def test_a_referral_goes_next_to_whom_routing_named_then_to_the_own_city_and_never_to_who_was_asked():
    offering = {"pa.a": "palermo", "pa.b": "palermo", "to.a": "torino", "to.b": "torino", "pa.asked": "palermo"}

    found = actions.who_is_next(offering, "palermo", ["pa.asked"], ["pa.asked", "to.b", "pa.closed", "to.b"])

    assert found == ["to.b", "pa.a", "pa.b"], "routing does not admit to.a"


def test_who_asks_once_more_may_say_whom() -> None:
    (whom,) = actions.questions("open", "DECLINED", "MEDIUM")

    assert (whom.name, whom.kind, whom.required) == ("next_agency", "agency", False)


def test_what_some_reasons_ask_for_is_not_said_to_be_optional() -> None:
    asked = {question.name: question for question in actions.questions("decline", "REQUESTED", "MEDIUM")}

    assert {name for name, question in asked.items() if question.sometimes} == {
        "documents", "failed_rule", "linked_referral_id", "text"
    }  # fmt: skip


def test_every_command_and_every_field_has_words_in_both_languages():
    commands = {row.command for row in actions.rows()}
    fields = {
        q.name for row in actions.rows() for state in row.states for priority in ("MEDIUM", "EMERGENCY")
        for q in actions.questions(row.command, state, priority)
    }  # fmt: skip
    wanted = {f"do.{c}" for c in commands} | {f"field.{name}" for name in fields}

    assert wanted <= words().keys()
    assert all(len(pair) == 2 and all(pair) for pair in words().values())


def test_every_choice_has_words_in_both_languages():
    asked = [
        (row.command, q) for row in actions.rows() for state in row.states
        for q in actions.questions(row.command, state, "MEDIUM")
    ]  # fmt: skip

    silent = {
        (command, q.name, c.code) for command, q in asked for c in q.choices
        if not {"it", "en"} <= c.label.keys() and f"{q.name}.{c.code}" not in words()
    }  # fmt: skip
    assert not silent


def test_a_timer_is_raised_to_a_level_that_says_whom_it_tells() -> None:
    timer, level = actions.questions("escalate", "REQUESTED", "MEDIUM")

    assert [choice.code for choice in timer.choices] == ["acknowledge", "decide"]
    assert [(choice.code, choice.label["en"]) for choice in level.choices][:2] == [
        ("1", "Agency supervisor"), ("2", "City coordinator"),
    ]  # fmt: skip
    assert stated_fields((timer, level), {"timer": ["decide"], "escalation_level": ["2"]}) == {
        "timer": "decide", "escalation_level": 2,
    }  # fmt: skip


def raised(*levels: tuple[str, int], state: str = "REQUESTED") -> list[list[str]]:
    """What the form asks, and so offers, of a referral whose timers have climbed so far."""
    case = Case({"state": state, "priority": "MEDIUM", "levels": dict(levels)}, frozenset({"coordinator"}))
    return [[choice.code for choice in question.choices] for question in bound.questions(case, "escalate")]


def test_a_level_that_was_told_is_not_offered_again() -> None:
    assert raised() == [["acknowledge", "decide"], ["1", "2", "3"]]
    assert raised(("acknowledge", 2), ("decide", 1)) == [["acknowledge", "decide"], ["2", "3"]]
    assert raised(("acknowledge", 3), ("decide", 1)) == [["decide"], ["2", "3"]]
    assert raised(("decide", 2), state="ACKNOWLEDGED") == [["decide"], ["3"]]


@pytest.mark.parametrize(("level", "offered"), [(2, True), (3, False)])
def test_where_everybody_was_told_nobody_can_be_told_by_hand(level: int, offered: bool) -> None:
    row = {"state": "ACKNOWLEDGED", "priority": "MEDIUM", "levels": {"decide": level}, "receiver_agency": None}
    case = Case(row, frozenset({"coordinator"}))

    assert bound._is_in_vain("escalate", case, NOBODY, {}, ()) is not offered


def test_which_appointment_is_asked_only_where_there_are_several() -> None:
    asked = actions.questions("record_attendance", "ACCEPTED", "MEDIUM")

    assert actions.of_one(asked, ("1",)) == ()
    assert [q.kind for q in actions.of_one(asked, ("1", "2"))] == ["appointment"]
    assert stated_fields(asked, {"appointment": ["2"]}) == {"appointment": 2}
    settled = {row.command for row in actions.rows() if actions.settles_appointment(row.command)}
    assert settled == {"cancel_appointment", "record_attendance", "record_no_show"}


@pytest.mark.parametrize(
    ("known", "offered"), [({"seat_until": None}, False), ({"seat_until": datetime(2026, 12, 1)}, True), ({}, True)]
)
@pytest.mark.parametrize("command", ["confirm_seat", "lapse_seat"])
def test_a_place_is_confirmed_or_given_back_where_one_is_held_or_it_is_not_known(
    command: str, known: dict[str, Any], offered: bool
) -> None:
    case = Case({"_id": "r", "state": "WAITLISTED", "priority": "MEDIUM"} | known, frozenset({"receiver"}))

    assert bound._is_in_vain(command, case, NOBODY, {}, ()) is not offered


def test_a_refusal_points_at_the_question_that_it_means() -> None:
    declined = actions.questions("decline", "REQUESTED", "MEDIUM")
    closed = actions.questions("close_suspended", "ACCEPTED", "MEDIUM")

    assert actions.pointed_at(declined, "/documents/0") == "documents"
    assert actions.pointed_at(declined, "/text") == "text"
    assert actions.pointed_at(closed, "/text") == "reason_text"
    assert actions.pointed_at(declined, "/expected_version") is actions.pointed_at(declined, None) is None


def test_there_is_one_place_to_write_in() -> None:
    asked = [actions.questions(row.command, state, "MEDIUM") for row in actions.rows() for state in row.states]

    assert not [names for q in asked if {"text", "reason_text"} <= (names := {one.name for one in q})]
