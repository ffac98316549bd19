"""The door: what becomes of a message that an agency said, given what the gateway remembers of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import (
    AskOneMore,
    CorrectOffer,
    KeepText,
    RecordIntake,
    ReferralCommand,
    RerouteAgency,
    text_id,
)
from contracts.contacts import NoteContact, NoteStatedContact
from contracts.erasure import ErasePerson, EraseStatedPerson
from contracts.identity import DecidePair, DecideStatedPair, UndoPair, UndoStatedPair, pair_id
from contracts.journeys import CompleteTask
from contracts.refusals import Refusal
from contracts.sharing import ConfirmBases, GiveBasis, WithdrawBases
from contracts.stated import (
    CompleteStatedTask,
    ConfirmStatedBases,
    CorrectedFields,
    CorrectStatedOffer,
    GiveStatedBasis,
    ReferralFields,
    RerouteStatedAgency,
    StatedCommand,
    StatedDraft,
    SubmitIntake,
    WithdrawStatedBases,
)
from contracts.values import Asked, Message

MESSAGES = uuid5(NAMESPACE_URL, "staffetta:messages")
INTAKES = uuid5(NAMESPACE_URL, "staffetta:intakes")
DRAFTS = uuid5(NAMESPACE_URL, "staffetta:drafts")

PRIVATE = frozenset({"send"})
"""Commands whose text says why a caseworker chose so, which is their own agency's alone."""

Stated = (
    SubmitIntake | StatedCommand | StatedDraft | CompleteStatedTask | RerouteStatedAgency | WithdrawStatedBases
    | GiveStatedBasis | ConfirmStatedBases | DecideStatedPair | UndoStatedPair | CorrectStatedOffer | NoteStatedContact
    | EraseStatedPerson
)  # fmt: skip
Answer = CommandAccepted | CommandRejected


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks: an agency's system, or a person of it. roles: what their token gives them of `codes.PERSON_ROLES`."""

    agency: str
    actor: str | None = None
    roles: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Systems and people in roles number their messages apart: they come by two topics, none waits for the other.

        No agency's code holds an @, so no id behind a name makes it another's.
        """
        return f"people@{self.agency}" if self.roles else self.agency


@dataclass(frozen=True, slots=True)
class Read:
    """A message that could be read. content: a digest of its type and value, by which a repeat is known."""

    message: Stated
    message_id: str
    content: str
    flags: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Intakes and commands are numbered apart: an agency may use one id for both."""
        return "intake" if isinstance(self.message, SubmitIntake) else "command"

    @property
    def command_id(self) -> str:
        """The name under which the agency knows the answer."""
        return self.message.idempotency_key if isinstance(self.message, SubmitIntake) else self.message.command_id


@dataclass(frozen=True, slots=True)
class Use:
    """An id that an agency has used: for which content, and the id of the message that was then forwarded."""

    content: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as the agency was told it. id: the event's own; key: its aggregate's."""

    id: UUID
    key: str
    correlation_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Known:
    """What the gateway remembers of an agency's message."""

    by_message: Use | None = None
    by_command: Use | None = None
    answered: Answered | None = None

    @property
    def first(self) -> str | None:
        """The id under which this was forwarded before."""
        use = self.by_command or self.by_message
        return use.message_id if use else None


@dataclass(frozen=True, slots=True)
class Forward:
    """What our services are asked, each under the id minted for it. journey_id: known here only for an intake."""

    messages: Mapping[UUID, Message]
    journey_id: UUID | None = None


def admit(read: Read, who: Voice, known: Known) -> Forward | Answered | None:
    """Forward it, say the stored answer again, or nothing yet (None): the first one's answer is still to come.

    Raises Refusal: the payload claims another agency; its id was used before for something else; no such aggregate.
    """
    claimed, pointer = _claim(read.message)
    if claimed != who.agency:
        raise Refusal("not_authorised", pointer)
    _check_ids(read, known)
    if known.first:
        return known.answered
    return _forward(read, who)


def _claim(message: Stated) -> tuple[str, str]:
    if isinstance(message, SubmitIntake):
        return message.tier0.sender_agency, "/tier0/sender_agency"
    return message.agency, "/agency"


def _check_ids(read: Read, known: Known) -> None:
    pointer = "/idempotency_key" if read.kind == "intake" else "/command_id"
    for use, where in ((known.by_command, pointer), (known.by_message, None)):
        if use and use.content != read.content:
            raise Refusal("idempotency_conflict", where)


