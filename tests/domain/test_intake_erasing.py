"""A person erased: by whom and when it may be asked for, what stays of a meeting, and what that closes for good."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.answers import CommandAccepted
from contracts.commands import AskOneMore
from contracts.erasure import EraseMeeting, ErasePerson
from contracts.refusals import Refusal
from contracts.sharing import ConfirmBases, ExcludeRecipients, GiveBasis
from contracts.values import Asked
from services.intake.domain import basis, erasing, pairs
from services.intake.domain.access import Grant
from services.intake.domain.erasing import OPEN, Standing
from services.intake.domain.intake import Erasure, Intake, last_met
from services.intake.domain.pairs import Decision, Pair
from services.intake.domain.release import judge
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID, a_basis, a_recorded_intake, an_agency

SUPERVISOR = Asked(agency="pa.comune", command_id="e-1", actor="op-9", roles=("supervisor",))
ERASURE = Erasure(NOW, "op-9")
ORDER = EraseMeeting(intake_id=INTAKE_ID, at=NOW, actor="op-9")
LATER = NOW + timedelta(days=1)


def a_meeting(intake_id: UUID = INTAKE_ID, **known: object) -> Intake:
    """One that pa.comune had with p-1 an hour before NOW; erased, or fields of what was recorded, as told."""
    erased = known.pop("erased", None)
    assert erased is None or isinstance(erased, Erasure)
    recorded = a_recorded_intake(intake_id=intake_id, **known)
    answer = CommandAccepted(asked=Asked(agency=recorded.sender_agency), subject=str(intake_id), intake_id=intake_id)
    return Intake(recorded, "", answer, taken_at=NOW - timedelta(hours=1), erased=erased)


def asking(person_ref: str = "p-1", **asked: object) -> ErasePerson:
    return ErasePerson(asked=SUPERVISOR.model_copy(update=asked), person_ref=person_ref)


def refusal(command: ErasePerson, *met: Intake) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        erasing.own_of(command, met)
    return refused.value.code, refused.value.pointer


# -- who may ask, and when ---------------------------------------------------------------------------------------------


def test_a_supervisor_of_the_agency_that_met_the_person_has_every_meeting_of_theirs_erased() -> None:
    met = [a_meeting(), a_meeting(uuid4()), a_meeting(uuid4(), erased=ERASURE)]

    left = erasing.own_of(asking(), met)
    answer, *orders = erasing.begin(asking(), left, [], NOW)

    assert isinstance(answer, CommandAccepted)
    assert (answer.subject, answer.asked) == ("p-1", SUPERVISOR)
    assert orders == [EraseMeeting(intake_id=one.recorded.intake_id, at=NOW, actor="op-9") for one in met[:2]]


@pytest.mark.parametrize("roles", [(), ("coordinator",)])
def test_neither_a_system_nor_who_only_coordinates_may_ask_for_it(roles: tuple[str, ...]) -> None:
    assert refusal(asking(roles=roles), a_meeting()) == ("not_authorised", "/agency")


def test_a_person_whom_others_met_looks_like_one_whom_nobody_did() -> None:
    unknown = refusal(asking())

    assert unknown == ("unknown_referral", "/person_ref")
    assert refusal(asking(), a_meeting(sender_agency="pa.accura")) == unknown
    assert refusal(asking("p-2"), a_meeting()) == unknown


def test_who_is_erased_already_is_said_to_be() -> None:
    assert refusal(asking(), a_meeting(erased=ERASURE)) == ("person_erased", "/person_ref")


def test_the_command_that_erased_them_is_answered_as_before_when_it_is_read_again() -> None:
    first = asking(message_id="m-1")
    _, order = erasing.begin(first, [a_meeting()], [], NOW)
    assert isinstance(order, EraseMeeting)
    erased, _, _ = erasing.erase(a_meeting(), basis.stated(a_meeting().recorded), order)

    left = erasing.own_of(first, [erased])

    assert [type(said) for said in erasing.begin(first, left, [], NOW)] == [CommandAccepted]
    for other in ("m-2", None):
        assert refusal(asking(message_id=other), erased) == ("person_erased", "/person_ref")


def test_of_one_person_under_two_names_goes_what_the_agency_recorded_itself_under_either() -> None:
    own, theirs = a_meeting(uuid4(), person_ref="p-2"), a_meeting(uuid4(), person_ref="p-3", sender_agency="pa.accura")

    assert erasing.own_of(asking(), [a_meeting(), own, theirs]) == [a_meeting(), own]


@pytest.mark.parametrize("state", sorted(OPEN))
def test_while_a_referral_is_open_it_is_refused_and_that_one_is_named(state: str) -> None:
    over, still = Standing(uuid4(), "CLOSED"), Standing(REFERRAL_ID, state)

    with pytest.raises(Refusal) as refused:
        erasing.begin(asking(), [a_meeting()], [over, still], NOW)

    refusal = refused.value
    assert (refusal.code, refusal.pointer) == ("invalid_transition", "/person_ref")
    assert (refusal.subject, refusal.state, refusal.allowed) == (str(REFERRAL_ID), state, ("withdraw",))


def test_what_is_over_stands_in_nobody_s_way() -> None:
    ends = [Standing(uuid4(), state) for state in ("CLOSED", "DECLINED", "WITHDRAWN", "REVOKED", "ENTERED_IN_ERROR")]

    assert len(erasing.begin(asking(), [a_meeting()], ends, NOW)) == 2


def test_whom_the_person_excludes_at_a_later_meeting_is_said_of_none_that_was_erased() -> None:
    """Else what follows from its bases would hold again for somebody of whom nothing is kept."""
    met = a_meeting()
    _, after, _ = erasing.erase(met, basis.stated(met.recorded), ORDER)

    command = ExcludeRecipients(intake_id=INTAKE_ID, recipients=("pa.salute",))

    assert basis.exclude(after, command, LATER) == (after, [])


# -- what stays --------------------------------------------------------------------------------------------------------


def test_of_a_meeting_stay_its_codes_and_that_it_was_erased_and_no_word_that_people_wrote() -> None:
    met = a_meeting(priority_reason="Dorme in stazione", sender_ref="T-1", age_band_until=date(2027, 6, 1))

    erased, _, _ = erasing.erase(met, basis.stated(met.recorded), ORDER)

    left = met.recorded.model_copy(update={"priority_reason": None, "age_band_until": None})
    assert erased == replace(met, recorded=left, erased=Erasure(NOW, "op-9"))


def test_its_bases_are_withdrawn_and_whom_the_person_excluded_stays_excluded() -> None:
    refused, gone = a_basis("pa.salute", basis_id="no", refused=True), a_basis(basis_id="old", withdrawn_at=NOW)
    met = a_meeting(sharing_basis=(a_basis(), refused, gone))

    _, after, said = erasing.erase(met, basis.stated(met.recorded), ORDER)

    assert (said.basis_ids, said.sharing_basis, said.version) == (("b1",), after.bases, 2)
    assert [b.withdrawn_at for b in after.bases] == [NOW, None, NOW]
    assert (said.person_ref, said.intake_id, said.at, said.sender_agency) == ("p-1", INTAKE_ID, NOW, "pa.comune")
    assert after.ends_at is None


def test_a_vital_interest_that_waits_is_to_be_confirmed_no_more_and_why_it_was_one_is_forgotten() -> None:
    met = a_meeting(sharing_basis=(a_basis(type="vital_interest"),), priority_reason="Dorme in stazione")
    waits = basis.recorded(met.recorded, "op-7", NOW)

    _, after, said = erasing.erase(met, waits, ORDER)

    assert said.reviewed == tuple(review.id_in(INTAKE_ID) for review in waits.reviews) != ()
    assert after.reviews == () and after.ends_at is None


def test_that_a_vital_interest_was_confirmed_stays_and_why_it_was_one_does_not() -> None:
    met = a_meeting(sharing_basis=(a_basis(type="vital_interest"),), priority_reason="Dorme in stazione")
    waits = basis.recorded(met.recorded, "op-7", NOW)
    confirmed, _ = basis.confirm(waits, ConfirmBases(intake_id=INTAKE_ID, asked=SUPERVISOR, basis_ids=("b1",)), NOW)
    assert confirmed.confirmed[0].reason

    _, after, _ = erasing.erase(met, confirmed, ORDER)

    assert after.confirmed == (replace(confirmed.confirmed[0], reason=None),)


def test_on_no_new_ground_may_it_be_shared_again() -> None:
    met = a_meeting()
    _, after, _ = erasing.erase(met, basis.stated(met.recorded), ORDER)

    with pytest.raises(Refusal) as refused:
        basis.give(after, GiveBasis(intake_id=INTAKE_ID, asked=SUPERVISOR, basis=a_basis(basis_id="new")), NOW)

    assert (refused.value.code, refused.value.pointer) == ("person_erased", "/intake_id")


def test_why_two_were_one_person_is_forgotten_and_that_they_are_is_not() -> None:
    made = Decision(NOW, "pa.comune", "op-9", "same", "Stesso documento")
    known: dict[str, Any] = {
        "agency": "pa.comune",
        "queue": "pa.comune.desk",
        "city": "palermo",
        "service": "health.primary",
    }
    pair = Pair(uuid4(), INTAKE_ID, ("p-1", "p-2"), **known, reasons=(), state="SAME", decisions=(made,))

    assert pairs.without_reasons(pair) == replace(pair, decisions=(replace(made, text=None),))


# -- what was recorded meanwhile, and what comes later -----------------------------------------------------------------


def test_a_meeting_that_came_to_the_door_before_and_is_recorded_after_goes_too() -> None:
    late, other = a_meeting(uuid4()), a_meeting(erased=ERASURE)

    order = EraseMeeting(intake_id=late.recorded.intake_id, at=NOW, actor="op-9")

    assert erasing.overtaken(late, [late, other]) == order
    assert erasing.left_behind(other, [late, other]) == [order]


def test_a_meeting_that_comes_later_begins_anew() -> None:
    """Also at the very same instant: nobody can say that it was before."""
    new, same = (replace(a_meeting(uuid4()), taken_at=at) for at in (LATER, NOW))

    assert erasing.overtaken(same, [same, a_meeting(erased=ERASURE)]) is None
    assert erasing.overtaken(new, [new, a_meeting(erased=ERASURE)]) is None
    assert erasing.left_behind(a_meeting(erased=ERASURE), [new]) == []
    assert erasing.own_of(asking(), [a_meeting(erased=ERASURE), new]) == [new]


def test_a_draft_is_for_the_person_as_met_since_and_for_nobody_who_is_erased() -> None:
    draft = AskOneMore(referral_id=uuid4(), asked=Asked(agency="pa.comune"), person_ref="p-1", service="lab.tailoring")
    old, new = a_recorded_intake(), a_recorded_intake(intake_id=uuid4(), occurred_at=NOW - timedelta(days=9))

    assert last_met(draft, [old, new], [INTAKE_ID]) == new
    with pytest.raises(Refusal) as refused:
        last_met(draft, [old], [INTAKE_ID])
    assert (refused.value.code, refused.value.pointer) == ("person_erased", "/person_ref")


# -- who is told so ----------------------------------------------------------------------------------------------------


def why_not(agency: str, *grants: Grant, erased: tuple[UUID, ...] = (INTAKE_ID,)) -> str | None:
    return judge([a_recorded_intake()], grants, an_agency(agency), NOW, erased).refused


def test_who_knew_the_person_is_told_that_they_were_erased_and_others_learn_nothing() -> None:
    taken_in = Grant(REFERRAL_ID, INTAKE_ID, "pa.accura", 3)
    ended = replace(taken_in, version=5, ended="CLOSED")

    assert why_not("pa.accura", ended) == why_not("pa.accura", taken_in) == why_not("pa.comune") == "person_erased"
    assert why_not("pa.salute") == why_not("pa.comune", erased=()) == "no_accepted_referral"


def test_a_person_who_was_met_anew_is_told_of_as_at_that_meeting() -> None:
    old, new = a_recorded_intake(), a_recorded_intake(intake_id=uuid4(), occurred_at=NOW - timedelta(days=9))
    before = Grant(REFERRAL_ID, INTAKE_ID, "pa.accura", 3)
    since = Grant(uuid4(), new.intake_id, "pa.accura", 3)

    verdict = judge([old, new], [before, since], an_agency("pa.accura"), NOW, [INTAKE_ID])

    assert verdict.grant == since
    assert judge([old, new], [], an_agency("pa.comune"), NOW, [INTAKE_ID]).refused == "no_accepted_referral"
