"""The sharing bases of an intake: taken back, given later, given new dates, run out; by its own agency alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted
from contracts.refusals import Refusal
from contracts.sharing import (
    ConsentWithdrawn,
    ExcludeRecipients,
    GiveBasis,
    SharingBasisExpired,
    SharingBasisGiven,
    WithdrawBases,
)
from contracts.values import Asked, SharingBasis
from services.chassis.sweep import due_by
from services.intake.domain import basis, exclusions
from services.intake.domain.basis import Sharing
from tests.builders import INTAKE_ID, NOW, a_basis, a_recorded_intake

CITY = a_basis(basis_id="city", valid_to=date(2026, 12, 31))
CONSENT = a_basis("pa.accura", basis_id="accura", type="consent")
REFUSED = a_basis("pa.salute", basis_id="no", refused=True)
BY_COMUNE = Asked(agency="pa.comune", command_id="c-1")
NEW_YEAR = datetime(2026, 12, 31, 23, tzinfo=UTC)
"""Midnight in Palermo."""


def the_sharing(*bases: SharingBasis) -> Sharing:
    return basis.stated(a_recorded_intake(sharing_basis=bases or (CITY, CONSENT, REFUSED)))


def taking_back(*refs: str, by: str = "pa.comune", cause: str = "consent_withdrawn") -> WithdrawBases:
    asked = Asked(agency=by, command_id="c-1")
    return WithdrawBases(intake_id=INTAKE_ID, asked=asked, basis_ids=refs, revoke_cause=cause)


def giving(given: SharingBasis, by: str = "pa.comune") -> GiveBasis:
    return GiveBasis(intake_id=INTAKE_ID, asked=Asked(agency=by, command_id="c-1"), basis=given)


def refusal(sharing: Sharing | None, command: WithdrawBases | GiveBasis) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        match command:
            case WithdrawBases():
                basis.withdraw(sharing, command, NOW)
            case GiveBasis():
                basis.give(sharing, command, NOW)
    return refused.value.code, refused.value.pointer


def test_an_intake_has_at_most_so_many_bases_and_those_it_has_can_be_renewed() -> None:
    full = the_sharing(*(a_basis("pa.accura", basis_id=f"b{n}") for n in range(basis.MOST)))

    assert refusal(full, giving(a_basis("pa.accura", basis_id="one more"))) == ("invalid_value", "/basis/basis_id")
    renewed, _ = basis.give(full, giving(a_basis("pa.accura", basis_id="b7", valid_to=date(2027, 3, 1))), NOW)
    assert len(renewed.bases) == basis.MOST


def test_a_basis_may_be_given_for_what_is_left_of_today() -> None:
    until_tonight = a_basis("pa.accura", basis_id="tonight", valid_from=NOW.date(), valid_to=NOW.date())

    after, _ = basis.give(the_sharing(), giving(until_tonight), NOW)

    assert after.bases[-1] == until_tonight


def test_what_is_taken_back_is_told_with_all_bases_as_they_are_now() -> None:
    after, (answer, said) = basis.withdraw(the_sharing(), taking_back("accura"), NOW)

    assert isinstance(answer, CommandAccepted)
    assert isinstance(said, ConsentWithdrawn)
    assert (answer.version, said.version, said.basis_ids) == (2, 2, ("accura",))
    assert (said.revoke_cause, said.sharing_basis) == ("consent_withdrawn", after.bases)
    assert [b.withdrawn_at for b in after.bases] == [None, NOW, None]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (taking_back("city", by="pa.accura"), ("unknown_referral", "/intake_id")),
        (giving(CITY, by="pa.accura"), ("unknown_referral", "/intake_id")),
        (taking_back("city", cause="basis_invalid"), ("unknown_reason", "/revoke_cause")),
        (taking_back("city", cause="need_resolved"), ("unknown_reason", "/revoke_cause")),
        (taking_back("accura", "other"), ("unknown_code", "/basis_ids/1")),
        (taking_back("accura", "no"), ("inconsistent_data", "/basis_ids/1")),
        (giving(a_basis(basis_id="b", withdrawn_at=NOW)), ("invalid_value", "/basis/withdrawn_at")),
        (giving(a_basis(basis_id="b", valid_to=date(2026, 10, 26))), ("inconsistent_data", "/basis/valid_to")),
        (giving(a_basis("pa.accura", basis_id="city")), ("inconsistent_data", "/basis/recipient")),
        (giving(a_basis(basis_id="city", scope="tier2")), ("inconsistent_data", "/basis/scope")),
        (giving(a_basis("pa.salute", basis_id="no")), ("inconsistent_data", "/basis/refused")),
    ],
)
def test_what_is_refused(command: Any, expected: tuple[str, str]) -> None:
    assert refusal(the_sharing(), command) == expected


def test_an_intake_of_others_looks_like_one_that_does_not_exist() -> None:
    assert refusal(None, taking_back("city")) == refusal(the_sharing(), taking_back("city", by="pa.accura"))


def test_what_was_taken_back_stays_so() -> None:
    after, _ = basis.withdraw(the_sharing(), taking_back("city", "accura"), NOW)

    assert refusal(after, taking_back("city")) == ("invalid_transition", "/basis_ids/0")
    assert refusal(after, giving(CITY)) == ("invalid_transition", "/basis/basis_id")
    assert after.ends_at is None


def test_a_basis_ends_at_the_midnight_of_its_city_after_its_last_day() -> None:
    sharing = the_sharing()

    before, nothing = basis.expire(sharing, datetime(2026, 12, 31, 22, 59, tzinfo=UTC))
    after, (said,) = basis.expire(sharing, NEW_YEAR)

    assert sharing.ends_at == NEW_YEAR
    assert (before, nothing) == (sharing, [])
    assert isinstance(said, SharingBasisExpired)
    assert (said.basis_ids, said.version, after.over, after.ends_at) == (("city",), 2, ("city",), None)


def test_an_end_is_told_once() -> None:
    after, _ = basis.expire(the_sharing(), NEW_YEAR)

    assert basis.expire(after, NEW_YEAR) == (after, [])


def test_new_dates_in_time_put_the_end_off_and_after_it_begin_anew() -> None:
    renewed = CITY.model_copy(update={"valid_to": date(2027, 12, 31)})

    in_time, (_, said) = basis.give(the_sharing(), giving(renewed), NOW)
    ended, _ = basis.expire(the_sharing(), NEW_YEAR)
    late, _ = basis.give(ended, giving(renewed), NEW_YEAR)

    assert isinstance(said, SharingBasisGiven)
    assert basis.expire(in_time, NEW_YEAR) == (in_time, [])
    assert (late.over, late.ends_at) == ((), datetime(2027, 12, 31, 23, tzinfo=UTC))


def test_a_further_basis_stands_beside_those_that_there_are() -> None:
    after, said = basis.give(the_sharing(CITY), giving(CONSENT), NOW)

    assert after.bases == (CITY, CONSENT)
    assert [type(m).__name__ for m in said] == ["CommandAccepted", "SharingBasisGiven"]


def test_a_further_refusal_comes_after_the_others() -> None:
    after, _ = basis.give(the_sharing(CITY), giving(REFUSED), NOW)

    assert after.bases == (CITY, REFUSED)


def test_whom_the_person_excludes_at_a_later_meeting_is_refused_here_too_and_once() -> None:
    later = a_recorded_intake(withhold=("pa.accura",), sharing_basis=(CITY, REFUSED))
    command = ExcludeRecipients(intake_id=INTAKE_ID, recipients=exclusions.excluded_by(later))

    after, (said,) = basis.exclude(the_sharing(CITY, CONSENT, REFUSED), command, NOW)

    assert isinstance(said, SharingBasisGiven)
    assert command.recipients == ("pa.accura", "pa.salute")
    assert [b.recipient for b in after.bases if b.refused] == ["pa.salute", "pa.accura"]
    assert basis.exclude(after, command, NOW) == (after, [])


def test_what_is_excluded_at_one_meeting_holds_for_those_that_were_not_later() -> None:
    first, second, third = (UUID(int=n) for n in (1, 2, 3))
    earlier = a_recorded_intake(intake_id=first, withhold=("pa.penc",), sharing_basis=(CITY, REFUSED))
    met = a_recorded_intake(intake_id=second, occurred_at=NOW + timedelta(days=1), withhold=("pa.accura",))
    later = a_recorded_intake(intake_id=third, occurred_at=NOW + timedelta(days=1))

    all_of_them = [earlier, met, later]
    assert exclusions.not_yet_excluded(earlier, all_of_them) == {first: ("pa.accura",)}
    assert exclusions.not_yet_excluded(met, all_of_them) == {first: ("pa.accura",), third: ("pa.accura",)}
    assert exclusions.not_yet_excluded(later, all_of_them) == {third: ("pa.accura",)}


def test_a_meeting_that_is_recorded_after_a_later_one_is_told_with_its_refusals() -> None:
    later = a_recorded_intake(intake_id=UUID(int=2), occurred_at=NOW + timedelta(days=1), withhold=("pa.accura",))

    told = exclusions.told_late(a_recorded_intake(), [later], NOW)

    assert [b.recipient for b in told.sharing_basis if b.refused] == ["pa.accura"]
    assert exclusions.told_late(later, [told], NOW) == later


def test_a_basis_that_was_over_long_ago_hides_no_end_that_is_to_come() -> None:
    long_ago = CITY.model_copy(update={"basis_id": "long ago", "valid_to": date.min})

    due = due_by(NOW)
    ends_at = the_sharing(CITY, long_ago).ends_at
    assert ends_at is not None
    assert due["$gt"] < ends_at <= due["$lte"]


def test_a_last_day_at_the_end_of_time_never_comes() -> None:
    sharing = the_sharing(CITY.model_copy(update={"valid_to": date.max}))

    assert basis.expire(sharing, NOW) == (sharing, [])


def test_an_agency_is_not_told_through_its_own_meeting_that_the_person_excluded_it_at_another_agencys() -> None:
    mine = a_recorded_intake(intake_id=INTAKE_ID, sender_agency="pa.comune", sharing_basis=(CITY,))
    excluding = {"occurred_at": NOW + timedelta(days=1), "withhold": ("pa.comune", "pa.accura")}
    theirs = a_recorded_intake(intake_id=UUID(int=2), sender_agency="pa.penc", **excluding)
    my_next = a_recorded_intake(intake_id=UUID(int=3), sender_agency="pa.comune", **excluding)

    assert exclusions.excluded_since(mine, [theirs]) == ("pa.accura",)
    assert exclusions.excluded_since(mine, [my_next]) == ("pa.comune", "pa.accura")
    assert exclusions.excluded_since(mine, [theirs, my_next]) == ("pa.accura", "pa.comune")


def test_what_was_refused_since_holds_for_a_meeting_that_is_recorded_late_though_it_was_not_the_first() -> None:
    """Met on Tuesday and on Friday, refused on Monday; the Friday is recorded last."""
    since = (NOW + timedelta(days=6)).date()
    first = a_recorded_intake(sharing_basis=(CITY, REFUSED.model_copy(update={"valid_from": since})))
    friday, monday = (a_recorded_intake(intake_id=UUID(int=n), occurred_at=NOW + timedelta(days=n)) for n in (3, 6))

    assert [b.recipient for b in exclusions.told_late(friday, [first], NOW).sharing_basis if b.refused] == ["pa.salute"]
    assert exclusions.told_late(monday, [first], NOW) == monday, "what the person says then is what holds"
    of_another = REFUSED.model_copy(update={"valid_from": since, "basis_id": "excluded:pa.salute"})
    assert exclusions.told_late(friday, [a_recorded_intake(sharing_basis=(CITY, of_another))], NOW) == friday
