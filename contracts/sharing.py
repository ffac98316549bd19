"""On what grounds the data of an intake are shared: what is asked of them, and what became of them."""

from uuid import UUID

from contracts.values import AgencyCode, Asked, Code, Message, Ref, SharingBasis, Short, Time, Version


class WithdrawBases(Message):
    """The door passes on that bases are taken back."""

    TYPE = "staffetta.intake.withdraw_bases.v1"

    intake_id: UUID
    asked: Asked
    basis_ids: tuple[Ref, ...]
    revoke_cause: Code


class GiveBasis(Message):
    """The door passes on a further basis, a refusal, or new dates. reason: why it is a vital interest, where it is."""

    TYPE = "staffetta.intake.give_basis.v1"

    intake_id: UUID
    asked: Asked
    basis: SharingBasis
    reason: Short | None = None


class ConfirmBases(Message):
    """The door passes on that a second person confirms vital interests."""

    TYPE = "staffetta.intake.confirm_bases.v1"

    intake_id: UUID
    asked: Asked
    basis_ids: tuple[Ref, ...]


class ExcludeRecipients(Message):
    """Later the person excluded these recipients, at another meeting: that holds for this intake of theirs too."""

    TYPE = "staffetta.intake.exclude_recipients.v1"

    intake_id: UUID
    recipients: tuple[Code, ...]


class ExpireBases(Message):
    """The last day of bases of this intake is over, or the time to confirm a vital interest. until: since when."""

    TYPE = "staffetta.intake.expire_bases.v1"

    intake_id: UUID
    until: Time


class KeepSharing(Message):
    """On what grounds the data of this journey may be shared from now on. version: intake's, of these bases together.

    revoke_cause: why bases were withdrawn, when some were. erased: nothing is kept any more of who the person is.
    """

    TYPE = "staffetta.journey.keep_sharing.v1"

    journey_id: UUID
    version: Version
    sharing_basis: tuple[SharingBasis, ...]
    revoke_cause: Code | None = None
    erased: bool = False


class SharingEvent(Message):
    """What every event of an intake's sharing bases says: all of them as they are now, and which it is about.

    version: of the intake, 1 when it was recorded; basis_ids: what its sender calls them. reviewed: reviews of vital
    interests that are over with it (`review_id`).
    """

    intake_id: UUID
    version: int
    at: Time
    sender_agency: AgencyCode
    basis_ids: tuple[Ref, ...]
    sharing_basis: tuple[SharingBasis, ...]
    reviewed: tuple[UUID, ...] = ()


class ConsentWithdrawn(SharingEvent):
    """revoke_cause: a code of `withdraw_reasons.json`."""

    TYPE = "staffetta.consent.withdrawn.v1"

    revoke_cause: Code


class SharingBasisExpired(SharingEvent):
    TYPE = "staffetta.sharing_basis.expired.v1"


class SharingBasisGiven(SharingEvent):
    """A further basis, a refusal, or new dates."""

    TYPE = "staffetta.sharing_basis.given.v1"


class SharingBasisConfirmed(SharingEvent):
    """A second person has confirmed that these are vital interests."""

    TYPE = "staffetta.sharing_basis.confirmed.v1"


class ReviewRequested(SharingEvent):
    """A second person of the agency is to confirm these vital interests until `due_at`, or they end.

    service: the first that the meeting asked for.
    """

    TYPE = "staffetta.sharing_basis.review_requested.v1"

    review_id: UUID
    sender_queue: Ref
    city: Code
    service: Code
    due_at: Time
