"""What intake does when it is asked to record a meeting or to keep a text, and how it learns of the directory."""

from contracts import topics
from contracts.commands import KeepText, RecordIntake
from contracts.directory import Agency, Offer
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.intake import store
from services.intake.domain import intake

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.COPIES, first=True)
async def on_directory(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency() | Offer():
            store.copy_entry(tx, entry)
        case _:
            pass


@handlers.on(topics.INTAKE_COMMANDS, owns=store.AGGREGATES)
async def on_command(command: Message, tx: Transaction) -> None:
    match command:
        case RecordIntake():
            await record_intake(command, tx)
        case KeepText():
            store.save_text(tx, command)
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
    tx.answer(recorded.answer)
    tx.emit(recorded.recorded)
