"""What an agency is shown, where that is less than what our own topics say (`sharing.json`, tiers)."""

from datetime import date, timedelta

from pydantic import Field

from contracts.beside import ReferralEscalated, TimerCleared, TimerFired, TimerStarted
from contracts.events import IntakeRecorded, ReferralClosed, ReferralSeatOffered, ReferralSent
from contracts.journeys import TaskOverdue
from contracts.values import AgencyCode, Message, Ref

FORGOTTEN = frozenset({"REVOKED", "ENTERED_IN_ERROR"})
"""States of a referral of which a receiver must forget the person at once."""
KEPT_AFTER = timedelta(days=30)
"""How long a receiver may still see what it once had to do with, after another end."""
WITHHELD_FROM_ALL = frozenset({"withhold", "coordination_withheld", "age_band_until"})
WITHHELD_FROM_RECEIVER = frozenset({"sender_ref", "priority_reason"})


class IntakeRecordedForSender(IntakeRecorded):
    """Without the agencies that the person excluded, and without until when their age band holds."""

    withhold: tuple[AgencyCode, ...] = Field(default=(), exclude=True)
    age_band_until: date | None = Field(default=None, exclude=True)


class ReferralSentToReceiver(ReferralSent):
    """Without what the sender calls the case and why it is urgent."""

    sender_ref: Ref | None = Field(default=None, exclude=True)
    priority_reason: str | None = Field(default=None, exclude=True)


class SeatOfferedToReceiver(ReferralSeatOffered):
    """Without what the sender calls the case and why it is urgent."""

    sender_ref: Ref | None = Field(default=None, exclude=True)
    priority_reason: str | None = Field(default=None, exclude=True)


COPIES: tuple[type[Message], ...] = (IntakeRecordedForSender, ReferralSentToReceiver, SeatOfferedToReceiver)

SAYS_WHO_IS_EXCLUDED = (TimerFired, ReferralEscalated, ReferralClosed, TaskOverdue)
"""Events with `coordination_withheld`, which no feed repeats."""

TOLD_TO_NOBODY: tuple[type[Message], ...] = (TimerStarted, TimerCleared)
"""Events of a referral that are on no feed: every other one says until when."""
