"""Who may be one person: whom an intake looks for after it is kept, and what becomes of two who look alike."""

from collections.abc import Iterable

from contracts.events import IntakeRecorded
from contracts.identity import DecidePair, IdentityLinked, SeekTwins, SuspectPair, UndoPair
from contracts.sharing import ExcludeRecipients
from services.chassis.transaction import Transaction
from services.intake import store
from services.intake.domain import erasing, exclusions, pairs, showing, twins
from services.intake.domain.intake import Intake


async def seek_twins(command: SeekTwins, tx: Transaction) -> None:
    """Other meetings of the person, who may be told of none of those whom the person excluded, and others who may be
    the same person. After the intake is kept: of two recorded at the same instant, one at least finds the other.
    """
    mine, person = await store.find_intake(tx, command.intake_id), await store.find_personal(tx, command.intake_id)
    if mine is None or person is None:
        return
    who = twins.traits(person, mine.recorded)
    tx.correlate(command.intake_id)
    if late := erasing.overtaken(mine, await store.find_intakes(tx, {who.person_ref})):
        return tx.emit(late)
    same = await store.find_one_person(tx, who.person_ref)
    meetings = await store.find_meetings(tx, same)
    for told, excluded in exclusions.not_yet_excluded(mine.recorded, meetings).items():
        tx.emit(ExcludeRecipients(intake_id=told, recipients=excluded))
    others = [other for other in await store.find_alike(tx, who) if other.person_ref not in same]
    asked = 0
    for like in twins.suspects(who, others):
        if asked < twins.MOST_SUSPECTED and (two := await _may_be_one(mine, meetings, like.person_ref, tx)):
            tx.emit(pairs.asks_about(*two, like.reasons))
            asked += 1


async def _may_be_one(
    mine: Intake, meetings: list[IntakeRecorded], other: str, tx: Transaction
) -> tuple[Intake, Intake] | None:
    """The meeting whose desk may be asked, and the other's: of mine, and the last of the other person. meetings: of all
    who are mine's person.
    """
    theirs = pairs.met_last(await store.find_intakes(tx, {other}))
    others = await store.find_meetings(tx, await store.find_one_person(tx, other))
    agencies = await store.find_agencies(tx, {one.recorded.sender_agency for one in (mine, theirs)})
    two = (_beginning_with(mine, meetings), _beginning_with(theirs, others))
    if not showing.may_be_asked(*two, agencies, tx.now):
        return None
    return pairs.in_order(mine, theirs, {agency.code for agency in agencies if agency.status == "active"})


def _beginning_with(one: Intake, meetings: list[IntakeRecorded]) -> list[IntakeRecorded]:
    return sorted(meetings, key=lambda met: met.intake_id != one.recorded.intake_id)


async def change_pair(command: SuspectPair | DecidePair | UndoPair, tx: Transaction) -> None:
    known = await store.find_pair(tx, command.pair_id)
    match command:
        case SuspectPair():
            asked = await store.find_agencies(tx, {known.agency}) if known else []
            after, said = pairs.suspect(known, command, tx.now, next(iter(asked), None))
        case DecidePair():
            after, said = pairs.decide(known, command, tx.now)
        case UndoPair():
            speaker = await store.find_agencies(tx, {command.asked.agency or ""})
            after, said = pairs.undo(known, command, next(iter(speaker), None), tx.now)
    if said:
        tx.correlate(after.intake_id)
        store.save_pair(tx, after)
    tx.say(said)
    if any(isinstance(message, IdentityLinked) for message in said):
        await _look_again(after.person_refs, tx)


async def _look_again(person_refs: Iterable[str], tx: Transaction) -> None:
    """Two names are one person's now: what was excluded under one holds for the meetings under the other. As commands,
    for by then the link is stored, and what was said at the same instant too.
    """
    same = [await store.find_one_person(tx, ref) for ref in person_refs]
    for met in await store.find_meetings(tx, frozenset[str]().union(*same)):
        tx.emit(SeekTwins(intake_id=met.intake_id))