def _forward(read: Read, who: Voice) -> Forward:
    message, id = read.message, minted(who.name, read.message_id)
    asked = Asked(
        agency=who.agency,
        command_id=read.command_id,
        message_id=read.message_id,
        actor=who.actor or message.actor,
        roles=who.roles,
    )
    match message:
        case SubmitIntake():
            intake_id = uuid5(INTAKES, f"{who.agency}/{message.idempotency_key}")
            record = RecordIntake(intake_id=intake_id, asked=asked, submitted=message, flags=read.flags)
            return Forward({id: record}, journey_id=intake_id)
        case StatedCommand():
            return Forward(_without_text(message, asked, id))
        case StatedDraft():
            draft_id = uuid5(DRAFTS, f"{who.agency}/{message.idempotency_key}")
            about = message.model_dump(include={"person_ref", "service", "priority"})
            return Forward({id: AskOneMore(referral_id=draft_id, asked=asked, **about)})
        case RerouteStatedAgency():
            return Forward({id: RerouteAgency(of=message.of, asked=asked)})
        case CompleteStatedTask():
            return Forward({id: CompleteTask(task_id=_uuid(message.task_id, "/task_id"), asked=asked)})
        case CorrectStatedOffer():
            held = {name: getattr(message, name) for name in CorrectedFields.model_fields}
            return Forward({id: CorrectOffer(asked=asked, offer=message.offer, **held)})
        case (
            WithdrawStatedBases() | GiveStatedBasis() | ConfirmStatedBases() | DecideStatedPair() | UndoStatedPair()
            | NoteStatedContact() | EraseStatedPerson()
        ):  # fmt: skip
            return Forward({id: _of_a_person(message, asked)})


OfSharing = WithdrawStatedBases | GiveStatedBasis | ConfirmStatedBases
OfAPerson = OfSharing | DecideStatedPair | UndoStatedPair | NoteStatedContact | EraseStatedPerson


def _of_a_person(stated: OfAPerson, asked: Asked) -> Message:
    """What intake, who keeps people, is asked beside an intake."""
    match stated:
        case DecideStatedPair(person_refs=two, decision=decision, text=text):
            return DecidePair(pair_id=pair_id(two), asked=asked, decision=decision, text=text)
        case UndoStatedPair(person_refs=two, text=text):
            return UndoPair(pair_id=pair_id(two), asked=asked, text=text)
        case NoteStatedContact(contact=contact, not_to_be_used=number, why=why):
            intake_id = _uuid(stated.intake_id, "/intake_id")
            return NoteContact(intake_id=intake_id, asked=asked, contact=contact, not_to_be_used=number, why=why)
        case EraseStatedPerson(person_ref=ref):
            return ErasePerson(asked=asked, person_ref=ref)
        case _:
            return _of_sharing(stated, asked)


def _of_sharing(stated: OfSharing, asked: Asked) -> Message:
    intake_id = _uuid(stated.intake_id, "/intake_id")
    match stated:
        case WithdrawStatedBases(basis_ids=refs, revoke_cause=cause):
            return WithdrawBases(intake_id=intake_id, asked=asked, basis_ids=tuple(refs), revoke_cause=cause)
        case GiveStatedBasis(basis=basis, reason=reason):
            return GiveBasis(intake_id=intake_id, asked=asked, basis=basis, reason=reason)
        case ConfirmStatedBases(basis_ids=refs):
            return ConfirmBases(intake_id=intake_id, asked=asked, basis_ids=tuple(refs))


def _without_text(stated: StatedCommand, asked: Asked, id: UUID) -> dict[UUID, Message]:
    """The command with the id of its text, and the text itself for intake, in this order."""
    if stated.text and stated.reason_text:
        raise Refusal("invalid_value", "/reason_text")  # one command has one text
    text, kept_as = stated.text or stated.reason_text, text_id(id)
    command = ReferralCommand(
        **{name: getattr(stated, name) for name in ReferralFields.model_fields},
        referral_id=_uuid(stated.referral_id, "/referral_id"),
        command=stated.command,
        asked=asked,
        expected_version=stated.expected_version,
        text_id=kept_as if text else None,
    )
    if not text:
        return {id: command}
    about = {"text_id": kept_as, "referral_id": str(command.referral_id), "agency": stated.agency}
    private = stated.command in PRIVATE
    return {id: command, kept_as: KeepText(**about, text=text, roles=asked.roles, private=private)}


def minted(name: str, message_id: str) -> UUID:
    """Our id of what a voice of this name said: nobody can choose one that is ours or another's."""
    return uuid5(MESSAGES, f"{name}/{message_id}")


def _uuid(stated: str, pointer: str) -> UUID:
    """Our aggregates have UUIDs in their one usual form; anything else names none of them."""
    try:
        found = UUID(stated)
    except ValueError:
        found = None
    if found is None or str(found) != stated.lower():
        raise Refusal("unknown_referral", pointer)
    return found
