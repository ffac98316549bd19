"""What the directory does when it is asked to take an agency or an offer, or to correct one."""

from contracts import topics
from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import CorrectOffer, PutAgency, PutOffer
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.directory import store
from services.directory.domain import agencies, corrections, entries, offers
from services.directory.domain.corrections import Corrections

handlers = Handlers()


def refuse(command: Message, refusal: Refusal, tx: Transaction) -> None:
    if not isinstance(command, PutAgency | PutOffer | CorrectOffer):
        raise refusal
    rejected = CommandRejected(
        asked=command.asked, code=refusal.code, pointer=refusal.pointer, message=refusal.message, subject=_key(tx)
    )
    tx.answer(rejected, key=_answer_key(tx))


@handlers.on(topics.DIRECTORY_COMMANDS, owns=store.OWNED, refuse=refuse)
async def on_command(command: Message, tx: Transaction) -> None:
    match command:
        case PutAgency(agency=agency):
            before = await store.find_agency(tx, agency.code)
            others = () if before else await store.find_codes(tx)
            after = entries.put(agency, before, agencies.check(agency, before, others), "/agency")
            say(before, after, command.asked, tx)
        case PutOffer(offer=filed):
            known = await store.find_corrections(tx, filed.code)
            offer, standing = corrections.again(filed, known)
            was = await store.find_offer(tx, offer.code)
            wrong = offers.check(offer, await store.find_agency(tx, offer.agency))
            say(was, entries.put(offer, was, wrong, "/offer"), command.asked, tx)
            _hold(known, standing, offer.code, tx)
        case CorrectOffer():
            await correct(command, tx)
        case _:
            pass


async def correct(command: CorrectOffer, tx: Transaction) -> None:
    """Said by people of the offer's agency or city; what is as it was already is answered and not said again."""
    was, known = await store.find_offer(tx, command.offer), await store.find_corrections(tx, command.offer)
    owner = await store.find_agency(tx, was.agency) if was else None
    speaker = await store.find_agency(tx, command.asked.agency or "")
    offer = corrections.check(command, was, owner, speaker)
    after, standing = corrections.correct(offer, known, command, tx.now)
    corrections.check_after(after, owner)
    say(offer, entries.put(after, offer, (), ""), command.asked, tx)
    _hold(known, standing, offer.code, tx)


def _hold(known: Corrections, standing: Corrections, code: str, tx: Transaction) -> None:
    if standing != known:
        store.save_corrections(tx, code, standing)


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
