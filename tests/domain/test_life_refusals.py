"""Why a command is refused: the first of the precedence that applies, with a pointer and without any input."""

from typing import Any, get_args
from uuid import UUID

import pytest

from contracts import codes
from contracts.refusals import Refusal
from contracts.stated import ReferralFields
from contracts.values import Code
from services.referral.domain import fields, life
from tests.builders import NOW, a_command, a_need, a_referral, the_facts

EMERGENCY = a_need(priority="EMERGENCY")


def refused(state: str, command: str, by: str | None = "pa.accura", **fields: Any) -> Refusal:
    referral = a_referral(state, **fields.pop("referral", {}))
    with pytest.raises(Refusal) as refusal:
        life.decide(referral, a_command(command, by=by, **fields), the_facts())
    return refusal.value


@pytest.mark.parametrize(("command", "by", "fields", "code", "pointer"), [
    ("decline", "pa.accura", {"decline_reason": "not_today"}, "unknown_reason", "/decline_reason"),
    ("decline", "pa.accura", {"decline_reason": "other"}, "missing_text", "/text"),
    ("accept", "pa.legale", {}, "unknown_referral", "/referral_id"),
    ("accept", "pa.accura", {"expected_version": 2}, "version_conflict", "/expected_version"),
    ("start", "pa.accura", {}, "invalid_transition", "/command"),
    ("accept", "pa.comune", {}, "not_authorised", "/agency"),
])  # fmt: skip
def test_the_commands_of_the_bad_samples_are_refused_as_they_say(
    command: str, by: str, fields: dict[str, Any], code: str, pointer: str
) -> None:
    refusal = refused("ACKNOWLEDGED", command, by, **fields)

    assert (refusal.code, refusal.pointer) == (code, pointer)


@pytest.mark.parametrize(("state", "command", "fields", "code", "pointer"), [
    ("REQUESTED", "decline", {"decline_reason": None}, "missing_field", "/decline_reason"),
    ("REQUESTED", "decline", {"decline_reason": "not_eligible"}, "missing_field", "/failed_rule"),
    ("REQUESTED", "decline", {"decline_reason": "not_eligible", "failed_rule": "x"}, "unknown_code", "/failed_rule"),
    ("REQUESTED", "decline", {"decline_reason": "missing_documents"}, "missing_field", "/documents"),
    ("REQUESTED", "decline", {"decline_reason": "missing_documents", "documents": []}, "missing_field", "/documents"),
    ("REQUESTED", "decline", {"decline_reason": "missing_documents", "documents": ["stp", "x"]},
     "unknown_code", "/documents/1"),
    ("REQUESTED", "decline", {"decline_reason": "already_served"}, "missing_field", "/linked_referral_id"),
    ("REQUESTED", "decline", {"decline_reason": "person_unreachable"}, "reason_conditions_not_met", "/decline_reason"),
    ("REQUESTED", "pass_on", {"next_agency": None}, "missing_field", "/next_agency"),
    ("REQUESTED", "pass_on", {"decline_reason": "person_refused"}, "unknown_reason", "/decline_reason"),
    ("ACCEPTED", "start", {"first_contact_at": None}, "missing_field", "/first_contact_at"),
    ("ACCEPTED", "start", {"contact_mode": "telepathy"}, "unknown_code", "/contact_mode"),
    ("ACCEPTED", "close", {"closure_outcome": "gone"}, "unknown_reason", "/closure_outcome"),
    ("ACCEPTED", "close", {"closure_outcome": "served_completed"}, "outcome_not_allowed", "/closure_outcome"),
    ("ACCEPTED", "close", {"closure_outcome": "administrative_error"}, "missing_text", "/text"),
    ("ACCEPTED", "close", {"closure_outcome": "no_show_final"}, "reason_conditions_not_met", "/closure_outcome"),
    ("REQUESTED", "withdraw", {"requested_by": None}, "missing_field", "/requested_by"),
    ("REQUESTED", "withdraw", {"requested_by": "somebody"}, "unknown_code", "/requested_by"),
    ("REQUESTED", "withdraw", {"withdraw_reason": "consent_withdrawn"}, "unknown_reason", "/withdraw_reason"),
    ("REQUESTED", "withdraw", {"withdraw_reason": "safety_concern"}, "missing_text", "/text"),
    ("WAITLISTED", "lapse_seat", {"lapse_cause": None}, "missing_field", "/lapse_cause"),
    ("WAITLISTED", "lapse_seat", {"lapse_cause": "Fatou says no"}, "unknown_code", "/lapse_cause"),
    ("WAITLISTED", "confirm_seat", {"person_still_interested": None}, "missing_field", "/person_still_interested"),
    ("WAITLISTED", "confirm_seat", {"person_still_interested": False}, "invalid_value", "/person_still_interested"),
    ("WAITLISTED", "confirm_interest", {"person_still_interested": False}, "invalid_value", "/person_still_interested"),
])  # fmt: skip
def test_what_a_command_must_carry_is_named(
    state: str, command: str, fields: dict[str, Any], code: str, pointer: str
) -> None:
    refusal = refused(state, command, **fields)

    assert (refusal.code, refusal.pointer) == (code, pointer)
    assert (refusal.state, refusal.version) == (state, 3)


def test_who_says_that_the_person_is_not_interested_any_more_reads_what_else_there_is_to_say() -> None:
    refusal = refused("WAITLISTED", "confirm_interest", person_still_interested=False)

    assert refusal.code == "invalid_value"
    assert {"decline", "withdraw"} <= set(refusal.allowed)


