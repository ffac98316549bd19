"""The one table of messages: type on the wire, model, topic, and what its key is."""

from dataclasses import dataclass

from contracts import commands, directory, events, notifications, places, topics
from contracts.topics import Topic
from contracts.values import Message


@dataclass(frozen=True, slots=True)
class Row:
    """key: the field whose value is the message's key and CloudEvents subject; `prefix` goes before it.

    also: for what several services ask of themselves, the same on the commands topics of the others.
    """

    model: type[Message]
    topic: Topic
    key: str
    prefix: str = ""
    also: tuple[Topic, ...] = ()

    @property
    def type(self) -> str:
        return self.model.TYPE

    def topic_by(self, service: str) -> Topic:
        """Where this service says it."""
        return next((topic for topic in self.also if topic.owner == service), self.topic)

    def key_of(self, message: Message) -> str:
        value: object = message
        for part in self.key.split("."):
            value = getattr(value, part)
        return f"{self.prefix}{value}"


COUNTING = (topics.PROGRAMMES_COMMANDS,)

INSIDE = (
    Row(commands.RecordIntake, topics.INTAKE_COMMANDS, "intake_id"),
    Row(commands.KeepText, topics.INTAKE_COMMANDS, "text_id"),
    Row(commands.WithdrawBases, topics.INTAKE_COMMANDS, "intake_id"),
    Row(commands.GiveBasis, topics.INTAKE_COMMANDS, "intake_id"),
    Row(commands.ExcludeRecipients, topics.INTAKE_COMMANDS, "intake_id"),
    Row(commands.ExpireBases, topics.INTAKE_COMMANDS, "intake_id"),
    Row(commands.GrantAccess, topics.INTAKE_COMMANDS, "referral_id"),
    Row(commands.EndAccess, topics.INTAKE_COMMANDS, "referral_id"),
    Row(commands.OpenReferral, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.DraftReferral, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.WriteDraft, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.ReferralCommand, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.ChaseReceipt, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.KeepSharing, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(commands.BeginJourney, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(commands.AddNeed, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(commands.EndNeed, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(commands.OpenTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(commands.CompleteTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(commands.FireTimer, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.ChaseTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(commands.RerouteAgency, topics.REFERRAL_COMMANDS, "agency_id"),
    Row(commands.NotePlace, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(places.PutPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.HoldPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.ConfirmPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.HoldAgain, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.TakeAgain, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.WaitForPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.StillWait, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.LimitHold, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.LapseHold, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.ReleasePlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(notifications.TellQueue, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(notifications.CloseDigest, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(notifications.NoteAttempt, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(commands.PutAgency, topics.DIRECTORY_COMMANDS, "agency.code", "agency/"),
    Row(commands.PutOffer, topics.DIRECTORY_COMMANDS, "offer.code", "offer/"),
    Row(events.IntakeRecorded, topics.INTAKES, "intake_id"),
    Row(events.ConsentWithdrawn, topics.INTAKES, "intake_id"),
    Row(events.SharingBasisExpired, topics.INTAKES, "intake_id"),
    Row(events.SharingBasisGiven, topics.INTAKES, "intake_id"),
    Row(events.RoutingDecided, topics.REFERRALS, "referral_id"),
    Row(events.ReferralCreated, topics.REFERRALS, "referral_id"),
    Row(events.ReferralSent, topics.REFERRALS, "referral_id"),
    Row(events.ReferralSeatHeld, topics.REFERRALS, "referral_id"),
    Row(events.ReferralAcknowledged, topics.REFERRALS, "referral_id"),
    Row(events.ReferralAccepted, topics.REFERRALS, "referral_id"),
    Row(events.ReferralWaitlisted, topics.REFERRALS, "referral_id"),
    Row(events.ReferralSeatOffered, topics.REFERRALS, "referral_id"),
    Row(events.ReferralSeatLapsed, topics.REFERRALS, "referral_id"),
    Row(events.ReferralInterestConfirmed, topics.REFERRALS, "referral_id"),
    Row(events.ReferralDeclined, topics.REFERRALS, "referral_id"),
    Row(events.ReferralRerouted, topics.REFERRALS, "referral_id"),
    Row(events.ReferralStarted, topics.REFERRALS, "referral_id"),
    Row(events.ReferralClosed, topics.REFERRALS, "referral_id"),
    Row(events.ReferralWithdrawn, topics.REFERRALS, "referral_id"),
    Row(events.ReferralExpired, topics.REFERRALS, "referral_id"),
    Row(events.ReferralUnaccepted, topics.REFERRALS, "referral_id"),
    Row(events.ReferralUpdated, topics.REFERRALS, "referral_id"),
    Row(events.ReferralHeld, topics.REFERRALS, "referral_id"),
    Row(events.ReferralHoldRenewed, topics.REFERRALS, "referral_id"),
    Row(events.ReferralResumed, topics.REFERRALS, "referral_id"),
    Row(events.ReferralReopened, topics.REFERRALS, "referral_id"),
    Row(events.ReferralRevoked, topics.REFERRALS, "referral_id"),
    Row(events.ReferralEnteredInError, topics.REFERRALS, "referral_id"),
    Row(events.ReferralFlaggedInError, topics.REFERRALS, "referral_id"),
    Row(events.ReferralWorkerAssigned, topics.REFERRALS, "referral_id"),
    Row(events.ReferralNoteAdded, topics.REFERRALS, "referral_id"),
    Row(events.ReferralPriorityChanged, topics.REFERRALS, "referral_id"),
    Row(events.ReferralContactAttempted, topics.REFERRALS, "referral_id"),
    Row(events.AppointmentScheduled, topics.REFERRALS, "referral_id"),
    Row(events.AppointmentAttended, topics.REFERRALS, "referral_id"),
    Row(events.AppointmentNoShow, topics.REFERRALS, "referral_id"),
    Row(events.AppointmentCancelled, topics.REFERRALS, "referral_id"),
    Row(events.ReceiptRequested, topics.REFERRALS, "referral_id"),
    Row(events.ReceiptConfirmed, topics.REFERRALS, "referral_id"),
    Row(events.ReceiptOverdue, topics.REFERRALS, "referral_id"),
    Row(events.TimerStarted, topics.REFERRALS, "referral_id"),
    Row(events.TimerCleared, topics.REFERRALS, "referral_id"),
    Row(events.TimerFired, topics.REFERRALS, "referral_id"),
    Row(events.ReferralEscalated, topics.REFERRALS, "referral_id"),
    Row(events.RoutingNoCandidate, topics.REFERRALS, "journey_id"),
    Row(events.UnmetNeedRecorded, topics.REFERRALS, "journey_id"),
    Row(events.TaskOpened, topics.REFERRALS, "task_id"),
    Row(events.TaskDone, topics.REFERRALS, "task_id"),
    Row(events.TaskOverdue, topics.REFERRALS, "task_id"),
    Row(places.CapacityHeld, topics.CAPACITY, "places_id"),
    Row(places.CapacityConfirmed, topics.CAPACITY, "places_id"),
    Row(places.CapacityReleased, topics.CAPACITY, "places_id"),
    Row(places.CapacityRefused, topics.CAPACITY, "places_id"),
    Row(places.CapacityWaitlisted, topics.CAPACITY, "places_id"),
    Row(places.CapacityExhausted, topics.CAPACITY, "places_id"),
    Row(notifications.NotificationSent, topics.NOTIFICATIONS, "mailbox_id"),
    Row(notifications.NotificationFailed, topics.NOTIFICATIONS, "mailbox_id"),
    Row(notifications.PageRaised, topics.NOTIFICATIONS, "mailbox_id"),
    Row(directory.Agency, topics.DIRECTORY, "code", "agency/"),
    Row(directory.Offer, topics.DIRECTORY, "code", "offer/"),
)

ANSWERS = (events.CommandAccepted, events.CommandRejected)
"""Answers travel on the topic of the aggregate they are about, with its key; see `contracts.topics.said_by`."""

BY_TYPE: dict[str, type[Message]] = {row.type: row.model for row in INSIDE} | {a.TYPE: a for a in ANSWERS}
BY_MODEL: dict[type[Message], Row] = {row.model: row for row in INSIDE}

OUTSIDE: dict[str, type[Message]] = {
    commands.SubmitIntake.TYPE: commands.SubmitIntake,
    commands.StatedDraft.TYPE: commands.StatedDraft,
    commands.CompleteStatedTask.TYPE: commands.CompleteStatedTask,
    commands.RerouteStatedAgency.TYPE: commands.RerouteStatedAgency,
    commands.WithdrawStatedBases.TYPE: commands.WithdrawStatedBases,
    commands.GiveStatedBasis.TYPE: commands.GiveStatedBasis,
}
"""What is taken at the door beside `staffetta.referral.<command>.v1` (`commands.StatedCommand`)."""
