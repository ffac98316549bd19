"""What a referral rests on, when it must go, and what its receiver then owes."""

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.beside import ReceiptConfirmed, ReceiptOverdue, ReceiptRequested
from contracts.commands import ChaseReceipt
from contracts.events import ReferralRevoked
from contracts.refusals import Refusal
from contracts.sharing import KeepSharing
from contracts.values import SharingBasis, basis_id
from services.referral.domain import basis, life, overdue
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Search
from tests.builders import (
    ACCURA,
    INTAKE_ID,
    NOW,
    REFERRAL_ID,
    TEXT_ID,
    TODAY,
    a_basis,
    a_command,
    a_decision,
    a_need,
    a_referral,
    an_agency,
    the_facts,
)
from tests.domain.test_life import kinds, only

CITY = a_basis()
NAMED = a_basis("pa.accura", basis_id="b2", valid_to=date(2026, 12, 31))
LONGER = a_basis("pa.accura", basis_id="b3")
DUE = NOW + timedelta(days=7)
"""Five business days on: a Tuesday again."""


def rests_on(*bases: SharingBasis) -> str | None:
    first = a_decision(search=Search(a_need(sharing_basis=bases))).first
    return first.basis if first else None


def resting(ref: str = "b1", **known: Any) -> Referral:
    place = type(ACCURA)(ACCURA.offer, ACCURA.agency, ACCURA.queue, ACCURA.city, basis=ref)
    return a_referral("ACCEPTED", place=place, **known)


def why(*bases: SharingBasis, ref: str = "b1", **need: Any) -> str | None:
    ground = basis.Ground(REFERRAL_ID, bases, version=2)
    return basis.ended(resting(ref, need=a_need(**need)), ground, an_agency(), TODAY)


def revoked(referral: Referral | None = None) -> life.Outcome:
    return life.decide(referral or a_referral("ACCEPTED"), a_command("revoke", by=None), the_facts(basis_ended=True))


@pytest.mark.parametrize(
    ("bases", "expected"),
    [((CITY,), "b1"), ((CITY, NAMED), "b2"), ((CITY, NAMED, LONGER), "b3"), ((CITY, a_basis("pa.salute")), "b1")],
    ids=["its city", "its name before its city", "the longest", "no other's"],
)
def test_a_referral_rests_on_the_basis_that_names_its_receiver_and_lasts_longest(
    bases: tuple[SharingBasis, ...], expected: str
) -> None:
    assert rests_on(*bases) == expected


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        ((CITY,), None),
        ((a_basis(valid_to=TODAY),), None),
        ((a_basis(valid_to=TODAY - timedelta(days=1)),), "basis_expired"),
        ((a_basis(withdrawn_at=NOW), LONGER), "consent_withdrawn"),
        ((CITY, a_basis("pa.accura", basis_id="b9", refused=True)), "recipient_excluded"),
        ((CITY, a_basis("city:palermo", basis_id="b9", refused=True)), "recipient_excluded"),
        ((CITY, a_basis("pa.salute", basis_id="b9", refused=True)), None),
        ((CITY, a_basis("pa.accura", basis_id="b9", withdrawn_at=NOW)), None),
    ],
)
def test_why_what_a_referral_rests_on_has_ended(bases: tuple[SharingBasis, ...], expected: str | None) -> None:
    assert why(*bases) == expected


def test_whom_the_intake_withheld_is_excluded_whatever_the_bases_say() -> None:
    assert why(CITY, LONGER, withhold=("pa.accura",)) == "recipient_excluded"


def test_an_older_change_that_comes_late_changes_nothing() -> None:
    newer, older = (KeepSharing(journey_id=INTAKE_ID, version=v, sharing_basis=(CITY,)) for v in (3, 2))

    ground = basis.changed(None, REFERRAL_ID, newer)

    assert basis.changed(ground, REFERRAL_ID, older) == ground
    assert basis.changed(basis.ground_of(a_need()), REFERRAL_ID, older).version == 2


@pytest.mark.parametrize(
    ("why_ended", "stated", "cause"),
    [
        ("consent_withdrawn", "objection_upheld", "objection_upheld"),
        ("consent_withdrawn", None, "consent_withdrawn"),
        ("basis_expired", "objection_upheld", "basis_expired"),
    ],
)
def test_a_referral_is_revoked_for_the_cause_that_was_stated(why_ended: str, stated: str | None, cause: str) -> None:
    command = KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=(CITY,), revoke_cause=stated)

    asked = basis.revoke(resting("b1"), why_ended, command)

    assert (asked.revoke_cause, asked.basis_id, asked.role) == (cause, basis_id(INTAKE_ID, "b1"), "system")


