"""That nothing is kept any more of who a person is (GDPR 17): who asks it of whom, and who is told."""

from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import computed_field

from contracts.events import ReferralEvent
from contracts.sharing import SharingEvent
from contracts.values import OUTSIDE, AgencyCode, Asked, Code, Message, Ref, Time

PERSON_ERASED = "person_erased"
"""A code of `rejection_codes.json` (what is refused since), and of `withdraw_reasons.json` (what went with it)."""


class EraseStatedPerson(Message):
    """A supervisor says that the data of a person whom their agency met are to be erased.

    person_ref: as `intake.recorded` names the person. Said with a person's token alone.
    """

    model_config = OUTSIDE
    TYPE = "staffetta.person.erase.v1"

    command_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    person_ref: Ref


class ErasePerson(Message):
    """The door passes it on."""

    TYPE = "staffetta.intake.erase_person.v1"

    asked: Asked
    person_ref: Ref

    @computed_field
    @property
    def person_id(self) -> UUID:
        """A key that tells no name, should somebody have typed one."""
        return uuid5(NAMESPACE_URL, f"staffetta:people/{self.person_ref}")


class EraseMeeting(Message):
    """Of one meeting of the person. at, actor: when its agency asked for it, and who spoke for it. asked_by: with which
    message.
    """

    TYPE = "staffetta.intake.erase_meeting.v1"

    intake_id: UUID
    at: Time
    actor: Ref | None = None
    asked_by: Ref | None = None


class DropReasons(Message):
    """What people wrote why two were one person or not: one of the two was erased."""

    TYPE = "staffetta.intake.drop_reasons.v1"

    pair_id: UUID


class ForgetPerson(Message):
    """What intake has erased is to be forgotten with this referral, too, and by its receiver."""

    TYPE = "staffetta.referral.forget_person.v1"

    referral_id: UUID


class PersonErased(SharingEvent):
    """Nothing is kept of who the person of this meeting is; the bases that stood until then are withdrawn."""

    TYPE = "staffetta.person.erased.v1"

    person_ref: Ref


class ReferralPersonErased(ReferralEvent):
    """Nothing is kept of whom this referral is about. obligation: the receipt that its receiver owes for it, if any."""

    TYPE = "staffetta.referral.person_erased.v1"

    obligation: Code | None = None
