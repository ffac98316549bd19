"""Who has the person hears that a contact was noted, or is not to be used, and of the contact itself nothing."""

import pytest

from contracts import codes
from contracts.contacts import ContactNoted, ReferralContactNoted
from services.intake.domain.contacts import told_to
from services.referral.domain import contacts
from services.referral.domain.contacts import HAS_THE_PERSON
from services.referral.domain.referral import Referral
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID, a_referral, the_facts

MARKED = ContactNoted(
    intake_id=INTAKE_ID, at=NOW, sender_agency="pa.comune", by="pa.comune", further=2, not_to_be_used=1, why="unsafe"
)


def told(referral: Referral) -> tuple[Referral, list[ReferralContactNoted]]:
    after, said = contacts.tell(referral, told_to(REFERRAL_ID, MARKED), the_facts())
    return after, [event for event in said if isinstance(event, ReferralContactNoted)]


@pytest.mark.parametrize("state", sorted(HAS_THE_PERSON))
def test_who_has_the_person_is_told_which_contact_and_why(state: str) -> None:
    before = a_referral(state)

    after, [event] = told(before)

    assert (event.further, event.not_to_be_used, event.why) == (2, 1, "unsafe")
    assert (event.by, event.state, event.version, event.receiver_agency) == ("system", state, 4, "pa.accura")
    assert (after.version, after.state, after.timers) == (4, state, before.timers)
    assert (after.history[-1].command, after.history[-1].events) == ("tell_of_contact", ("referral.contact_noted",))


@pytest.mark.parametrize("state", sorted({*codes.codes("transitions", "states")} - HAS_THE_PERSON))
def test_who_has_not_yet_accepted_or_has_them_no_longer_is_told_nothing(state: str) -> None:
    before = a_referral(state)

    assert told(before) == (before, [])
