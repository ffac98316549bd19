"""What is done when a command is carried out: load, ask the domain, save, say."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.commands import (
    ChaseReceipt,
    DraftReferral,
    FireTimer,
    NotePlace,
    OpenReferral,
    ReferralCommand,
    RerouteAgency,
    WriteDraft,
)
from contracts.contacts import TellOfContact
from contracts.erasure import ForgetPerson
from contracts.journeys import AddNeed, BeginJourney, ChaseTask, CompleteTask, EndNeed, OpenTask, SettleTask
from contracts.refusals import Refusal
from contracts.sharing import KeepSharing
from contracts.values import Asked, Message
from services.chassis.transaction import Transaction
from services.referral import facts, leaning, store, tasking
from services.referral.domain import (
    basis,
    contacts,
    erasing,
    journey,
    ladder,
    life,
    needs,
    overdue,
    seats,
    suspension,
    unsent,
)  # fmt: skip
from services.referral.domain.case import Facts, roles_in
from services.referral.domain.referral import Referral
from services.referral.domain.telling import Explanation

# -- referrals ---------------------------------------------------------------------------------------------------------


async def open_referral(command: OpenReferral, tx: Transaction) -> None:
    tx.correlate(command.need.journey_id)
    if opened := await store.find_referral(tx, command.referral_id):
        return tx.answer(life.answer(opened, command.asked or Asked()))
    known = await facts.to_open(command, tx)
    if await _is_unsent(Referral(command.referral_id, command.need, hop=command.hop), known, tx, command.asked):
        return
    referral, said = life.open_referral(command, known)
    await _send(referral, known, tx)
    tx.say([*said, *unsent.raised(known, referral.need)])


async def draft_referral(command: DraftReferral | WriteDraft, tx: Transaction) -> None:
    """A service that waits for another one; or a caseworker's own, which is one more need of the journey."""
    own = command.asked if isinstance(command, WriteDraft) else None
    if written := await store.find_referral(tx, command.referral_id):
        if isinstance(command, WriteDraft):
            needs.check_same(written.need, command)
        return tx.answer(life.answer(written, own or Asked()))
    need = needs.for_a_draft(command) if isinstance(command, WriteDraft) else command.need
    tx.correlate(need.journey_id)
    draft = DraftReferral(referral_id=command.referral_id, need=need)
    referral, said = life.draft(draft, facts.to_draft(need, tx), own)
    store.save_referral(tx, referral)
    tx.say(said)
    if own:
        tx.emit(needs.one_more(need))
    if (await store.get_ground(tx, need)).erased:
        tx.emit(ForgetPerson(referral_id=command.referral_id))


async def change_referral(command: ReferralCommand, tx: Transaction) -> None:
    by_network = command.role == "system"
    if not by_network and (code := codes.door_refusal(command.command, frozenset(command.asked.roles))):
        raise Refusal(code, "/agency" if code == "not_authorised" else None)
    before = await store.find_referral(tx, command.referral_id)
    if before is None:
        raise Refusal("unknown_referral", "/referral_id")
    known = await facts.to_change(before, command, tx)
    if roles_in(before, command, known):  # a stranger does not even learn that it exists
        tx.correlate(before.need.journey_id)
    if by_network and await _is_answered(before, command, known, tx):
        return
    judge = life.ask_onward if command.command == "open" else life.decide
    after, said = judge(before, command, known)
    if after.place != before.place:
        await _send(after, known, tx)
    else:
        store.save_referral(tx, after)
    tx.say([*said, *unsent.raised(known, after.need)])
    if after.is_open and not before.is_open:
        await _take_up(after, tx)
    if before.is_open and not after.is_open:
        await leaning.begin(known.served_by, said, tx)
    await _follow(before, after, said, tx)


async def _is_answered(before: Referral, command: ReferralCommand, known: Facts, tx: Transaction) -> bool:
    """Whether what the network asks for itself changes nothing: a draft that cannot be sent, a referral that is as
    urgent by now as what leans on it.
    """
    match command.command:
        case "send" if before.state == "DRAFT":
            return await _is_unsent(before, known, tx)
        case "change_priority" if not unsent.may_be_raised(before, command.priority):
            tx.answer(life.answer(before, command.asked))
            return True
    return False


OfTheNetwork = NotePlace | FireTimer | ChaseReceipt | ForgetPerson | TellOfContact


async def follow_up(command: OfTheNetwork, tx: Transaction) -> None:
    """What the network tells a referral: an answer about its place, that a step of a timer is due, a receipt late, that
    the person is erased, or reached otherwise.
    """
    before = await store.find_referral(tx, command.referral_id)
    if before is None:
        raise Refusal("unknown_referral", "/referral_id")
    tx.correlate(before.need.journey_id)
    known = facts.as_it_lies(before, tx)
    match command:
        case NotePlace():
            after, said = seats.note(before, command, replace(known, noted=command))
        case FireTimer():
            after, said = ladder.fire(before, command, replace(known, **await facts.coordination(before, tx)))
        case ChaseReceipt():
            after, said = overdue.chase(before, command, known)
        case ForgetPerson():
            after, said = erasing.forget(before, known)
        case TellOfContact():
            after, said = contacts.tell(before, command, known)
    store.save_referral(tx, after)
    tx.say(said)
    await _follow(before, after, said, tx)


