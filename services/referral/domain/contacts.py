"""How the person is reached has changed: whoever has them by a referral hears that it has to look again."""

from dataclasses import replace

from contracts import codes
from contracts.contacts import ContactNoted, ReferralContactNoted, TellOfContact
from contracts.values import Message
from services.referral.domain import life
from services.referral.domain.case import Facts
from services.referral.domain.referral import Entry, Referral, entered, snapshot

Outcome = tuple[Referral, list[Message]]

TELL = "tell_of_contact"
NOTED = frozenset({"further", "not_to_be_used", "why"})
HAS_THE_PERSON = frozenset(codes.codes("sharing", "moments")["after_acceptance"]["states"])
"""In which a receiver may ask who the person is, and so may have written down how they are reached."""


def asked_by(event: ContactNoted) -> dict[str, object]:
    """What each referral that came of the meeting is told, beside its own id."""
    return event.model_dump(include={"by", *NOTED})


def tell(referral: Referral, command: TellOfContact, facts: Facts) -> Outcome:
    """Nobody hears of what they noted themselves."""
    if referral.state not in HAS_THE_PERSON or referral.parties[1] == command.by:
        return referral, []
    after = replace(referral, version=referral.version + 1)
    event = ReferralContactNoted(**snapshot(after, facts.now, "system"), **command.model_dump(include=set(NOTED)))
    entry = Entry(after.version, facts.now, TELL, "system", None, after.state, (life.short(event),))
    return entered(after, entry), [event]
