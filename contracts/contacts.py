"""How a person is reached, noted after the meeting: a further contact, or that one is not to be used.

What a contact is stays with intake: its event says that something was noted, by whom and of which kind.
"""

from typing import Literal
from uuid import UUID

from contracts.events import ReferralEvent
from contracts.stated import Contact, Count
from contracts.values import OUTSIDE, AgencyCode, Asked, Message, Ref, Time

WhyNot = Literal["unsafe", "wrong"]
"""unsafe: somebody else may answer or read it. wrong: it does not reach the person."""


class NoteContact(Message):
    """The door passes on what was noted."""

    TYPE = "staffetta.intake.note_contact.v1"

    intake_id: UUID
    asked: Asked
    contact: Contact | None = None
    not_to_be_used: Count | None = None
    why: WhyNot | None = None


class ContactNoted(Message):
    """Whoever may ask for the person reads it from now on (`GET /v1/people`). by: the agency that noted it.

    further: the number of a contact that was added; not_to_be_used: of one that is not to be used any more, and why.
    """

    TYPE = "staffetta.contact.noted.v1"

    intake_id: UUID
    at: Time
    sender_agency: AgencyCode
    by: AgencyCode
    further: Count | None = None
    not_to_be_used: Count | None = None
    why: WhyNot | None = None


class TellOfContact(Message):
    """Whoever may ask who the person is by this referral is to hear of what was noted."""

    TYPE = "staffetta.referral.tell_of_contact.v1"

    referral_id: UUID
    further: Count | None = None
    not_to_be_used: Count | None = None
    why: WhyNot | None = None


class ReferralContactNoted(ReferralEvent):
    """How the person is reached has changed, or must not be tried any more: the receiver, which has the person, looks
    again (`GET /v1/people`) before it calls or writes. The numbers are those of `contact.noted`.
    """

    TYPE = "staffetta.referral.contact_noted.v1"

    further: Count | None = None
    not_to_be_used: Count | None = None
    why: WhyNot | None = None


class NoteStatedContact(Message):
    """Who had the meeting, or who has accepted the person, notes a further contact, or that one is not to be used.

    intake_id: the `journey_id` of the referral. not_to_be_used: its number as `GET /v1/people` has it (1 for what was
    stated at the meeting), with `why`. Nothing that was stated is overwritten.
    """

    model_config = OUTSIDE
    TYPE = "staffetta.contact.note.v1"

    command_id: Ref
    intake_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    contact: Contact | None = None
    not_to_be_used: Count | None = None
    why: WhyNot | None = None