async def reroute_agency(command: RerouteAgency, tx: Transaction) -> None:
    agency = (await store.find_agencies(tx, [command.of])).get(command.of)
    lead = await store.find_lead(tx, agency.city) if agency else None
    suspension.check(command, agency, lead)
    tx.answer(CommandAccepted(asked=command.asked, subject=command.of))
    for referral in await store.find_lying(tx, command.of):
        tx.correlate(referral.need.journey_id)
        tx.emit(suspension.leave(referral, (await facts.coordination(referral, tx))["lead"]))


async def _send(referral: Referral, known: Facts, tx: Transaction) -> None:
    """A referral goes out now: with it, why it goes there."""
    store.save_referral(tx, referral)
    if known.decision and referral.link:
        store.save_decision(tx, Explanation(referral.referral_id, tx.now, known.decision))
    await _take_up(referral, tx)


async def _take_up(referral: Referral, tx: Transaction) -> None:
    """It is with its receiver now, or again: a change of the bases is noticed."""
    store.save_ground(tx, (await store.get_ground(tx, referral.need)).having_sent())
    leaning.take_up(referral, tx)


async def _is_unsent(referral: Referral, known: Facts, tx: Transaction, asked: Asked | None = None) -> bool:
    """Whether it cannot be sent; then that is said, with the whole explanation stored. asked: who is answered."""
    said = unsent.instead(referral, known, asked or Asked())
    if said and known.decision:
        store.save_decision(tx, Explanation(referral.referral_id, tx.now, known.decision, known.linked_id))
        await leaning.begin(known.linked, said, tx)
    tx.say(said)
    return bool(said)


async def _follow(before: Referral, after: Referral, said: list[Message], tx: Transaction) -> None:
    """Once it is over, what was to be done about its place is done; who leans on it is told what became of it."""
    if before.is_open and not after.is_open:
        tx.emit(*seats.settled(after))
    await leaning.tell(before, after, said, tx)


# -- on what grounds --------------------------------------------------------------------------------------------------


async def keep_sharing(command: KeepSharing, tx: Transaction) -> None:
    """The grounds of all needs of the journey, and of those that may be added; what rests on one that ended goes.

    When the person was erased, each referral that there was forgets them.
    """
    tx.correlate(command.journey_id)
    known = await store.find_ground(tx, command.journey_id)
    store.save_ground(tx, basis.changed(known, command.journey_id, command))
    for wanted in (await store.get_journey(tx, command.journey_id)).needs:
        await _rest_on(wanted.need_id, command, tx)
        if command.erased:
            for id in await facts.chain_of(wanted.need_id, tx):
                told = ForgetPerson(referral_id=id)
                tx.emit(told, id=uuid5(tx.cause.id, f"{told.TYPE}/{id}"))  # another chain may be found when read again


async def _rest_on(need_id: UUID, command: KeepSharing, tx: Transaction) -> None:
    before = await store.find_ground(tx, need_id)
    after = basis.changed(before, need_id, command)
    if after == before:
        return
    store.save_ground(tx, after)
    held = await facts.holder_of(need_id, tx)
    if held and held.is_open and (why := await facts.why_ended(held, tx)):
        tx.emit(basis.revoke(held, why, command))


async def _rest_on_what_is_known(command: AddNeed, tx: Transaction) -> None:
    """A need that is added may carry bases that have changed since: those of its journey are kept under its name."""
    if known := await store.find_ground(tx, command.journey_id):
        now = KeepSharing(
            journey_id=command.journey_id,
            version=known.version,
            sharing_basis=known.bases,
            erased=known.erased,
        )
        await _rest_on(command.need.referral_id, now, tx)
        if known.erased:
            tx.emit(ForgetPerson(referral_id=command.need.referral_id))


# -- journeys ----------------------------------------------------------------------------------------------------------


async def change_journey(command: BeginJourney | AddNeed | EndNeed, tx: Transaction) -> None:
    tx.correlate(command.journey_id)
    found = before = await store.get_journey(tx, command.journey_id)
    match command:
        case BeginJourney():
            found, said = journey.begin(found, command, tx.now)
        case AddNeed():
            found, said = journey.add_need(found, command)
            await _rest_on_what_is_known(command, tx)
        case EndNeed():
            said = []
            for told in await facts.as_decided(command, tx):
                found, more = journey.end_need(found, told, tx.now)
                said += more
    store.save_journey(tx, found)
    store.save_unmet(tx, before, found)
    tx.say(said)


CARRIED: dict[type[Message], Callable[[Any, Transaction], Awaitable[None]]] = {
    OpenReferral: open_referral,
    DraftReferral: draft_referral,
    WriteDraft: draft_referral,
    ReferralCommand: change_referral,
    NotePlace: follow_up,
    FireTimer: follow_up,
    ChaseReceipt: follow_up,
    ForgetPerson: follow_up,
    TellOfContact: follow_up,
    KeepSharing: keep_sharing,
    RerouteAgency: reroute_agency,
    BeginJourney: change_journey,
    AddNeed: change_journey,
    EndNeed: change_journey,
    OpenTask: tasking.open_task,
    CompleteTask: tasking.change_task,
    ChaseTask: tasking.change_task,
    SettleTask: tasking.change_task,
}
