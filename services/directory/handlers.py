"""What the directory does when it is asked to take an agency or an offer."""

from contracts import topics
from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import PutAgency, PutOffer
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.directory import store
from services.directory.domain import agencies, entries, offers

handlers = Handlers()


def refuse(command: Message, refusal: Refusal, tx: Transaction) -> None:
    if not isinstance(command, PutAgency | PutOffer):
        raise refusal
    rejected = CommandRejected(
        asked=command.asked, code=refusal.code, pointer=refusal.pointer, message=refusal.message, subject=_key(tx)
    )
    tx.answer(rejected, key=_answer_key(tx))


@handlers.on(topics.DIRECTORY_COMMANDS, owns=store.AGGREGATES, refuse=refuse)
async def on_command(command: Message, tx: Transaction) -> None:
    match command:
        case PutAgency(agency=agency):
            before = await store.find_agency(tx, agency.code)
            after = entries.put(agency, before, agencies.check(agency, before), "/agency")
            say(before, after, command.asked, tx)
        case PutOffer(offer=offer):
            was = await store.find_offer(tx, offer.code)
            wrong = offers.check(offer, await store.find_agency(tx, offer.agency))
            say(was, entries.put(offer, was, wrong, "/offer"), command.asked, tx)
        case _:
            pass


def say(before: Agency | Offer | None, after: Agency | Offer, asked: Asked, tx: Transaction) -> None:
    """An entry that is as it was is answered and not said again."""
    tx.answer(CommandAccepted(asked=asked, subject=_key(tx), version=after.version), key=_answer_key(tx))
    if after != before:
        store.save_entry(tx, after)
        tx.emit(after)


def _key(tx: Transaction) -> str:
    return tx.cause.key.decode()


def _answer_key(tx: Transaction) -> str:
    """The topic is compacted: under the entry's own key an answer would in time take the place of the entry."""
    return f"answer/{_key(tx)}"
