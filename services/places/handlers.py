"""How a counting service answers, and which events make it ask itself for places."""

from contracts.directory import Agency, Offer
from contracts.events import ReferralEvent
from contracts.places import CapacityEvent, OfOffer
from contracts.topics import DIRECTORY, REFERRALS, Topic
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.places import store
from services.places.domain import asking, changes
from services.places.domain.asking import Needed


def counting(commands: Topic, needed: Needed) -> Handlers:
    """The handlers of the service that owns `commands`; needed: how many places a referral needs there."""
    handlers = Handlers()

    @handlers.on(DIRECTORY, copies=store.COPIES)
    async def on_directory(entry: Message, tx: Transaction) -> None:
        """An offer is open as long as its agency works: what is said of an agency is said of all that it offers."""
        if not isinstance(entry, Agency | Offer):
            return
        before = await store.find_offer(tx, entry.code) if isinstance(entry, Offer) else None
        await store.copy_entry(tx, entry)
        offers = [entry] if isinstance(entry, Offer) else await store.find_offers(tx, entry.code)
        for offer in offers:
            agency = await store.find_agency(tx, offer.agency)
            if command := asking.as_the_directory_says(offer, agency, commands.owner, before):
                tx.emit(command)

    @handlers.on(REFERRALS, hurried=False)
    async def on_referral(event: Message, tx: Transaction) -> None:
        if isinstance(event, ReferralEvent) and (command := asking.asked_by(event, commands.owner, needed)):
            tx.emit(command)

    handlers.on(commands, owns=store.AGGREGATES)(on_command)
    return handlers


async def on_command(command: OfOffer, tx: Transaction) -> None:
    before = await store.get_places(tx, command.offer)
    after, said = changes.change(before, command, tx.now)
    store.save_places(tx, after)
    for message in said:
        if isinstance(message, CapacityEvent):
            tx.correlate(message.journey_id)
        tx.emit(message)
