"""What one queue is told: mails on their way, notices of a burst gathered for one mail, and when to try again.

Each notice is in exactly one of them until its mail is taken by the mail server or given up.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from contracts.notifications import (
    CloseDigest,
    DropNotices,
    NoteAttempt,
    Notice,
    NotificationFailed,
    NotificationSent,
    OfQueue,
    PageRaised,
    TellQueue,
)
from contracts.values import Message

BURST = 5
"""So many mails of one notice each within WINDOW; what comes beyond is gathered for as long and sent as one mail."""
WINDOW = timedelta(seconds=60)
LONGEST_DIGEST = 100

RETRY_AFTER = tuple(timedelta(seconds=s) for s in (10, 60, 300, 900, 1800, 3600, 7200))
"""Waits between attempts; a mail that is not taken after the last, nearly four hours after the first, has failed."""

CHANNEL = "mail"
PURGES = frozenset({"to_delete", "erased", "in_error"})
"""What a desk is told of a referral that it must forget, or that should never have been: of that it is told nothing
else that it was to be told.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a mail was not taken; the reasons are those of `NoteAttempt`. final: asking again is of no use."""

    reason: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, never changed once it is made, so that it can be sent again under the same id."""

    mail_id: UUID
    notices: tuple[Notice, ...]
    due_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """alone: when mails of one notice were made last, up to BURST of them. gathered: the notices of a burst."""

    queue: str
    agency: str = ""
    version: int = 0
    mails: tuple[Mail, ...] = ()
    alone: tuple[datetime, ...] = ()
    gathered: tuple[Notice, ...] = ()
    gathered_until: datetime | None = None

    @property
    def next_at(self) -> datetime | None:
        """When something has to be done next."""
        return min((at for at in (*(mail.due_at for mail in self.mails), self.gathered_until) if at), default=None)

    def due(self, now: datetime) -> list[Mail]:
        return [mail for mail in self.mails if mail.due_at <= now]

    def digest_due(self, now: datetime) -> CloseDigest | None:
        if self.gathered_until is None or self.gathered_until > now:
            return None
        return CloseDigest(queue=self.queue, first=self.gathered[0].notification_id)


Outcome = tuple[Mailbox, list[Message]]


def change(mailbox: Mailbox, command: OfQueue, now: datetime) -> Outcome:
    """The mailbox after a command, with what is said of it; the version counts what was said."""
    after, said = CHANGES[type(command)](replace(mailbox, version=mailbox.version + 1), command, now)
    return (after, said) if said else (replace(after, version=mailbox.version), [])


def tell(mailbox: Mailbox, command: TellQueue, now: datetime) -> Outcome:
    """A mail of its own, or one more of a burst; a page waits for no burst."""
    if gone := ended_by(command):
        mailbox = _purged(mailbox, gone)
    alone = tuple(at for at in mailbox.alone if at > now - WINDOW)
    mailbox = replace(mailbox, agency=command.agency, alone=alone)
    if command.notice.pages:
        return _post(mailbox, (command.notice,), now), [_page(mailbox, command.notice, now)]
    if not mailbox.gathered and len(alone) < BURST:
        return _post(replace(mailbox, alone=(*alone, now)), (command.notice,), now), []
    until = mailbox.gathered_until or now + WINDOW
    after = replace(mailbox, gathered=(*mailbox.gathered, command.notice), gathered_until=until)
    return (_post_digest(after, now) if len(after.gathered) == LONGEST_DIGEST else after), []


def drop(mailbox: Mailbox, command: DropNotices, now: datetime) -> Outcome:
    return _purged(mailbox, command.referral_id), []


def ended_by(command: OfQueue) -> UUID | None:
    """The referral of which the queue is told nothing else any more."""
    match command:
        case DropNotices(referral_id=gone):
            return gone
        case TellQueue(notice=notice) if notice.about in PURGES:
            return notice.referral_id
        case _:
            return None


def waiting(mailbox: Mailbox, referral_id: UUID) -> list[UUID]:
    """What is still to be told of a referral, in a mail or in a burst."""
    notices = [*mailbox.gathered, *(notice for mail in mailbox.mails for notice in mail.notices)]
    return [notice.notification_id for notice in notices if notice.referral_id == referral_id]


