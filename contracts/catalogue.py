"""The one table of messages: type on the wire, model, topic, and what its key is."""

from dataclasses import dataclass

from contracts import (
    answers,
    beside,
    commands,
    contacts,
    directory,
    erasure,
    events,
    identity,
    journeys,
    notifications,
    places,
    sharing,
    stated,
    topics,
)
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
    Row(commands.AskOneMore, topics.INTAKE_COMMANDS, "referral_id"),
    Row(commands.KeepText, topics.INTAKE_COMMANDS, "text_id"),
    Row(commands.DropText, topics.INTAKE_COMMANDS, "text_id"),
    Row(sharing.WithdrawBases, topics.INTAKE_COMMANDS, "intake_id"),
    Row(sharing.GiveBasis, topics.INTAKE_COMMANDS, "intake_id"),
    Row(sharing.ConfirmBases, topics.INTAKE_COMMANDS, "intake_id"),
    Row(sharing.ExcludeRecipients, topics.INTAKE_COMMANDS, "intake_id"),
    Row(sharing.ExpireBases, topics.INTAKE_COMMANDS, "intake_id"),
    Row(identity.SeekTwins, topics.INTAKE_COMMANDS, "intake_id"),
    Row(identity.SuspectPair, topics.INTAKE_COMMANDS, "pair_id"),
    Row(identity.DecidePair, topics.INTAKE_COMMANDS, "pair_id"),
    Row(identity.UndoPair, topics.INTAKE_COMMANDS, "pair_id"),
    Row(contacts.NoteContact, topics.INTAKE_COMMANDS, "intake_id"),
    Row(erasure.ErasePerson, topics.INTAKE_COMMANDS, "person_id"),
    Row(erasure.EraseMeeting, topics.INTAKE_COMMANDS, "intake_id"),
    Row(erasure.DropReasons, topics.INTAKE_COMMANDS, "pair_id"),
    Row(commands.GrantAccess, topics.INTAKE_COMMANDS, "referral_id"),
    Row(commands.EndAccess, topics.INTAKE_COMMANDS, "referral_id"),
    Row(commands.OpenReferral, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.DraftReferral, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.WriteDraft, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.ReferralCommand, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(commands.ChaseReceipt, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(erasure.ForgetPerson, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(contacts.TellOfContact, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(sharing.KeepSharing, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(journeys.BeginJourney, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(journeys.AddNeed, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(journeys.EndNeed, topics.REFERRAL_COMMANDS, "journey_id"),
    Row(journeys.OpenTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(journeys.CompleteTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(journeys.SettleTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(commands.FireTimer, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(journeys.ChaseTask, topics.REFERRAL_COMMANDS, "task_id"),
    Row(commands.RerouteAgency, topics.REFERRAL_COMMANDS, "agency_id"),
    Row(commands.NotePlace, topics.REFERRAL_COMMANDS, "referral_id"),
    Row(places.PutPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.ClosePlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.HoldPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.ConfirmPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.HoldAgain, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.TakeAgain, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.WaitForPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.StillWait, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.LimitHold, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.RankPlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.LapseHold, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(places.ReleasePlaces, topics.HOUSING_COMMANDS, "places_id", also=COUNTING),
    Row(notifications.TellQueue, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(notifications.DropNotices, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(notifications.CloseDigest, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(notifications.NoteAttempt, topics.NOTIFICATIONS_COMMANDS, "mailbox_id"),
    Row(commands.PutAgency, topics.DIRECTORY_COMMANDS, "agency.code", "agency/"),
    Row(commands.PutOffer, topics.DIRECTORY_COMMANDS, "offer.code", "offer/"),
    Row(commands.CorrectOffer, topics.DIRECTORY_COMMANDS, "offer", "offer/"),
    Row(events.IntakeRecorded, topics.INTAKES, "intake_id"),
    Row(sharing.ConsentWithdrawn, topics.INTAKES, "intake_id"),
    Row(sharing.SharingBasisExpired, topics.INTAKES, "intake_id"),
    Row(sharing.SharingBasisGiven, topics.INTAKES, "intake_id"),
    Row(sharing.SharingBasisConfirmed, topics.INTAKES, "intake_id"),
    Row(sharing.ReviewRequested, topics.INTAKES, "intake_id"),
    Row(contacts.ContactNoted, topics.INTAKES, "intake_id"),
    Row(erasure.PersonErased, topics.INTAKES, "intake_id"),
    Row(identity.DuplicateSuspected, topics.INTAKES, "intake_id"),
    Row(identity.DuplicateDecided, topics.INTAKES, "intake_id"),
    Row(identity.IdentityLinked, topics.INTAKES, "pair_id"),
    Row(identity.IdentityUnlinked, topics.INTAKES, "pair_id"),
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
    Row(erasure.ReferralPersonErased, topics.REFERRALS, "referral_id"),
    Row(contacts.ReferralContactNoted, topics.REFERRALS, "referral_id"),
    Row(beside.ReferralWorkerAssigned, topics.REFERRALS, "referral_id"),
    Row(beside.ReferralNoteAdded, topics.REFERRALS, "referral_id"),
    Row(beside.ReferralPriorityChanged, topics.REFERRALS, "referral_id"),
    Row(beside.ReferralContactAttempted, topics.REFERRALS, "referral_id"),
    Row(beside.AppointmentScheduled, topics.REFERRALS, "referral_id"),
    Row(beside.AppointmentAttended, topics.REFERRALS, "referral_id"),
    Row(beside.AppointmentNoShow, topics.REFERRALS, "referral_id"),
    Row(beside.AppointmentCancelled, topics.REFERRALS, "referral_id"),
    Row(beside.ReceiptRequested, topics.REFERRALS, "referral_id"),
    Row(beside.ReceiptConfirmed, topics.REFERRALS, "referral_id"),
    Row(beside.ReceiptOverdue, topics.REFERRALS, "referral_id"),
    Row(beside.TimerStarted, topics.REFERRALS, "referral_id"),
    Row(beside.TimerCleared, topics.REFERRALS, "referral_id"),
    Row(beside.TimerFired, topics.REFERRALS, "referral_id"),
    Row(beside.ReferralEscalated, topics.REFERRALS, "referral_id"),
    Row(journeys.RoutingNoCandidate, topics.REFERRALS, "journey_id"),
    Row(journeys.UnmetNeedRecorded, topics.REFERRALS, "journey_id"),
    Row(journeys.UnmetNeedTakenBack, topics.REFERRALS, "journey_id"),
    Row(journeys.TaskOpened, topics.REFERRALS, "task_id"),
    Row(journeys.TaskDone, topics.REFERRALS, "task_id"),
    Row(journeys.TaskReminded, topics.REFERRALS, "task_id"),
    Row(journeys.TaskOverdue, topics.REFERRALS, "task_id"),
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

ANSWERS = (answers.CommandAccepted, answers.CommandRejected)
"""Answers travel on the topic of the aggregate they are about, with its key; see `contracts.topics.said_by`."""

FORMER: dict[str, type[Message]] = {"staffetta.referral.open.v1": commands.OpenReferral}
"""Names under which messages were written before, and are still read; the door's own are in `OUTSIDE`."""

BY_TYPE: dict[str, type[Message]] = FORMER | {row.type: row.model for row in INSIDE} | {a.TYPE: a for a in ANSWERS}
BY_MODEL: dict[type[Message], Row] = {row.model: row for row in INSIDE}

OUTSIDE: dict[str, type[Message]] = {
    stated.SubmitIntake.TYPE: stated.SubmitIntake,
    stated.StatedDraft.TYPE: stated.StatedDraft,
    stated.CompleteStatedTask.TYPE: stated.CompleteStatedTask,
    stated.RerouteStatedAgency.TYPE: stated.RerouteStatedAgency,
    stated.WithdrawStatedBases.TYPE: stated.WithdrawStatedBases,
    stated.GiveStatedBasis.TYPE: stated.GiveStatedBasis,
    stated.ConfirmStatedBases.TYPE: stated.ConfirmStatedBases,
    identity.DecideStatedPair.TYPE: identity.DecideStatedPair,
    identity.UndoStatedPair.TYPE: identity.UndoStatedPair,
    stated.CorrectStatedOffer.TYPE: stated.CorrectStatedOffer,
    contacts.NoteStatedContact.TYPE: contacts.NoteStatedContact,
    erasure.EraseStatedPerson.TYPE: erasure.EraseStatedPerson,
}
"""What is taken at the door beside `staffetta.referral.<command>.v1` (`stated.StatedCommand`)."""