def test_a_revoked_referral_is_over_and_its_receiver_owes_a_receipt_in_five_business_days() -> None:
    after, said = revoked()

    assert kinds(said) == ["CommandAccepted", "ReferralRevoked", "ReceiptRequested", "EndNeed"]
    assert (after.state, after.timers, after.owner) == ("REVOKED", (), None)
    assert only(ReferralRevoked, said).revoke_cause == "consent_withdrawn"
    assert only(ReceiptRequested, said).receipt_due_at == DUE == after.next_at
    assert after.history[-1].events == ("referral.revoked", "receipt.requested")


COORDINATOR: dict[str, Any] = {"by": "pa.comune", "roles": ("coordinator",), "revoke_cause": "basis_invalid"}


def by_hand(referral: Referral, named: str | None) -> life.Outcome:
    facts = the_facts(basis_ended=True, speaker=an_agency("pa.comune"))
    id = str(basis_id(INTAKE_ID, named)) if named else None
    return life.decide(referral, a_command("revoke", **COORDINATOR, text_id=TEXT_ID, basis_id=id), facts)


@pytest.mark.parametrize("named", ["b1", None])
def test_a_coordinator_revokes_a_referral_for_the_basis_that_it_rests_on_named_or_not(named: str | None) -> None:
    after, said = by_hand(resting("b1"), named)

    assert (after.state, only(ReferralRevoked, said).basis_id) == ("REVOKED", basis_id(INTAKE_ID, "b1"))


def test_a_referral_is_not_revoked_for_a_basis_that_is_not_its_own() -> None:
    with pytest.raises(Refusal) as refusal:
        by_hand(resting("b1"), "b2")

    assert (refusal.value.code, refusal.value.pointer) == ("invalid_value", "/basis_id")
    assert refusal.value.state == "ACCEPTED"


def test_nothing_is_revoked_while_its_basis_stands() -> None:
    with pytest.raises(Refusal) as refusal:
        life.decide(a_referral("ACCEPTED"), a_command("revoke", by=None), the_facts())

    assert refusal.value.code == "basis_still_valid"


@pytest.mark.parametrize(
    "referral",
    [
        a_referral("DRAFT"),
        a_referral(seat="asked"),
        a_referral("ACCEPTED", need=a_need(sender_agency="pa.accura")),
    ],
    ids=["a draft", "its receiver was not told yet", "its receiver is its sender"],
)
def test_who_has_nothing_of_the_person_owes_nothing(referral: Referral) -> None:
    after, said = revoked(referral)

    assert (after.receipts, "ReceiptRequested" in kinds(said)) == ((), False)


def test_a_receiver_that_withdraws_itself_owes_no_receipt() -> None:
    after, _ = life.decide(a_referral("ACCEPTED"), a_command("withdraw"), the_facts())

    assert after.receipts == ()


def test_a_receipt_is_given_once_by_the_receiver_and_then_nothing_is_late() -> None:
    owing, _ = revoked()

    settled, said = life.decide(owing, a_command("confirm_receipt"), the_facts())

    assert kinds(said) == ["CommandAccepted", "ReceiptConfirmed"]
    assert only(ReceiptConfirmed, said).version == settled.version == owing.version + 1
    assert (settled.state, settled.next_at) == ("REVOKED", None)
    with pytest.raises(Refusal) as again:
        life.decide(settled, a_command("confirm_receipt"), the_facts())
    assert (again.value.code, again.value.pointer) == ("no_receipt_owed", "/obligation")


@pytest.mark.parametrize(
    ("by", "fields", "expected"),
    [
        ("pa.comune", {}, ("not_authorised", "/agency")),
        ("pa.legale", {}, ("unknown_referral", "/referral_id")),
        ("pa.accura", {"obligation": None}, ("missing_field", "/obligation")),
        ("pa.accura", {"obligation": "sender_next_step_task"}, ("unknown_code", "/obligation")),
        ("pa.accura", {"obligation": "withdraw_seen_receipt"}, ("no_receipt_owed", "/obligation")),
        ("pa.accura", {"expected_version": 1}, ("version_conflict", "/expected_version")),
    ],
)
def test_a_receipt_that_is_refused(by: str, fields: dict[str, Any], expected: tuple[str, str]) -> None:
    owing, _ = revoked()

    with pytest.raises(Refusal) as refusal:
        life.decide(owing, a_command("confirm_receipt", by=by, **fields), the_facts())

    assert (refusal.value.code, refusal.value.pointer) == expected


def test_a_late_receipt_is_told_and_is_late_again_after_as_long() -> None:
    owing, _ = revoked()
    command = ChaseReceipt(referral_id=REFERRAL_ID, obligation="deletion_receipt", due_at=DUE)

    early, nothing = overdue.chase(owing, command, the_facts(DUE - timedelta(seconds=1)))
    late, said = overdue.chase(owing, command, the_facts(DUE))
    twice, again = overdue.chase(late, command, the_facts(DUE))

    assert (early, nothing) == (owing, [])
    assert only(ReceiptOverdue, said).receipt_due_at == DUE
    assert late.next_at == DUE + timedelta(days=7)
    assert (twice, again) == (late, [])