def _purged(mailbox: Mailbox, referral_id: UUID) -> Mailbox:
    """Without what would be told of this referral; a mail that tells of others beside it stays as it was made."""
    mails = tuple(mail for mail in mailbox.mails if {of.referral_id for of in mail.notices} != {referral_id})
    gathered = tuple(notice for notice in mailbox.gathered if notice.referral_id != referral_id)
    until = mailbox.gathered_until if gathered else None
    return replace(mailbox, mails=mails, gathered=gathered, gathered_until=until)


def close_digest(mailbox: Mailbox, command: CloseDigest, now: datetime) -> Outcome:
    """Nothing is done if these notices went out meanwhile."""
    if not mailbox.gathered or mailbox.gathered[0].notification_id != command.first:
        return mailbox, []
    return _post_digest(mailbox, now), []


def note_attempt(mailbox: Mailbox, command: NoteAttempt, now: datetime) -> Outcome:
    """Two workers may have tried at once: what was taken is taken, whatever the other one met."""
    mail = next((mail for mail in mailbox.mails if mail.mail_id == command.mail_id), None)
    if mail is None:
        return mailbox, []
    if command.outcome == "deferred":
        if command.attempt != mail.attempts + 1:
            return mailbox, []
        later = replace(mail, attempts=command.attempt, due_at=command.retry_at or now)
        return replace(mailbox, mails=tuple(later if m is mail else m for m in mailbox.mails)), []
    after = replace(mailbox, mails=tuple(m for m in mailbox.mails if m is not mail))
    return after, [_fate(after, notice, command, now) for notice in mail.notices]


CHANGES: dict[type[Message], Callable[[Mailbox, Any, datetime], Outcome]] = {
    TellQueue: tell,
    DropNotices: drop,
    CloseDigest: close_digest,
    NoteAttempt: note_attempt,
}


def judge(mailbox: Mailbox, mail: Mail, fault: Fault | None, now: datetime, pace: float = 1) -> NoteAttempt:
    """What an attempt came to. pace: what the waits are multiplied by."""
    known: dict[str, Any] = {"queue": mailbox.queue, "mail_id": mail.mail_id, "attempt": mail.attempts + 1}
    if fault is None:
        return NoteAttempt(**known, outcome="sent")
    if fault.final or mail.attempts >= len(RETRY_AFTER):
        return NoteAttempt(**known, outcome="failed", reason=fault.reason)
    retry_at = now + RETRY_AFTER[mail.attempts] * pace
    return NoteAttempt(**known, outcome="deferred", reason=fault.reason, retry_at=retry_at)


def _post(mailbox: Mailbox, notices: tuple[Notice, ...], now: datetime) -> Mailbox:
    """The mail's id follows from the first notice that it tells."""
    mail = Mail(uuid5(notices[0].notification_id, CHANNEL), notices, due_at=now)
    return replace(mailbox, mails=(*mailbox.mails, mail))


def _post_digest(mailbox: Mailbox, now: datetime) -> Mailbox:
    return replace(_post(mailbox, mailbox.gathered, now), gathered=(), gathered_until=None)


def _page(mailbox: Mailbox, notice: Notice, now: datetime) -> PageRaised:
    about = notice.model_dump(include={"notification_id", "about", "referral_id", "journey_id"})
    return PageRaised(queue=mailbox.queue, agency=mailbox.agency, version=mailbox.version, at=now, **about)


def _fate(mailbox: Mailbox, notice: Notice, command: NoteAttempt, now: datetime) -> Message:
    known: dict[str, Any] = {
        "queue": mailbox.queue,
        "agency": mailbox.agency,
        "notification_id": notice.notification_id,
        "version": mailbox.version,
        "at": now,
        "channel": CHANNEL,
        "about": notice.about,
        "referral_id": notice.referral_id,
        "journey_id": notice.journey_id,
        "mail_id": command.mail_id,
        "attempts": command.attempt,
    }
    if command.outcome == "sent":
        return NotificationSent(**known)
    return NotificationFailed(**known, reason=command.reason or "unreachable")
