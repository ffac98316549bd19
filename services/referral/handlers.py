"""What referral does when it is asked, what an intake makes it ask of itself, and how it learns of the directory."""

from collections.abc import Sequence
from dataclasses import replace

from contracts import codes, topics
from contracts.catalogue import ANSWERS
from contracts.commands import (
    BeginJourney,
    ChaseReceipt,
    CompleteTask,
    DraftReferral,
    EndNeed,
    KeepSharing,
    NotePlace,
    OpenReferral,
    OpenTask,
    ReferralCommand,
)
from contracts.directory import Agency, Offer
from contracts.events import IntakeRecorded, SharingEvent
from contracts.notifications import NotificationFailed
from contracts.places import CapacityEvent
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.chassis.handlers import Handlers
from services.chassis.transaction import Transaction
from services.referral import calendar, facts, store
from services.referral.domain import basis, journey, life, needs, places, receipts, seats, tasks, unsent, untold
from services.referral.domain.case import Facts
from services.referral.domain.referral import Referral, link_of
from services.referral.domain.telling import Explanation
from services.referral.domain.unsent import Link

handlers = Handlers()


@handlers.on(topics.DIRECTORY, copies=store.COPIES, first=True)
async def on_directory(entry: Message, tx: Transaction) -> None:
    match entry:
        case Agency() | Offer():
            store.copy_entry(tx, entry)
        case _:
            pass


@handlers.on(topics.INTAKES)
async def on_intake(event: Message, tx: Transaction) -> None:
    match event:
        case IntakeRecorded():
            tx.correlate(event.intake_id)
            tx.emit(*needs.set_going(event))
        case SharingEvent():
            tx.correlate(event.intake_id)
            tx.emit(needs.shared(event))
        case _:
            pass


@handlers.on(topics.CAPACITY)
async def on_capacity(event: Message, tx: Transaction) -> None:
    match event:
        case CapacityEvent() if command := places.noted(event):
            tx.emit(command)
        case _:
            pass


@handlers.on(topics.NOTIFICATIONS)
async def on_notification(event: Message, tx: Transaction) -> None:
    """Of the referral only what never changes is used."""
    match event:
        case NotificationFailed() if referral := await store.find_referral(tx, event.referral_id):
            tx.correlate(event.journey_id)
            tx.emit(untold.task(referral, event))
        case _:
            pass


@handlers.on(topics.REFERRAL_COMMANDS, owns=store.AGGREGATES, ahead=store.ahead)
async def on_command(command: Message, tx: Transaction) -> None:
    match command:
        case OpenReferral():
            await open_referral(command, tx)
        case DraftReferral():
            await draft_referral(command, tx)
        case ReferralCommand():
            await change_referral(command, tx)
        case NotePlace() | ChaseReceipt():
            await note(command, tx)
        case KeepSharing():
            await keep_sharing(command, tx)
        case BeginJourney() | EndNeed():
            await change_journey(command, tx)
        case OpenTask() | CompleteTask():
            await change_task(command, tx)
        case _:
            pass


# -- referrals ---------------------------------------------------------------------------------------------------------


async def open_referral(command: OpenReferral, tx: Transaction) -> None:
    tx.correlate(command.need.journey_id)
    if opened := await store.find_referral(tx, command.referral_id):
        return tx.answer(life.answer(opened, Asked()))
    known = await facts.to_open(command, tx)
    if await _is_unsent(Referral(command.referral_id, command.need, hop=command.hop), known, tx):
        return
    referral, said = life.open_referral(command, known)
    await _send(referral, known, tx)
    _say(said, tx)


async def draft_referral(command: DraftReferral, tx: Transaction) -> None:
    tx.correlate(command.need.journey_id)
    if written := await store.find_referral(tx, command.referral_id):
        return tx.answer(life.answer(written, Asked()))
    referral, said = life.draft(command, facts.to_draft(command.need, tx))
    store.save_referral(tx, referral)
    _say(said, tx)


async def change_referral(command: ReferralCommand, tx: Transaction) -> None:
    by_network = command.role == "system"
    if not by_network and (code := codes.door_refusal(command.command)):
        raise Refusal(code, "/agency" if code == "not_authorised" else None)
    before = await store.find_referral(tx, command.referral_id)
    if before is None:
        raise Refusal("unknown_referral", "/referral_id")
    if by_network or before.roles_of(command.asked.agency):  # a stranger does not even learn that it exists
        tx.correlate(before.need.journey_id)
    known = await facts.to_change(before, command, tx)
    if by_network and command.command == "send" and before.state == "DRAFT" and await _is_unsent(before, known, tx):
        return
    after, said = life.decide(before, command, known)
    if after.place != before.place:
        await _send(after, known, tx)
    else:
        store.save_referral(tx, after)
    _say(said, tx)
    if not after.is_open and before.is_open:
        await _free(after, said, tx)


