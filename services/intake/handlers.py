"""What intake does when it is asked to record a meeting, to change who may be told, or to keep a text."""

from contracts import topics
from contracts.answers import CommandAccepted
from contracts.commands import EndAccess, GrantAccess, KeepText, RecordIntake
from contracts.directory import Agency, Offer
from contracts.events import ReferralEvent
from contracts.sharing import ExcludeRecipients, ExpireBases, GiveBasis, WithdrawBases
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.intake import store
from services.intake.domain import access, basis, intake
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


@handlers.on(topics.REFERRALS, copies=store.OF_REFERRALS)
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
    store.save_personal(tx, person)
    store.save_sharing(tx, basis.stated(recorded.recorded))
    tx.answer(recorded.answer)
    tx.emit(recorded.recorded)
    if excluded := basis.excluded_by(recorded.recorded):
        for earlier in await store.find_earlier(tx, recorded.recorded):
            tx.emit(ExcludeRecipients(intake_id=earlier, recipients=excluded))


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
    for message in said:
        if isinstance(message, CommandAccepted):
            tx.answer(message)
        else:
            tx.emit(message)


async def change_access(command: GrantAccess | EndAccess, tx: Transaction) -> None:
    if grant := access.change(await store.find_grant(tx, command.referral_id), command):
        store.save_grant(tx, grant)