@pytest.mark.parametrize("version", [None, 0, 1])
def test_nobody_has_to_know_by_which_version_of_the_rule_a_list_is_ordered(version: int | None) -> None:
    assert refused("REQUESTED", "waitlist", order_rule_version=version).code == "no_waitlist"


def test_an_unknown_code_is_answered_with_its_list() -> None:
    reason = refused("REQUESTED", "pass_on", decline_reason="person_refused")
    mode = refused("ACCEPTED", "start", contact_mode="telepathy")

    assert "out_of_area" in reason.allowed
    assert "person_refused" not in reason.allowed
    assert {"desk", "in_person"} <= set(mode.allowed)
    assert len(mode.allowed) == len(set(mode.allowed))
    assert refused("WAITLISTED", "lapse_seat", lapse_cause="Fatou says no").allowed == (
        "lapsed", "person_refused", "person_unreachable"
    )  # fmt: skip


def test_every_code_of_a_command_is_one_of_a_list() -> None:
    stated = {name for name, field in ReferralFields.model_fields.items() if Code in get_args(field.annotation)}
    of_reasons = {*codes.REASON_FIELDS.values(), *codes.OTHERWISE_NAMED.values(), "override_reason"}

    assert stated == {*fields.OF_LISTS, *of_reasons}
    assert all(codes.of_field(name) for name in fields.OF_LISTS)


def test_an_emergency_is_acknowledged_with_the_phone_call_that_was_made() -> None:
    refusal = refused("REQUESTED", "acknowledge", referral={"need": EMERGENCY})

    seen, _ = life.decide(a_referral(need=EMERGENCY), a_command("acknowledge", phone_call_recorded_at=NOW), the_facts())

    assert (refusal.code, refusal.pointer) == ("missing_field", "/phone_call_recorded_at")
    assert seen.state == "ACKNOWLEDGED"


def test_a_reason_that_needs_a_text_takes_the_id_of_one() -> None:
    referral, _ = life.decide(
        a_referral(), a_command("decline", decline_reason="other", text_id=UUID(int=5)), the_facts()
    )

    assert referral.state == "DECLINED"


def test_the_expected_version_is_optional() -> None:
    for version in (None, 3):
        assert life.decide(a_referral(), a_command("accept", expected_version=version), the_facts())[0].version == 4


# -- precedence: each command below has every fault from its own downwards --------------------------------------------

LATER = the_facts(latest=a_referral("ACCEPTED"))
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("unknown_referral", "DECLINED", {"command": "accept", "by": "pa.legale", "facts": LATER, "expected_version": 1}),
    ("not_authorised", "DECLINED", {"command": "accept", "by": "pa.comune", "facts": LATER, "expected_version": 1}),
    ("superseded", "DECLINED", {"command": "decline", "facts": LATER, "expected_version": 1, "decline_reason": None}),
    ("invalid_transition", "CLOSED", {"command": "decline", "expected_version": 1, "decline_reason": None}),
    ("version_conflict", "ACCEPTED", {"command": "close", "expected_version": 1, "closure_outcome": None}),
    ("missing_field", "ACCEPTED", {"command": "start", "first_contact_at": None, "contact_mode": "telepathy"}),
    ("unknown_code", "REQUESTED", {"command": "decline", "failed_rule": "shoes", "decline_reason": "not_today"}),
    ("missing_text", "ACCEPTED", {"command": "close", "closure_outcome": "administrative_error"}),
    ("outcome_not_allowed", "ACCEPTED", {"command": "close", "closure_outcome": "served_completed"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "state", "given"), FAULTS, ids=[code for code, _, _ in FAULTS])
def test_of_many_faults_the_first_of_the_precedence_is_the_answer(code: str, state: str, given: dict[str, Any]) -> None:
    stated = dict(given)
    facts = stated.pop("facts", the_facts())

    with pytest.raises(Refusal) as refusal:
        life.decide(a_referral(state), a_command(**stated), facts)

    assert refusal.value.code == code


@pytest.mark.parametrize(("command", "code"), [
    ("accept", None), ("withdraw", None), ("send", None),
    ("open", None), ("create", None), ("expire", "not_authorised"), ("revoke", "not_authorised"),
    ("close_suspended", "not_authorised"), ("flag_in_error", "not_authorised"), ("reopen", "not_authorised"),
    ("waitlist", None), ("offer_seat", "not_authorised"), ("hold", None), ("record_contact_attempt", None),
    ("escalate", "not_authorised"), ("dance", "unknown_type"),
])  # fmt: skip
def test_a_command_that_no_agency_may_give_here_is_turned_away_at_the_door(command: str, code: str | None) -> None:
    assert codes.door_refusal(command) == code


@pytest.mark.parametrize(("command", "role", "code"), [
    ("reopen", "supervisor", None), ("reopen", "coordinator", "not_authorised"), ("accept", "supervisor", None),
    ("close_suspended", "coordinator", None), ("close_suspended", "supervisor", "not_authorised"),
    ("revoke", "coordinator", None), ("offer_seat", "coordinator", "not_authorised"),
    ("escalate", "coordinator", None), ("escalate", "supervisor", "not_authorised"),
    ("dance", "coordinator", "unknown_type"),
])  # fmt: skip
def test_what_an_agency_may_not_say_a_person_in_their_role_may(command: str, role: str, code: str | None) -> None:
    assert codes.door_refusal(command, frozenset({role})) == code
