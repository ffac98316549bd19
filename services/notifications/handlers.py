"""Which events are told, what becomes of a queue's mails, and how the service learns where queues are reached."""

from contracts import topics
from contracts.beside import ReferralEscalated, TimerFired
from contracts.directory import Agency
from contracts.events import ReferralClosed, ReferralEvent
from contracts.journeys import TaskOpened, TaskOverdue, TaskReminded
from contracts.notifications import NotificationEvent, OfQueue, PageRaised, TellQueue
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.notifications import store
from services.notifications.domain import mailbox, telling
from services.notifications.domain.climbing import Step

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.COPIES)
async def on_directory(entry: Message, tx: Transaction) -> None:
    if isinstance(entry, Agency):
        store.copy_agency(tx, entry)


@handlers.on(topics.REFERRALS, hurried=False)
async def on_referral(event: Message, tx: Transaction) -> None:
    match event:
        case TimerFired() | ReferralEscalated() | TaskReminded() | TaskOverdue() | ReferralClosed():
            await tell_coordinated(event, tx)
        case ReferralEvent(sender_agency=sender) | TaskOpened(agency=sender):
            told = telling.tell(event, tx.cause.id, await store.find_city(tx, sender))
            tx.emit(*told, *telling.drop(event, told))
        case _:
            pass


async def tell_coordinated(event: Step | ReferralClosed, tx: Transaction) -> None:
    """The step of a ladder, or an end, also to who coordinates the city where the work lies."""
    if isinstance(event, TaskReminded | TaskOverdue):
        sender = here = event.agency
    else:
        sender, here = event.sender_agency, event.receiver_agency or event.sender_agency
    lead = await store.find_lead(tx, await store.find_city(tx, here))
    tx.emit(*telling.tell(event, tx.cause.id, await store.find_city(tx, sender), lead))


@handlers.on(topics.NOTIFICATIONS_COMMANDS, owns=store.AGGREGATES)
async def on_command(command: OfQueue, tx: Transaction) -> None:
    before = await store.get_mailbox(tx, command.queue)
    after, said = mailbox.change(before, command, tx.now)
    store.save_mailbox(tx, after)
    if gone := mailbox.ended_by(command):
        await store.purge_notices(tx, command.queue, gone, mailbox.waiting(before, gone))
    if isinstance(command, TellQueue):
        store.save_notice(tx, command)
    for event in said:
        if isinstance(event, PageRaised):
            tx.correlate(event.journey_id)
        if isinstance(event, NotificationEvent):
            tx.correlate(event.journey_id)
            await store.end_notice(tx, event)
        tx.emit(event)
