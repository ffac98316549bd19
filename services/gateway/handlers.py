"""What the gateway does with what an agency says, whom it tells of what happened, and how it learns who is who."""

import logging
from hashlib import sha256
from uuid import uuid5

from contracts import topics
from contracts.codes import codes
from contracts.directory import Agency
from contracts.events import CommandAccepted, CommandRejected
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.chassis.handlers import Handlers
from services.chassis.messages import Incoming
from services.chassis.transaction import Transaction
from services.gateway import reading, store
from services.gateway.domain import door, feeds
from services.gateway.domain.door import Answered, Forward

log = logging.getLogger("staffetta.gateway")
handlers = Handlers()


def refuse(record: Incoming, refusal: Refusal, tx: Transaction) -> None:
    """Told on the agency's own feed; the same bytes under the same id are refused again under the first one's id."""
    agency = who_speaks(record, tx)
    command_id, message_id = reading.names(record.value, id=record.headers.get("ce_id"))
    unreadable = codes("rejection_codes")[refusal.code]["stage"] == "parse"
    rejected = CommandRejected(
        asked=Asked(agency=agency, command_id=command_id, message_id=message_id),
        code=refusal.code,
        pointer=refusal.pointer,
        message=refusal.message,
        allowed=refusal.allowed,
        place=record.place if unreadable else None,
    )
    content = sha256(record.value).hexdigest()
    same = f"{refusal.code}/{record.headers.get('ce_type')}/{content}/{message_id or record.place}"
    tx.tell(feed_of(agency), str(record.id), rejected, id=uuid5(door.MESSAGES, f"{agency}/refused/{same}"))


def ahead(record: Incoming, tx: Transaction) -> list[tuple[str, str]]:
    read = reading.read(record.value, id=record.headers.get("ce_id"), type=record.headers.get("ce_type"))
    return store.uses(who_speaks(record, tx), read)


@handlers.on(topics.AGENCY_COMMANDS, copies=(store.ASKED,), ahead=ahead, refuse=refuse)
async def on_record(record: Incoming, tx: Transaction) -> None:
    agency = who_speaks(record, tx)
    if not await store.is_agency(tx.load, agency):
        return log.warning("a topic of nobody in the directory is not read", extra={"topic": record.name})
    read = reading.read(record.value, id=record.headers.get("ce_id"), type=record.headers.get("ce_type"))
    known = await store.recall(tx.load, agency, read)
    match door.admit(read, agency, known):
        case Forward() as forward:
            tx.correlate(forward.journey_id or "")
            for id, message in forward.messages.items():
                tx.emit(message, id=id)
        case Answered() as again:
            tx.correlate(again.correlation_id)
            tx.tell(feed_of(agency), again.key, again.answer, id=feeds.feed_id(again.id, agency))
    store.save_use(tx, agency, read, known)


@handlers.on(topics.INTAKES, copies=(store.ANSWERED,))
async def on_intake(event: Message, tx: Transaction) -> None:
    pass_on(event, tx)


@handlers.on(topics.REFERRALS, copies=(store.ANSWERED,))
async def on_referral(event: Message, tx: Transaction) -> None:
    pass_on(event, tx)


@handlers.on(topics.DIRECTORY, copies=(store.AGENCIES,), first=True)
async def on_entry(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency():
            store.save_agency(tx, entry)
        case _:
            pass


def pass_on(event: Message, tx: Transaction) -> None:
    """An answer to who asked; an event to the agencies it concerns; each as much of it as it may see."""
    match event:
        case CommandAccepted() | CommandRejected():
            told: dict[str, Message] = {}
            if event.asked.agency:
                store.save_answer(tx, event)
                told = {event.asked.agency: event}
        case _:
            told = feeds.copies(event)
    for agency, copy in told.items():
        tx.tell(feed_of(agency), tx.cause.key.decode(), copy, id=feeds.feed_id(tx.cause.id, agency))


def who_speaks(record: Incoming, tx: Transaction) -> str:
    """The topic says it, whatever the payload claims."""
    before, _, after = tx.settings.named(topics.AGENCY_COMMANDS.name).partition("{agency}")
    return record.name.removeprefix(before).removesuffix(after)


def feed_of(agency: str) -> str:
    return topics.AGENCY_FEED.of(agency)
