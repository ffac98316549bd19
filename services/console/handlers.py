"""Which topics the console's pages follow."""

from contracts import topics
from contracts.contacts import ContactNoted
from contracts.directory import Agency, Offer
from contracts.events import IntakeRecorded, ReferralEvent
from contracts.identity import DuplicateEvent
from contracts.journeys import TaskEvent, UnmetNeedEvent
from contracts.notifications import NotificationEvent
from contracts.places import PlacesEvent
from contracts.sharing import SharingEvent
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.console import live, store

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.OF_DIRECTORY)
async def on_directory(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency():
            store.copy_agency(tx, entry)
        case Offer():
            store.copy_offer(tx, entry)
        case _:
            pass


@handlers.on(topics.REFERRALS, copies=store.OF_REFERRALS)
async def on_referral(event: Message, tx: Transaction) -> None:
    live.hub.expected.set()
    match event:
        case ReferralEvent():
            await store.note_referral(tx, event)
        case TaskEvent():
            await store.note_task(tx, event)
        case UnmetNeedEvent():
            await store.note_unmet(tx, event)
        case _:
            pass


@handlers.on(topics.INTAKES, copies=store.OF_INTAKES)
async def on_intake(event: Message, tx: Transaction) -> None:
    match event:
        case IntakeRecorded():
            store.note_meeting(tx, event)
        case SharingEvent():
            await store.note_sharing(tx, event)
        case DuplicateEvent():
            await store.note_twins(tx, event)
        case ContactNoted():
            await store.note_contact(tx, event)
        case _:
            pass


@handlers.on(topics.CAPACITY, copies=store.OF_CAPACITY)
async def on_capacity(event: Message, tx: Transaction) -> None:
    if isinstance(event, PlacesEvent):
        await store.note_places(tx, event)


@handlers.on(topics.NOTIFICATIONS, copies=(store.TOLD,))
async def on_notification(event: Message, tx: Transaction) -> None:
    if isinstance(event, NotificationEvent) and event.referral_id:
        await store.note_told(tx, event)
