"""The second look at a vital interest: another person of the agency confirms it within 72 hours, or it ends."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from contracts.refusals import Refusal
from contracts.sharing import (
    ConfirmBases,
    ConsentWithdrawn,
    GiveBasis,
    ReviewRequested,
    SharingBasisConfirmed,
    SharingBasisExpired,
    SharingBasisGiven,
    WithdrawBases,
)
from contracts.values import Asked, SharingBasis
from services.intake.domain import basis
from services.intake.domain.basis import Sharing
from tests.builders import INTAKE_ID, NOW, a_basis, a_recorded_intake

CITY = a_basis(basis_id="city", valid_to=date(2026, 12, 31))
VITAL = a_basis("pa.accura", basis_id="vital", type="vital_interest")
SECOND = a_basis("pa.salute", basis_id="second", type="vital_interest")
MET = a_recorded_intake(sharing_basis=(CITY, VITAL), priority_reason="Rischio immediato")
AUTHOR, COLLEAGUE = "pa.comune:first", "pa.comune:second"
DUE = NOW + timedelta(hours=72)
LAST_MOMENT = DUE - timedelta(microseconds=1)


def the_sharing(*bases: SharingBasis, by: str | None = AUTHOR) -> Sharing:
    """As it is once the meeting was recorded by this person."""
    met = MET.model_copy(update={"sharing_basis": bases or MET.sharing_basis})
    return basis.recorded(met, by, NOW)


def asked(by: str = COLLEAGUE, agency: str = "pa.comune", roles: tuple[str, ...] = ("supervisor",)) -> Asked:
    return Asked(agency=agency, command_id="c-1", actor=by, roles=roles)


def confirming(*refs: str, **who: Any) -> ConfirmBases:
    return ConfirmBases(intake_id=INTAKE_ID, asked=asked(**who), basis_ids=refs or ("vital",))


def giving(given: SharingBasis, by: str = AUTHOR, reason: str | None = "In pericolo") -> GiveBasis:
    return GiveBasis(intake_id=INTAKE_ID, asked=asked(by), basis=given, reason=reason)


def taking_back(*refs: str, cause: str = "vital_interest_not_confirmed") -> WithdrawBases:
    by_system = Asked(agency="pa.comune", command_id="c-1")
    return WithdrawBases(intake_id=INTAKE_ID, asked=by_system, basis_ids=refs or ("vital",), revoke_cause=cause)


def renewed(known: SharingBasis) -> SharingBasis:
    return known.model_copy(update={"valid_to": date(2027, 3, 1)})


def refused(sharing: Sharing | None, command: ConfirmBases, now: datetime = NOW) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        basis.confirm(sharing, command, now)
    return refusal.value.code, refusal.value.pointer


# -- asked for ---------------------------------------------------------------------------------------------------------
def test_a_vital_interest_that_is_recorded_is_to_be_confirmed_within_72_hours() -> None:
    sharing = the_sharing()

    (request,) = basis.review_requested(sharing, MET, NOW)

    assert isinstance(request, ReviewRequested)
    assert (request.basis_ids, request.due_at, request.version) == (("vital",), DUE, 1)
    assert (request.sender_agency, request.sender_queue, request.city) == ("pa.comune", "pa.comune.desk", "palermo")
    assert request.service == MET.services[0].service
    assert sharing.ends_at == DUE
    [review] = sharing.reviews
    assert (review.by, review.reason) == ((AUTHOR,), "Rischio immediato")


@pytest.mark.parametrize(
    "stated",
    [
        CITY,
        VITAL.model_copy(update={"refused": True}),
        VITAL.model_copy(update={"withdrawn_at": NOW}),
        VITAL.model_copy(update={"valid_to": date(2026, 10, 1)}),
    ],
    ids=["of another type", "refused", "withdrawn", "over before"],
)
def test_nobody_is_asked_about_what_is_no_vital_interest_that_stands(stated: SharingBasis) -> None:
    sharing = the_sharing(CITY, stated)

    assert (sharing.reviews, basis.review_requested(sharing, MET, NOW)) == ((), [])


def test_what_one_meeting_states_is_asked_about_together() -> None:
    (request,) = basis.review_requested(the_sharing(VITAL, SECOND), MET, NOW)

    assert isinstance(request, ReviewRequested)
    assert request.basis_ids == ("vital", "second")


def test_one_that_is_given_later_is_to_be_confirmed_from_then_on() -> None:
    later = NOW + timedelta(days=9)

    after, said = basis.give(the_sharing(CITY), giving(VITAL), later)
    (request,) = basis.review_requested(after, MET, later)

    assert [type(m) for m in said[1:]] == [SharingBasisGiven]
    assert isinstance(request, ReviewRequested)
    assert (request.due_at, request.version) == (later + timedelta(hours=72), 2)
    assert after.reviews[0].reason == "In pericolo"


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_vital_interest_is_given_with_a_reason(reason: str | None) -> None:
    with pytest.raises(Refusal) as refusal:
        basis.give(the_sharing(CITY), giving(VITAL, reason=reason), NOW)

    assert (refusal.value.code, refusal.value.pointer) == ("missing_field", "/reason")
    basis.give(the_sharing(CITY), giving(CITY, reason=reason), NOW)


def test_new_dates_put_no_review_off_and_who_gave_them_does_not_confirm_them() -> None:
    later = NOW + timedelta(hours=71)

    after, _ = basis.give(the_sharing(), giving(renewed(VITAL), by=COLLEAGUE), later)

    assert basis.review_requested(after, MET, later) == []
    assert after.ends_at == DUE
    assert refused(after, confirming(by=COLLEAGUE), later) == ("not_authorised", "/actor")
    assert refused(after, confirming(by=AUTHOR), later) == ("not_authorised", "/actor")
    basis.confirm(after, confirming(by="pa.comune:third"), later)


def test_new_dates_of_one_that_was_confirmed_are_to_be_confirmed_anew() -> None:
    confirmed, _ = basis.confirm(the_sharing(), confirming(), NOW)

    after, _ = basis.give(confirmed, giving(renewed(VITAL)), NOW)
    (request,) = basis.review_requested(after, MET, NOW)
    same, _ = basis.give(confirmed, giving(VITAL), NOW)

    assert isinstance(request, ReviewRequested)
    assert (request.basis_ids, request.version, after.confirmed) == (("vital",), 3, ())
    assert basis.review_requested(same, MET, NOW) == [], "it says what was confirmed"
    basis.confirm(after, confirming(), NOW)


# -- confirmed ---------------------------------------------------------------------------------------------------------
def test_a_second_person_confirms_it_and_then_it_stands() -> None:
    sharing = the_sharing()
    (request,) = basis.review_requested(sharing, MET, NOW)

    after, (_, said) = basis.confirm(sharing, confirming(), LAST_MOMENT)

    assert isinstance(request, ReviewRequested)
    assert isinstance(said, SharingBasisConfirmed)
    assert (said.basis_ids, said.version, said.reviewed) == (("vital",), 2, (request.review_id,))
    assert (after.bases, after.reviews) == (sharing.bases, ())
    [kept] = after.confirmed
    assert (kept.basis_id, kept.at, kept.by) == ("vital", LAST_MOMENT, COLLEAGUE)
    assert (kept.stated_by, kept.reason) == ((AUTHOR,), "Rischio immediato")
    assert basis.expire(after, DUE) == (after, [])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (confirming(agency="pa.accura"), ("unknown_referral", "/intake_id")),
        (confirming(roles=()), ("not_authorised", "/agency")),
        (confirming(roles=("coordinator",)), ("not_authorised", "/agency")),
        (confirming(by=AUTHOR), ("not_authorised", "/actor")),
        (confirming("vital", "other"), ("unknown_code", "/basis_ids/1")),
        (confirming("city"), ("inconsistent_data", "/basis_ids/0")),
    ],
    ids=["another agency", "a system", "who coordinates", "who recorded it", "unknown", "no vital interest"],
)
def test_who_may_not_confirm_and_what_cannot_be(command: ConfirmBases, expected: tuple[str, str]) -> None:
    assert refused(the_sharing(), command) == expected


def test_an_intake_that_is_not_there_looks_like_one_of_others() -> None:
    assert refused(None, confirming()) == refused(the_sharing(), confirming(agency="pa.accura"))


def test_of_one_that_a_system_recorded_nobody_is_the_author() -> None:
    basis.confirm(the_sharing(by=None), confirming(by=AUTHOR), NOW)


def test_what_is_confirmed_taken_back_or_too_late_cannot_be_confirmed() -> None:
    confirmed, _ = basis.confirm(the_sharing(), confirming(), NOW)
    withdrawn, _ = basis.withdraw(the_sharing(), taking_back(cause="consent_withdrawn"), NOW)

    assert refused(confirmed, confirming()) == ("invalid_transition", "/basis_ids/0")
    assert refused(withdrawn, confirming()) == ("invalid_transition", "/basis_ids/0")
    assert refused(the_sharing(), confirming(), DUE) == ("window_passed", "/basis_ids/0")


def test_all_of_them_are_confirmed_or_none_and_the_review_is_over_with_the_last() -> None:
    sharing = the_sharing(VITAL, SECOND)

    one, (_, first) = basis.confirm(sharing, confirming("vital"), NOW)
    assert refused(one, confirming("second", "vital")) == ("invalid_transition", "/basis_ids/1")
    both, (_, last) = basis.confirm(one, confirming("second"), NOW)

    assert isinstance(first, SharingBasisConfirmed)
    assert isinstance(last, SharingBasisConfirmed)
    assert (first.reviewed, len(last.reviewed)) == ((), 1)
    assert (one.ends_at, both.reviews) == (DUE, ())


# -- not confirmed -----------------------------------------------------------------------------------------------------
def test_what_nobody_confirms_in_time_ends_as_if_it_were_taken_back() -> None:
    sharing = the_sharing()

    assert basis.expire(sharing, LAST_MOMENT) == (sharing, [])
    after, (said,) = basis.expire(sharing, DUE)

    assert isinstance(said, ConsentWithdrawn)
    assert (said.revoke_cause, said.basis_ids, said.version) == ("vital_interest_not_confirmed", ("vital",), 2)
    assert said.reviewed == tuple(review.id_in(INTAKE_ID) for review in sharing.reviews)
    assert [b.withdrawn_at for b in after.bases] == [None, DUE]
    assert (after.reviews, basis.expire(after, DUE)) == ((), (after, []))


def test_what_runs_out_at_the_same_time_is_told_beside_it_and_once() -> None:
    """A sweep that comes late finds both."""
    new_year = datetime(2027, 1, 1, tzinfo=UTC)

    both = SECOND.model_copy(update={"valid_to": CITY.valid_to})

    after, (withdrawn, expired) = basis.expire(the_sharing(CITY, VITAL, both), new_year)

    assert isinstance(withdrawn, ConsentWithdrawn)
    assert isinstance(expired, SharingBasisExpired)
    assert (withdrawn.basis_ids, expired.basis_ids) == (("vital", "second"), ("city",))
    assert (withdrawn.version, expired.version, withdrawn.sharing_basis) == (2, 2, expired.sharing_basis)
    assert basis.expire(after, new_year) == (after, [])


def test_one_that_runs_out_before_leaves_nothing_to_confirm() -> None:
    short = VITAL.model_copy(update={"valid_to": date(2026, 10, 27)})
    sharing = the_sharing(short)

    after, (said,) = basis.expire(sharing, datetime(2026, 10, 27, 23, tzinfo=UTC))

    assert isinstance(said, SharingBasisExpired)
    assert len(said.reviewed) == 1
    assert refused(after, confirming()) == ("invalid_transition", "/basis_ids/0")


@pytest.mark.parametrize("cause", ["vital_interest_not_confirmed", "consent_withdrawn"])
def test_who_recorded_it_takes_it_back_alone(cause: str) -> None:
    after, (_, said) = basis.withdraw(the_sharing(), taking_back(cause=cause), NOW)

    assert isinstance(said, ConsentWithdrawn)
    assert (said.revoke_cause, len(said.reviewed), after.reviews) == (cause, 1, ())


def test_only_a_vital_interest_that_waits_is_taken_back_for_want_of_a_confirmation() -> None:
    confirmed, _ = basis.confirm(the_sharing(), confirming(), NOW)

    for sharing, command in ((the_sharing(), taking_back("vital", "city")), (confirmed, taking_back())):
        with pytest.raises(Refusal) as refusal:
            basis.withdraw(sharing, command, NOW)
        assert (refusal.value.code, refusal.value.pointer) == ("unknown_reason", "/revoke_cause")
        assert refusal.value.allowed == basis.CAUSES


# -- before there was a second look ------------------------------------------------------------------------------------
def test_a_vital_interest_that_an_earlier_release_recorded_stands_and_asks_nobody() -> None:
    kept = TypeAdapter(Sharing).dump_python(replace(the_sharing(), reviews=()), mode="json")
    known = TypeAdapter(Sharing).validate_python({k: v for k, v in kept.items() if k not in ("reviews", "confirmed")})

    assert basis.expire(known, DUE + timedelta(days=30)) == (known, [])
    assert refused(known, confirming()) == ("invalid_transition", "/basis_ids/0")


def test_but_its_new_dates_are_to_be_confirmed() -> None:
    known = basis.stated(MET)

    after, _ = basis.give(known, giving(renewed(VITAL)), NOW)

    assert (len(basis.review_requested(after, MET, NOW)), after.ends_at) == (1, DUE)
