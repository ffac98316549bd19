"""What referral does when it is asked, what an intake makes it ask of itself, and how it learns of the directory."""

from uuid import UUID, uuid5

from contracts import topics
from contracts.directory import Agency, Offer
from contracts.events import IntakeRecorded
from contracts.identity import DuplicateDecided, DuplicateSuspected, IdentityEvent, IdentityUnlinked
from contracts.journeys import SettleTask
from contracts.notifications import NotificationFailed
from contracts.places import CapacityEvent
from contracts.sharing import ReviewRequested, SharingEvent
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.referral import carrying, facts, store
from services.referral.domain import (
    needs,
    places,
    twins,
    untold,
    vital,
)  # fmt: skip

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.COPIES, ahead=store.entry_ahead)
async def on_directory(entry: Message, tx: Transaction) -> None:
    match entry:
        case Offer():
            tx.emit(*[SettleTask(task_id=id) for id in await store.find_put_right(tx, entry)])
            await store.copy_entry(tx, entry)
        case Agency():
            await store.copy_entry(tx, entry)
        case _:
            pass


@handlers.on(topics.INTAKES, copies=(store.IDENTITIES,))
async def on_intake(event: Message, tx: Transaction) -> None:
    match event:
        case IntakeRecorded():
            tx.correlate(event.intake_id)
            tx.emit(*needs.set_going(event))
        case ReviewRequested():
            tx.correlate(event.intake_id)
            tx.emit(vital.asked_by(event))
        case SharingEvent():
            tx.correlate(event.intake_id)
            tx.emit(needs.shared(event), *vital.settled_by(event))
        case IdentityEvent():
            store.copy_identity(tx, event)
            await _part(event, tx)
        case DuplicateSuspected() | DuplicateDecided() if asked := twins.asked_by(event):
            tx.correlate(event.intake_id)
            tx.emit(asked)
        case _:
            pass


async def _part(event: IdentityEvent, tx: Transaction) -> None:
    """Found again by the same message, a need is told the same; others may be found then."""
    for told in await facts.parted(event, tx) if isinstance(event, IdentityUnlinked) else []:
        tx.correlate(told.journey_id)
        tx.emit(told, id=uuid5(tx.cause.id, f"{told.TYPE}/{told.need_id}/{told.linked_referral_id}"))


@handlers.on(topics.CAPACITY)
async def on_capacity(event: Message, tx: Transaction) -> None:
    match event:
        case CapacityEvent() if command := places.noted(event):
            tx.emit(command)
        case _:
            pass


@handlers.on(topics.NOTIFICATIONS)
async def on_notification(event: Message, tx: Transaction) -> None:
    """Of the referral only what never changes is used. That a task is late asks nobody again who was asked: it is on
    their page, or they have said that they saw to it.
    """
    match event:
        case NotificationFailed(referral_id=UUID() as id) if referral := await store.find_referral(tx, id):
            todo = untold.task(referral, event)
            if event.about != untold.LATE or await store.find_task(tx, todo.task_id) is None:
                tx.correlate(event.journey_id)
                tx.emit(todo)
        case _:
            pass


@handlers.on(topics.REFERRAL_COMMANDS, owns=store.AGGREGATES, ahead=store.ahead)
async def on_command(command: Message, tx: Transaction) -> None:
    if carry := carrying.CARRIED.get(type(command)):
        await carry(command, tx)
