"""A person who was erased, as the referrals about them and their receivers learn it."""

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.beside import ReceiptConfirmed, ReceiptRequested
from contracts.erasure import PersonErased, ReferralPersonErased
from contracts.events import ReferralRevoked
from contracts.refusals import Refusal
from services.referral.domain import erasing, life, needs, telling
from services.referral.domain.referral import Referral
from tests.builders import (
    INTAKE_ID,
    NOW,
    TEXT_ID,
    a_basis,
    a_command,
    a_need,
    a_recorded_intake,
    a_referral,
    the_facts,
)
from tests.domain.test_drafts import a_draft
from tests.domain.test_journey import LAB_AFTER_VISIT, palermo
from tests.domain.test_life import kinds, only

DUE = NOW + timedelta(days=7)
"""Five business days on."""
WHY = "Dorme in stazione"


def over(state: str = "CLOSED", **known: object) -> Referral:
    """One that pa.accura had taken in, unless told otherwise."""
    return a_referral(state, **{"accepted_at": NOW, "need": a_need(priority_reason=WHY)} | known)


def erased() -> PersonErased:
    """What intake says of the one meeting."""
    known: dict[str, Any] = {"intake_id": INTAKE_ID, "version": 2, "at": NOW, "sender_agency": "pa.comune"}
    ended = (a_basis(withdrawn_at=NOW),)
    return PersonErased(**known, basis_ids=("b1",), sharing_basis=ended, person_ref="p-1")


def test_a_referral_forgets_what_was_written_of_the_person_and_who_took_them_in_owes_a_receipt() -> None:
    before = over()

    after, said = erasing.forget(before, the_facts())

    assert kinds(said) == ["ReferralPersonErased", "ReceiptRequested"]
    told, owed = only(ReferralPersonErased, said), only(ReceiptRequested, said)
    assert (told.state, told.obligation, told.by) == ("CLOSED", "deletion_receipt", "system")
    assert {told.version, owed.version, after.version} == {before.version + 1}
    assert (owed.obligation, owed.receipt_due_at, after.next_at) == ("deletion_receipt", DUE, DUE)
    assert (after.erased_at, after.state, after.place, after.need) == (NOW, "CLOSED", before.place, a_need())
    assert WHY not in str(after) + str(said)
    last = after.history[-1]
    assert (last.command, last.by, last.version) == ("forget_person", "system", after.version)
    assert last.events == ("referral.person_erased", "receipt.requested")


def test_it_is_forgotten_once() -> None:
    after, _ = erasing.forget(over(), the_facts())

    assert erasing.forget(after, the_facts(NOW + timedelta(days=1))) == (after, [])


@pytest.mark.parametrize(
    "referral",
    [
        over("DECLINED", accepted_at=None),
        over(need=a_need(sender_agency="pa.accura")),
        life.decide(
            over("ACCEPTED"), a_command("revoke", by=None, revoke_cause="person_erased"), the_facts(basis_ended=True)
        )[0],
    ],
    ids=["nobody could ask who it was", "its receiver is its sender", "it owes one already"],
)
def test_no_receipt_is_asked_for_where_there_is_nothing_to_delete_or_it_is_owed_already(referral: Referral) -> None:
    after, said = erasing.forget(referral, the_facts())

    assert kinds(said) == ["ReferralPersonErased"]
    assert only(ReferralPersonErased, said).obligation is None
    assert after.receipts == referral.receipts


def test_that_a_withdrawal_was_seen_is_no_receipt_that_the_data_are_deleted() -> None:
    fields = {"withdraw_reason": "need_resolved", "requested_by": "person"}
    withdrawn, _ = life.decide(over("ACCEPTED"), a_command("withdraw", by="pa.comune", **fields), the_facts())

    after, _ = erasing.forget(withdrawn, the_facts())

    assert [one.obligation for one in after.receipts] == ["withdraw_seen_receipt", "deletion_receipt"]


@pytest.mark.parametrize("state", ["CLOSED", "DECLINED", "REROUTED", "WITHDRAWN", "EXPIRED", "ENTERED_IN_ERROR"])
def test_the_receipt_is_given_however_the_referral_ended(state: str) -> None:
    owing, _ = erasing.forget(over(state), the_facts())

    settled, said = life.decide(owing, a_command("confirm_receipt"), the_facts())

    assert only(ReceiptConfirmed, said).obligation == "deletion_receipt"
    assert (settled.state, settled.next_at) == (state, None)


def test_what_was_closed_is_not_opened_again_for_who_is_erased() -> None:
    closed, _ = life.decide(over("IN_SERVICE"), a_command("close", closure_outcome="served_completed"), the_facts())
    erased, _ = erasing.forget(closed, the_facts())
    again = a_command("reopen", roles=("supervisor",), text_id=TEXT_ID)

    assert life.decide(closed, again, the_facts())[0].state == "IN_SERVICE"
    with pytest.raises(Refusal) as refused:
        life.decide(erased, again, the_facts())
    assert refused.value.code == "person_erased"


def test_its_receiver_reads_how_it_stands_and_what_it_owes_and_no_more() -> None:
    erased, _ = erasing.forget(over(), the_facts())

    assert telling.is_for_its_receiver(over(), NOW) and not telling.is_for_its_receiver(erased, NOW)
    told = telling.referral(erased, whole=False)
    assert (told["erased_at"], told["timeline"], len(told["receipts"])) == (NOW, [], 1)


def test_what_was_erased_ends_every_ground_and_is_forgotten_by_the_whole_journey() -> None:
    asked = needs.shared(erased())

    assert (asked.journey_id, asked.version, asked.sharing_basis) == (INTAKE_ID, 2, erased().sharing_basis)
    assert (asked.revoke_cause, asked.erased) == ("person_erased", True)


def test_what_is_opened_or_drafted_after_the_person_was_erased_is_not_sent_and_forgets_them_at_once() -> None:
    """As when referral was away: of a need it may hear only after it has heard that its person is erased."""
    network = palermo()
    met = a_recorded_intake(*LAB_AFTER_VISIT, priority_reason=WHY, age_band_until=date(2027, 6, 1))
    begin, visit, lab = needs.set_going(met)

    for message in (begin, needs.shared(erased()), visit, lab):
        network.ask(message)

    [draft] = network.referrals.values()
    assert (draft.state, draft.erased_at) == ("DRAFT", NOW)
    assert (draft.need.priority_reason, draft.need.age_band_until) == (None, None)


def test_a_caseworkers_own_draft_that_was_on_its_way_forgets_them_too() -> None:
    network = palermo()
    network.ask(a_recorded_intake(priority_reason=WHY))
    network.ask(erased())

    network.ask(a_draft(intake=a_recorded_intake(priority_reason=WHY)))

    assert {one.state: one.erased_at for one in network.referrals.values()} == {"REVOKED": NOW, "DRAFT": NOW}
    assert WHY not in str(network.referrals)


def test_what_was_open_at_that_very_instant_goes_for_that_cause() -> None:
    command = a_command("revoke", by=None, revoke_cause="person_erased")

    gone, said = life.decide(over("IN_SERVICE"), command, the_facts(basis_ended=True))

    assert (gone.state, only(ReferralRevoked, said).revoke_cause) == ("REVOKED", "person_erased")
    assert "OpenTask" not in kinds(said)
