"""What intake does when it is asked to record a meeting, to change who may be told, to keep a text, or to erase."""

from dataclasses import replace
from uuid import UUID, uuid5

from contracts import topics
from contracts.answers import CommandRejected
from contracts.commands import (
    AskOneMore,
    DropText,
    EndAccess,
    GrantAccess,
    KeepText,
    RecordIntake,
    WriteDraft,
    text_id,
)
from contracts.contacts import NoteContact
from contracts.directory import Agency, Offer
from contracts.erasure import PERSON_ERASED, DropReasons, EraseMeeting, ErasePerson
from contracts.events import IntakeRecorded, ReferralEvent
from contracts.identity import DecidePair, SeekTwins, SuspectPair, UndoPair
from contracts.refusals import Refusal
from contracts.sharing import ConfirmBases, ExcludeRecipients, ExpireBases, GiveBasis, WithdrawBases
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.intake import store
from services.intake.domain import access, basis, contacts, erasing, exclusions, intake, pairs, twins
from services.intake.domain.basis import Sharing
from services.intake.domain.known import check_recipient
from services.intake.domain.release import judge
from services.intake.domain.vocabulary import check_basis
from services.intake.seeking import change_pair, seek_twins

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.COPIES)
async def on_directory(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency() | Offer():
            store.copy_entry(tx, entry)
        case _:
            pass


@handlers.on(topics.REFERRALS, copies=store.OF_REFERRALS, hurried=False)
async def on_referral(event: Message, tx: Transaction) -> None:
    match event:
        case ReferralEvent():
            store.copy_parties(tx, event)
            if command := access.asked_by(event):
                tx.emit(command)
        case CommandRejected(code=code) if code != "parked":  # which may be taken yet, when it is replayed
            tx.emit(DropText(text_id=text_id(UUID(tx.cause.headers["ce_causationid"]))))
        case _:
            pass


@handlers.on(topics.INTAKE_COMMANDS, owns=store.AGGREGATES, ahead=store.ahead)
async def on_command(command: Message, tx: Transaction) -> None:
    match command:
        case RecordIntake() | AskOneMore():
            await meet(command, tx)
        case KeepText() | DropText() | NoteContact():
            await keep(command, tx)
        case WithdrawBases() | GiveBasis() | ConfirmBases() | ExcludeRecipients() | ExpireBases():
            await change_sharing(command, tx)
        case GrantAccess() | EndAccess():
            await change_access(command, tx)
        case SeekTwins():
            await seek_twins(command, tx)
        case SuspectPair() | DecidePair() | UndoPair():
            await change_pair(command, tx)
        case ErasePerson() | EraseMeeting() | DropReasons():
            await erase(command, tx)
        case _:
            pass


async def meet(command: RecordIntake | AskOneMore, tx: Transaction) -> None:
    match command:
        case RecordIntake():
            await record_intake(command, tx)
        case AskOneMore():
            await ask_one_more(command, tx)


async def record_intake(command: RecordIntake, tx: Transaction) -> None:
    tx.correlate(command.intake_id)
    if before := await store.find_intake(tx, command.intake_id):
        return tx.answer(intake.again(before, command))
    directory = await store.get_directory(tx, command.submitted.tier0)
    key = tx.settings.pseudonym_key.get_secret_value().encode()
    recorded, person = intake.record(command, directory, tx.now, key)
    known = await store.find_meetings(tx, {person.pseudonym})
    recorded = replace(recorded, recorded=exclusions.told_late(recorded.recorded, known, tx.now))
    store.save_intake(tx, recorded)
    who = twins.traits(person, recorded.recorded)
    store.save_personal(tx, person, who)
    sharing = basis.recorded(recorded.recorded, command.asked.actor, tx.now)
    store.save_sharing(tx, sharing)
    tx.answer(recorded.answer)
    tx.emit(recorded.recorded, *basis.review_requested(sharing, recorded.recorded, tx.now))
    tx.emit(SeekTwins(intake_id=command.intake_id))


async def ask_one_more(command: AskOneMore, tx: Transaction) -> None:
    """Who is told of an intake may ask for one more service at once: whoever has not read of it yet is told with it."""
    known = await store.find_intakes(tx, {command.person_ref})
    erased = [one.recorded.intake_id for one in known if one.erased]
    last = intake.last_met(command, await store.find_meetings(tx, {command.person_ref}), erased)
    tx.correlate(last.intake_id)
    now = intake.as_old_as_now(last, await store.find_personal(tx, last.intake_id), tx.now)
    tx.emit(WriteDraft(**dict(command), intake=now))


OfSharing = WithdrawBases | GiveBasis | ConfirmBases | ExcludeRecipients | ExpireBases


async def change_sharing(command: OfSharing, tx: Transaction) -> None:
    known = await store.find_sharing(tx, command.intake_id)
    match command:
        case WithdrawBases():
            after, said = basis.withdraw(known, command, tx.now)
        case GiveBasis():
            after, said = await _give(known, command, tx)
        case ConfirmBases():
            after, said = basis.confirm(known, command, tx.now)
        case ExcludeRecipients():
            after, said = basis.exclude(known, command, tx.now)
        case ExpireBases():
            after, said = basis.expire(known, tx.now)
    if said:
        tx.correlate(command.intake_id)
        store.save_sharing(tx, after)
    tx.say(said)


async def _give(known: Sharing | None, command: GiveBasis, tx: Transaction) -> basis.Outcome:
    check_basis(command.basis)
    check_recipient(command.basis, await store.get_recipient(tx, command.basis.recipient))
    after, said = basis.give(known, command, tx.now)
    if met := await store.find_intake(tx, command.intake_id):
        said += basis.review_requested(after, met.recorded, tx.now)
    if command.basis.refused:
        await _exclude_elsewhere(command, tx)
    return after, said


async def _exclude_elsewhere(command: GiveBasis, tx: Transaction) -> None:
    """What the person refuses now holds for all that was ever told of them."""
    met, refused = await store.find_intake(tx, command.intake_id), command.basis.recipient
    same = await store.find_one_person(tx, met.recorded.person_ref) if met else ()
    for other in await store.find_meetings(tx, same):
        new = other.intake_id != command.intake_id and refused not in exclusions.excluded_by(other)
        if met and new and exclusions.holds_for(refused, other, met.recorded):
            tx.emit(ExcludeRecipients(intake_id=other.intake_id, recipients=(refused,)))


async def change_access(command: GrantAccess | EndAccess, tx: Transaction) -> None:
    if grant := access.change(await store.find_grant(tx, command.referral_id), command):
        store.save_grant(tx, grant)


async def keep(command: KeepText | DropText | NoteContact, tx: Transaction) -> None:
    """What is said of a person after the meeting."""
    match command:
        case KeepText() | DropText():
            await store.note_text(tx, command)
        case NoteContact():
            await note_contact(command, tx)


async def note_contact(command: NoteContact, tx: Transaction) -> None:
    """By who had the meeting, or may ask who the person is now; to others it looks like one that is not there."""
    met, person = await store.find_intake(tx, command.intake_id), await store.find_personal(tx, command.intake_id)
    if met and met.erased and command.asked.agency == met.recorded.sender_agency:
        raise Refusal(PERSON_ERASED, "/intake_id")
    if met is None or person is None or not await _may_note(command, met.recorded, tx):
        raise Refusal("unknown_referral", "/intake_id")
    after, said = contacts.note(person, command, tx.now)
    tx.correlate(command.intake_id)
    store.save_personal(tx, after, twins.traits(after, met.recorded))
    sharing = await store.find_sharing(tx, command.intake_id) or basis.stated(met.recorded)
    tx.answer(basis.answer(sharing, command.asked))
    tx.emit(said)
    for referral_id in await _who_has_them(met.recorded, tx):
        told = contacts.told_to(referral_id, said)
        tx.emit(told, id=uuid5(tx.cause.id, f"{told.TYPE}/{referral_id}"))  # in whichever order they are found


async def _may_note(command: NoteContact, met: IntakeRecorded, tx: Transaction) -> bool:
    agency = command.asked.agency or ""
    return agency == met.sender_agency or agency in (await _who_has_them(met, tx)).values()


async def _who_has_them(met: IntakeRecorded, tx: Transaction) -> dict[UUID, str]:
    """By which referral of this meeting, and who: each may ask how the person is reached."""
    grants = await store.find_grants(tx, met.intake_id)
    known = await store.find_meetings(tx, await store.find_one_person(tx, met.person_ref)) if grants else []
    agencies = {one.code: one for one in await store.find_agencies(tx, {grant.agency for grant in grants})}
    return {
        grant.referral_id: grant.agency
        for grant in grants
        if "tier1" in judge(known, [grant], agencies.get(grant.agency), tx.now).tiers
    }


async def erase(command: ErasePerson | EraseMeeting | DropReasons, tx: Transaction) -> None:
    match command:
        case ErasePerson():
            same = await store.find_one_person(tx, command.person_ref)
            left = erasing.own_of(command, await store.find_intakes(tx, same))
            standing = await store.find_standing(tx, [met.recorded.intake_id for met in left])
            tx.say(erasing.begin(command, left, standing, tx.now))
        case EraseMeeting():
            await _erase_meeting(command, tx)
        case DropReasons():
            if pair := await store.find_pair(tx, command.pair_id):
                store.save_pair(tx, pairs.without_reasons(pair))


async def _erase_meeting(command: EraseMeeting, tx: Transaction) -> None:
    """With what was written about it; and other meetings that were recorded while the person was being erased."""
    met, sharing = await store.find_intake(tx, command.intake_id), await store.find_sharing(tx, command.intake_id)
    if met is None or sharing is None or met.erased:
        return
    tx.correlate(command.intake_id)
    erased, after, said = erasing.erase(met, sharing, command)
    store.save_intake(tx, erased)
    store.delete_personal(tx, command.intake_id)
    store.save_sharing(tx, after)
    tx.emit(said)
    tx.emit(*[DropText(text_id=id, erased=True) for id in await store.find_texts(tx, command.intake_id)])
    tx.emit(*[DropReasons(pair_id=id) for id in await store.find_pairs_of(tx, said.person_ref)])
    tx.emit(*erasing.left_behind(erased, await store.find_intakes(tx, {said.person_ref})))
