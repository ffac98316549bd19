"""What intake does when it is asked to record a meeting, to change who may be told, or to keep a text."""

from collections.abc import Iterable

from contracts import topics
from contracts.answers import CommandAccepted
from contracts.commands import EndAccess, GrantAccess, KeepText, RecordIntake
from contracts.directory import Agency, Offer
from contracts.events import IntakeRecorded, ReferralEvent
from contracts.identity import DecidePair, SeekTwins, SuspectPair, UndoPair
from contracts.sharing import ExcludeRecipients, ExpireBases, GiveBasis, WithdrawBases
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.intake import store
from services.intake.domain import access, basis, intake, pairs, showing, twins
from services.intake.domain.known import check_recipient
from services.intake.domain.vocabulary import check_basis

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.COPIES, first=True)
async def on_directory(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency() | Offer():
            store.copy_entry(tx, entry)
        case _:
            pass


@handlers.on(topics.REFERRALS, copies=store.OF_REFERRALS, hurried=False)
async def on_referral(event: Message, tx: Transaction) -> None:
    if not isinstance(event, ReferralEvent):
        return
    store.copy_parties(tx, event)
    if command := access.asked_by(event):
        tx.emit(command)


@handlers.on(topics.INTAKE_COMMANDS, owns=store.AGGREGATES)
async def on_command(command: Message, tx: Transaction) -> None:
    match command:
        case RecordIntake():
            await record_intake(command, tx)
        case KeepText():
            store.save_text(tx, command)
        case WithdrawBases() | GiveBasis() | ExcludeRecipients() | ExpireBases():
            await change_sharing(command, tx)
        case GrantAccess() | EndAccess():
            await change_access(command, tx)
        case SeekTwins():
            await seek_twins(command, tx)
        case SuspectPair() | DecidePair() | UndoPair():
            await change_pair(command, tx)
        case _:
            pass


async def record_intake(command: RecordIntake, tx: Transaction) -> None:
    tx.correlate(command.intake_id)
    if known := await store.find_intake(tx, command.intake_id):
        return tx.answer(intake.again(known, command))
    directory = await store.get_directory(tx, command.submitted.tier0)
    key = tx.settings.pseudonym_key.get_secret_value().encode()
    recorded, person = intake.record(command, directory, tx.now, key)
    store.save_intake(tx, recorded)
    who = twins.traits(person, recorded.recorded)
    store.save_personal(tx, person, who)
    store.save_sharing(tx, basis.stated(recorded.recorded))
    tx.answer(recorded.answer)
    tx.emit(recorded.recorded)
    if excluded := basis.excluded_by(recorded.recorded):
        for earlier in await store.find_earlier(tx, recorded.recorded):
            tx.emit(ExcludeRecipients(intake_id=earlier, recipients=excluded))
    if twins.can_be_compared(who):
        tx.emit(SeekTwins(intake_id=command.intake_id))


async def change_sharing(command: WithdrawBases | GiveBasis | ExcludeRecipients | ExpireBases, tx: Transaction) -> None:
    known = await store.find_sharing(tx, command.intake_id)
    match command:
        case WithdrawBases():
            after, said = basis.withdraw(known, command, tx.now)
        case GiveBasis():
            check_basis(command.basis)
            check_recipient(command.basis, await store.get_recipient(tx, command.basis.recipient))
            after, said = basis.give(known, command, tx.now)
        case ExcludeRecipients():
            after, said = basis.exclude(known, command, tx.now)
        case ExpireBases():
            after, said = basis.expire(known, tx.now)
    if said:
        tx.correlate(command.intake_id)
        store.save_sharing(tx, after)
    _say(said, tx)


async def change_access(command: GrantAccess | EndAccess, tx: Transaction) -> None:
    if grant := access.change(await store.find_grant(tx, command.referral_id), command):
        store.save_grant(tx, grant)


async def seek_twins(command: SeekTwins, tx: Transaction) -> None:
    """After the intake is kept: of two recorded at the same instant, one at least finds the other."""
    found = await store.find_traits(tx, command.intake_id)
    if found is None:
        return
    met, who = found
    tx.correlate(command.intake_id)
    same = await store.find_one_person(tx, met.person_ref)
    others = [other for other in await store.find_alike(tx, who) if other.person_ref not in same]
    asked = 0
    for like in twins.suspects(who, others):
        if asked < twins.MOST_SUSPECTED and await _may_be_asked(met, same, like.person_ref, tx):
            tx.emit(pairs.asks_about(met, like))
            asked += 1


async def _may_be_asked(met: IntakeRecorded, same: frozenset[str], other: str, tx: Transaction) -> bool:
    mine = [met, *await store.find_meetings(tx, same)]
    theirs = await store.find_meetings(tx, await store.find_one_person(tx, other))
    theirs.sort(key=lambda meeting: meeting.person_ref != other)
    agencies = await store.find_agencies(tx, {mine[0].sender_agency, theirs[0].sender_agency})
    return showing.may_be_asked(mine, theirs, agencies, tx.now)


async def change_pair(command: SuspectPair | DecidePair | UndoPair, tx: Transaction) -> None:
    known = await store.find_pair(tx, command.pair_id)
    match command:
        case SuspectPair():
            after, said = pairs.suspect(known, command, tx.now)
        case DecidePair():
            after, said = pairs.decide(known, command, tx.now)
        case UndoPair():
            speaker = await store.find_agencies(tx, {command.asked.agency or ""})
            after, said = pairs.undo(known, command, next(iter(speaker), None), tx.now)
    if said:
        tx.correlate(after.intake_id)
        store.save_pair(tx, after)
    _say(said, tx)


def _say(said: Iterable[Message], tx: Transaction) -> None:
    for message in said:
        if isinstance(message, CommandAccepted):
            tx.answer(message)
        else:
            tx.emit(message)
