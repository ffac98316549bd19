"""What services ask of one another."""

from datetime import date
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import computed_field

from contracts.directory import Agency, Offer
from contracts.events import IntakeRecorded
from contracts.stated import CorrectedFields, ReferralFields, SubmitIntake
from contracts.values import (
    AgencyCode,
    Asked,
    Code,
    Message,
    Narrative,
    PersonFacts,
    Ref,
    SharingBasis,
    Time,
    Value,
    Version,
)

# -- what services ask of intake ---------------------------------------------------------------------------------------


class RecordIntake(Message):
    """The door passes an intake on; flags are what the door already noticed."""

    TYPE = "staffetta.intake.record.v1"

    intake_id: UUID
    asked: Asked
    submitted: SubmitIntake
    flags: tuple[Code, ...] = ()


class AskOneMore(Message):
    """A caseworker's own draft, as the door passes it on: one more service for a person whom their agency has met."""

    TYPE = "staffetta.intake.ask_one_more.v1"

    referral_id: UUID
    asked: Asked
    person_ref: Ref
    service: Code
    priority: Code | None = None


class KeepText(Message):
    """Free text of a referral command, kept by intake under an id of its own. roles: of who wrote it (`Asked`).

    private: for the agency of who wrote it alone.
    """

    TYPE = "staffetta.intake.keep_text.v1"

    text_id: UUID
    referral_id: Ref
    agency: AgencyCode
    text: Narrative
    roles: tuple[Code, ...] = ()
    private: bool = False


class DropText(Message):
    """A text that is kept no longer: its command was refused, or (erased) the person's data are."""

    TYPE = "staffetta.intake.drop_text.v1"

    text_id: UUID
    erased: bool = False


def text_id(command_id: UUID) -> UUID:
    """Of the text that came with a command. command_id: the id of the message that the command is."""
    return uuid5(command_id, "text")


class GrantAccess(Message):
    """A receiver has taken the person in: it may ask who they are. version: the referral's."""

    TYPE = "staffetta.intake.grant_access.v1"

    referral_id: UUID
    intake_id: UUID
    agency: AgencyCode
    version: Version


class EndAccess(Message):
    """The receiver has the person no longer. version: the referral's; cause: the state it is in now."""

    TYPE = "staffetta.intake.end_access.v1"

    referral_id: UUID
    version: Version
    cause: Code


# -- what services ask of referral -------------------------------------------------------------------------------------


class Need(Value):
    """One service asked for by an intake, with what routing and the receiver need to know (tier 0).

    need_id: the id of the first referral opened for it; it stays when a successor takes over. sender_city: where the
    intake was; depends_on: the other service of the same intake that comes first. age_band_until: as the intake says
    (`IntakeRecorded`); older_by: by so many years the person may be older than their band says when it is judged.
    """

    need_id: UUID
    intake_id: UUID
    journey_id: UUID
    person_ref: str
    service: Code
    priority: Code
    priority_reason: str | None = None
    named_offer: str = "any"
    sender_agency: AgencyCode
    sender_queue: Ref
    sender_ref: Ref | None = None
    sender_city: Code
    city_of_presence: Code
    depends_on: Code | None = None
    willing_to_travel: tuple[Code, ...] = ()
    withhold: tuple[AgencyCode, ...] = ()
    sharing_basis: tuple[SharingBasis, ...] = ()
    person: PersonFacts = PersonFacts()
    age_band_until: date | None = None
    older_by: int = 0


class OpenReferral(Message):
    """Route one need and send it: at hop 0, or as the successor of one that was declined, passed on or expired.

    asked: by the sender, where the choice was the sender's.
    """

    TYPE = "staffetta.referral.route.v1"

    referral_id: UUID
    asked: Asked | None = None
    need: Need
    predecessor_id: UUID | None = None
    hop: int = 0
    tried: tuple[AgencyCode, ...] = ()
    next_agency: AgencyCode | None = None


class DraftReferral(Message):
    """Write a draft for a service that waits for another one of the same person (`need.depends_on`)."""

    TYPE = "staffetta.referral.draft.v1"

    referral_id: UUID
    need: Need


class WriteDraft(Message):
    """A caseworker's own draft, as intake passes it on. intake: the agency's latest of the person, with its bases as
    they are now; before drafts went by intake there was none, and referral looked for it.
    """

    TYPE = "staffetta.referral.write_draft.v1"

    referral_id: UUID
    asked: Asked
    person_ref: Ref
    service: Code
    priority: Code | None = None
    intake: IntakeRecorded | None = None


class ReferralCommand(ReferralFields, Message):
    """A command on a referral as the door passes it on, or as the network gives it (role system)."""

    TYPE = "staffetta.referral.command.v1"

    referral_id: UUID
    command: Code
    asked: Asked = Asked()
    role: Code = "agency"
    expected_version: Version | None = None
    text_id: UUID | None = None


class FireTimer(Message):
    """A step of a timer is due. version: the referral's when the timer started; percent: which step."""

    TYPE = "staffetta.timer.fire.v1"

    referral_id: UUID
    timer: Code
    version: Version
    percent: int


class NotePlace(Message):
    """What the service that counts an offer's places answered about a referral.

    answer: held, promoted (held for the head of the waitlist), waitlisted, refused, lapsed.
    """

    TYPE = "staffetta.referral.note_place.v1"

    referral_id: UUID
    answer: Code
    until: Time | None = None
    position: int | None = None
    order_rule_version: int | None = None


class ChaseReceipt(Message):
    """A receipt that a receiver owes is late. due_at: when it was due, or to be asked for again."""

    TYPE = "staffetta.referral.chase_receipt.v1"

    referral_id: UUID
    obligation: Code
    due_at: Time


class RerouteAgency(Message):
    """An agency was suspended or has left: what is not decided there is to be asked elsewhere, the rest to be reviewed.

    Asked by who coordinates its city.
    """

    TYPE = "staffetta.agency.reroute_open.v1"

    of: AgencyCode
    asked: Asked

    @computed_field
    @property
    def agency_id(self) -> UUID:
        """A key that does not tell which agency."""
        return uuid5(NAMESPACE_URL, f"staffetta:agencies/{self.of}")


# -- what the operator asks of directory -------------------------------------------------------------------------------


class PutAgency(Message):
    """An agency with its queues as it is to be in the directory."""

    TYPE = "staffetta.directory.put_agency.v1"

    asked: Asked = Asked()
    agency: Agency


class PutOffer(Message):
    """An offer as it is to be in the directory."""

    TYPE = "staffetta.directory.put_offer.v1"

    asked: Asked = Asked()
    offer: Offer


# -- what people ask of directory --------------------------------------------------------------------------------------


class CorrectOffer(CorrectedFields, Message):
    """What holds of an offer, as the door passes it on."""

    TYPE = "staffetta.directory.correct_offer.v1"

    asked: Asked
    offer: Ref
