"""What the queues of agencies are told: what `notifications` asks of itself, and what it says became of each notice.

All that a queue is told is one aggregate, so that a burst can be told in one mail.
"""

from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import computed_field

from contracts import codes
from contracts.values import AgencyCode, Code, Message, Ref, Time, Value

MAILBOXES = uuid5(NAMESPACE_URL, "staffetta:mailboxes")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that could be read as a digit."""


def mailbox_id(queue: str) -> UUID:
    """The aggregate that holds what a queue is told, as a key that does not tell the service."""
    return uuid5(MAILBOXES, queue)


def public_code(referral_id: UUID, city: str | None) -> str:
    """What people call a referral in mails and on the telephone: `PA-7K3M9Q`, its last 30 bits after the province.

    city: the sender's; where it is not known, the code says only which country.
    """
    province = str(codes.codes("cities").get(city or "", {}).get("province", "IT"))
    return province + "-" + "".join(ALPHABET[referral_id.int >> shift & 31] for shift in range(25, -1, -5))


class Notice(Value):
    """One thing that a queue is told. about: what happened; service: its `bus_code`; code: see `public_code`.

    referral_id, code: None where a task is late that is about no referral. pages: a person is to be called at once.
    """

    notification_id: UUID
    about: Code
    referral_id: UUID | None = None
    journey_id: UUID
    code: Ref | None = None
    service: Code
    at: Time
    pages: bool = False


class OfQueue(Message):
    """A message about what one queue is told; an agency's own code stands for its supervisors."""

    queue: Ref

    @computed_field
    @property
    def mailbox_id(self) -> UUID:
        return mailbox_id(self.queue)


# -- asked of notifications --------------------------------------------------------------------------------------------


class TellQueue(OfQueue):
    """Keep this notice for the queue, and mail it."""

    TYPE = "staffetta.notification.tell.v1"

    agency: AgencyCode
    notice: Notice


class CloseDigest(OfQueue):
    """The notices of a burst, gathered since `first`, are to go out in one mail."""

    TYPE = "staffetta.notification.close_digest.v1"

    first: UUID


class DropNotices(OfQueue):
    """The queue is to be told no more of a referral that should never have been."""

    TYPE = "staffetta.notification.drop.v1"

    referral_id: UUID


class NoteAttempt(OfQueue):
    """What came of the `attempt`th try to hand a mail to the mail server.

    reason: no_address, refused (for good), put_off (by the server, for now) or unreachable. retry_at: of `deferred`.
    """

    TYPE = "staffetta.notification.note_attempt.v1"

    mail_id: UUID
    attempt: int
    outcome: Literal["sent", "deferred", "failed"]
    reason: Code | None = None
    retry_at: Time | None = None


# -- what it says ------------------------------------------------------------------------------------------------------


class NotificationEvent(OfQueue):
    """What became of one notice: who was to be told of which referral, if of one, by which mail, after how many
    attempts.
    """

    notification_id: UUID
    version: int
    at: Time
    agency: AgencyCode
    channel: Code
    about: Code
    referral_id: UUID | None = None
    journey_id: UUID
    mail_id: UUID
    attempts: int


class NotificationSent(NotificationEvent):
    """The mail server has taken the mail that tells it."""

    TYPE = "staffetta.notification.sent.v1"


class NotificationFailed(NotificationEvent):
    """It cannot be told by mail: the sender has to see to it. reason: as in `NoteAttempt`."""

    TYPE = "staffetta.notification.failed.v1"

    reason: Code


class PageRaised(OfQueue):
    """An emergency called a person at once, in a mail of its own."""

    TYPE = "staffetta.page.raised.v1"

    notification_id: UUID
    version: int
    at: Time
    agency: AgencyCode
    about: Code
    referral_id: UUID
    journey_id: UUID
