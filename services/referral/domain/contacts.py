"""How the person is reached has changed: whoever has them by a referral hears that it has to look again."""

from dataclasses import replace

from contracts import codes
from contracts.contacts import ReferralContactNoted, TellOfContact
from contracts.values import Message
from services.referral.domain import life
from services.referral.domain.case import Facts
from services.referral.domain.referral import Entry, Referral, entered, snapshot

Outcome = tuple[Referral, list[Message]]

TELL = "tell_of_contact"
NOTED = frozenset({"further", "not_to_be_used", "why"})
HAS_THE_PERSON = frozenset(codes.codes("sharing", "moments")["after_acceptance"]["states"])
"""In which a receiver has somebody to reach; whether it was ever told how is known to intake, which asks for this."""


def tell(referral: Referral, command: TellOfContact, facts: Facts) -> Outcome:
    """Every desk that has the person, that of who noted it too: an agency may have several."""
    if referral.state not in HAS_THE_PERSON:
        return referral, []
    after = replace(referral, version=referral.version + 1)
    event = ReferralContactNoted(**snapshot(after, facts.now, "system"), **command.model_dump(include=set(NOTED)))
    entry = Entry(after.version, facts.now, TELL, "system", None, after.state, (life.short(event),))
    return entered(after, entry), [event]