async def note(command: NotePlace | ChaseReceipt, tx: Transaction) -> None:
    """What the network itself learns of a referral: an answer about its place, that a receipt is late."""
    before = await store.find_referral(tx, command.referral_id)
    if before is None:
        raise Refusal("unknown_referral", "/referral_id")
    tx.correlate(before.need.journey_id)
    known = facts.as_it_lies(before, tx)
    match command:
        case NotePlace():
            after, said = seats.note(before, command, replace(known, noted=command))
        case ChaseReceipt():
            after, said = receipts.chase(before, command, known)
    store.save_referral(tx, after)
    _say(said, tx)
    if not after.is_open and before.is_open:
        await _free(after, said, tx)


async def _send(referral: Referral, known: Facts, tx: Transaction) -> None:
    """A referral goes out now: with it, on what ground, why it goes there, and that no other of this person may."""
    store.save_referral(tx, referral)
    store.save_ground(tx, (await store.get_ground(tx, referral.need)).having_sent())
    if known.decision and referral.link:
        store.save_decision(tx, Explanation(referral.referral_id, tx.now, known.decision))
        store.save_link(tx, referral.link, Link(referral.referral_id))


async def _is_unsent(referral: Referral, known: Facts, tx: Transaction) -> bool:
    """Whether it cannot be sent; then that is said, with the whole explanation stored."""
    said = unsent.instead(referral, known)
    if said and known.decision:
        store.save_decision(tx, Explanation(referral.referral_id, tx.now, known.decision, known.linked_id))
        if known.decision.first and known.linked_id:
            name = link_of(referral.need, known.decision.first)
            link = await store.find_link(tx, name) or Link(known.linked_id)
            store.save_link(tx, name, link.with_one_more(referral))
    _say(said, tx)
    return bool(said)


async def _free(referral: Referral, said: list[Message], tx: Transaction) -> None:
    """The person may be sent to this offer again; whoever leaned on this referral is told how it ended."""
    if (name := referral.link) is None:
        return
    link = await store.find_link(tx, name)
    if link is None or link.referral_id != referral.referral_id:
        return
    store.delete_link(tx, name)
    for told in unsent.held_no_more(link, referral, said):
        tx.correlate(told.journey_id)
        tx.emit(told)


# -- on what grounds --------------------------------------------------------------------------------------------------


async def keep_sharing(command: KeepSharing, tx: Transaction) -> None:
    """The grounds of all needs of the journey; what rests on one that has ended is revoked."""
    tx.correlate(command.journey_id)
    for wanted in (await store.get_journey(tx, command.journey_id)).needs:
        before = await store.find_ground(tx, wanted.need_id)
        after = basis.changed(before, wanted.need_id, command)
        if after == before:
            continue
        store.save_ground(tx, after)
        held = await facts.holder_of(wanted.need_id, tx)
        if held and held.is_open and (why := await facts.why_ended(held, tx)):
            tx.emit(basis.revoke(held, why, command))


# -- journeys and tasks ------------------------------------------------------------------------------------------------


async def change_journey(command: BeginJourney | EndNeed, tx: Transaction) -> None:
    tx.correlate(command.journey_id)
    found = await store.get_journey(tx, command.journey_id)
    match command:
        case BeginJourney():
            found, said = journey.begin(found, command, tx.now)
        case EndNeed():
            found, said = journey.end_need(found, command, tx.now)
    store.save_journey(tx, found)
    _say(said, tx)


async def change_task(command: OpenTask | CompleteTask, tx: Transaction) -> None:
    match command:
        case OpenTask():
            await open_task(command, tx)
        case CompleteTask():
            await complete_task(command, tx)


async def open_task(command: OpenTask, tx: Transaction) -> None:
    tx.correlate(command.journey_id)
    if opened := await store.find_task(tx, command.task_id):
        return tx.answer(tasks.answer(opened, Asked()))
    task, said = tasks.open_task(command, tx.now, calendar.of(command.city, tx.now))
    store.save_task(tx, task)
    _say(said, tx)


async def complete_task(command: CompleteTask, tx: Transaction) -> None:
    task, said = tasks.complete(await store.find_task(tx, command.task_id), command, tx.now)
    tx.correlate(task.journey_id)
    store.save_task(tx, task)
    _say(said, tx)


def _say(said: Sequence[Message], tx: Transaction) -> None:
    """The answer first, then what happened, then what is asked of others, as the domain put them."""
    for message in said:
        if isinstance(message, ANSWERS):
            tx.answer(message)
        else:
            tx.emit(message)
