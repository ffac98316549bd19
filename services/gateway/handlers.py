"""What the gateway does with what an agency says, whom it tells of what happened, and how it learns who is who."""

import logging
from hashlib import sha256
from uuid import uuid5

from contracts import topics
from contracts.answers import CommandAccepted, CommandRejected
from contracts.codes import codes
from contracts.directory import Agency
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.chassis.handlers import Handlers
from services.chassis.messages import Incoming
from services.chassis.transaction import Transaction
from services.gateway import broker, reading, store
from services.gateway.domain import door, feeds
from services.gateway.domain.door import Answered, Forward, Voice

log = logging.getLogger("staffetta.gateway")
handlers = Handlers()


def refuse(record: Incoming, refusal: Refusal, tx: Transaction) -> None:
    """Told on the agency's own feed; the same bytes under the same id are refused again under the first one's id."""
    who = who_speaks(record, tx)
    command_id, message_id = reading.names(record.value, id=record.headers.get("ce_id"))
    nameless = codes("rejection_codes")[refusal.code]["stage"] == "parse" or not (command_id or message_id)
    rejected = CommandRejected(
        asked=Asked(agency=who.agency, command_id=command_id, message_id=message_id, roles=who.roles),
        code=refusal.code,
        pointer=refusal.pointer,
        message=refusal.message,
        allowed=refusal.allowed,
        place=record.place if nameless else None,
    )
    store.save_refusal(tx, who, rejected)
    content = sha256(record.value).hexdigest()
    same = f"{refusal.code}/{record.headers.get('ce_type')}/{content}/{message_id or record.place}"
    tx.tell(feed_of(who.agency), str(record.id), rejected, id=uuid5(door.MESSAGES, f"refused@{who.name}/{same}"))


def ahead(record: Incoming, tx: Transaction) -> list[tuple[str, str]]:
    who = who_speaks(record, tx)
    return store.uses(who, _read(record, who))


@handlers.on(topics.PEOPLE_COMMANDS, copies=store.OF_THE_DOOR, ahead=ahead, refuse=refuse)
@handlers.on(topics.AGENCY_COMMANDS, copies=store.OF_THE_DOOR, ahead=ahead, refuse=refuse)
async def on_record(record: Incoming, tx: Transaction) -> None:
    who = who_speaks(record, tx)
    if not await store.is_agency(tx.load, who.agency):
        return log.warning("a topic of nobody in the directory is not read", extra={"topic": record.name})
    read = _read(record, who)
    known = await store.recall(tx.load, who, read)
    match door.admit(read, who, known):
        case Forward() as forward:
            tx.correlate(forward.journey_id or "")
            for id, message in forward.messages.items():
                tx.emit(message, id=id)
        case Answered() as again:
            tx.correlate(again.correlation_id)
            tx.tell(feed_of(who.agency), again.key, again.answer, id=feeds.feed_id(again.id, who.agency))
    store.save_use(tx, who, read, known)


def _read(record: Incoming, who: Voice) -> door.Read:
    headers = record.headers
    return reading.read(record.value, id=headers.get("ce_id"), type=headers.get("ce_type"), person=frozenset(who.roles))


@handlers.on(topics.INTAKES, copies=(store.ANSWERED,))
async def on_intake(event: Message, tx: Transaction) -> None:
    pass_on(event, tx)


@handlers.on(topics.REFERRALS, copies=(store.ANSWERED,))
async def on_referral(event: Message, tx: Transaction) -> None:
    pass_on(event, tx)


@handlers.on(topics.DIRECTORY, copies=(store.AGENCIES, store.ANSWERED))
async def on_entry(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency():
            store.save_agency(tx, entry)
        case _:
            pass_on(entry, tx)


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


def who_speaks(record: Incoming, tx: Transaction) -> Voice:
    """The topic says it, whatever the payload claims; what people say only we write, with who they are beside it."""
    if record.topic is topics.PEOPLE_COMMANDS:
        return broker.person_of(record.headers)
    before, _, after = tx.settings.named(topics.AGENCY_COMMANDS.name).partition("{agency}")
    return Voice(record.name.removeprefix(before).removesuffix(after))


def feed_of(agency: str) -> str:
    return topics.AGENCY_FEED.of(agency)
