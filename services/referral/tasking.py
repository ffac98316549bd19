"""What is done with a task, and whose it is by now."""

from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.commands import Need
from contracts.directory import Agency
from contracts.journeys import ChaseTask, CompleteTask, OpenTask, SettleTask
from contracts.refusals import Refusal
from contracts.values import Asked
from services.chassis.transaction import Transaction
from services.referral import calendar, facts, store
from services.referral.domain import aftermath, seats, sharing, tasks, twins, untold
from services.referral.domain.tasks import Task


async def open_task(command: OpenTask, tx: Transaction) -> None:
    tx.correlate(command.journey_id)
    opened = await store.find_task(tx, command.task_id)
    if opened is None and command.kind == seats.IN_VAIN:
        opened = await store.find_open_task(tx, command)
    if opened and not _is_asked_again(opened, command, tx.now):
        return tx.answer(tasks.answer(opened, Asked()))
    lead = await _takes_over(command, tx)
    todo = aftermath.coordinated(command, lead) if lead else command
    task, said = tasks.open_task(todo, tx.now, calendar.of(todo.city, tx.now), opened)
    store.save_task(tx, task)
    tx.say(said)


def _is_asked_again(opened: Task, command: OpenTask, now: datetime) -> bool:
    """Whether a mail failed after somebody had said that they saw to those before; or of two people another agency is
    asked now, for who was before works no more.
    """
    if command.kind == twins.KIND:
        return command.agency != opened.agency and opened.opened_at < now
    return command.kind in untold.KINDS and opened.done_at is not None and opened.done_at < now


async def change_task(command: CompleteTask | ChaseTask | SettleTask, tx: Transaction) -> None:
    before = await store.find_task(tx, command.task_id)
    match command:
        case CompleteTask():
            task, said = tasks.complete(before, command, tx.now)
        case SettleTask() if before is None:
            return  # a release before this one asked nobody
        case _ if before is None:
            raise Refusal("unknown_referral", "/task_id")
        case SettleTask():
            task, said = tasks.settle(before, tx.now)
        case ChaseTask() if await _is_nobodys(before, tx):
            task, said = tasks.settle(before, tx.now)
        case ChaseTask():
            clock, desk = calendar.of(before.city, tx.now), await _goes_to(before, tx)
            withheld = await _withholds_coordination(before, tx)
            task, said = tasks.chase(before, command, tx.now, clock, desk, withheld=withheld)
    tx.correlate(task.journey_id)
    store.save_task(tx, task)
    tx.say(said)


# -- whose it is -------------------------------------------------------------------------------------------------------


async def _is_nobodys(task: Task, tx: Transaction) -> bool:
    """Whether two are one, asked of a desk that has left: another is asked once it meets one of them (`intake`)."""
    owner = await store.find_agency(tx, task.agency) if task.kind == twins.KIND else None
    return owner is not None and owner.status == "left"


async def _takes_over(of: OpenTask | Task, tx: Transaction) -> Agency | None:
    """Who coordinates the city, for what an agency that works no more would have to decide about a referral."""
    if of.referral_id is None or of.until:
        return None
    owner, lead = await store.find_agency(tx, of.agency), await store.find_lead(tx, of.city)
    if owner is None or lead is None or owner.status == "active" or lead.status != "active":
        return None
    return None if await _withholds_coordination(of, tx) else lead


async def _goes_to(task: Task, tx: Transaction) -> dict[str, Any] | None:
    """To which desk a task goes instead: of who coordinates, or the sender's once those work no more, or
    the person excluded them.
    """
    if lead := await _takes_over(task, tx):
        return aftermath.desk_of(lead)
    owner = await store.find_agency(tx, task.agency)
    coordinates = owner is not None and owner.coordination is not None and owner.coordination.code == task.queue
    need = await _need_of(task.referral_id, tx) if task.referral_id and coordinates else None
    if owner is None or need is None or task.until:
        return None
    may_look = owner.status == "active" and not await facts.excludes(need, owner, tx)
    return None if may_look else aftermath.desk_of_sender(need)


async def _withholds_coordination(of: OpenTask | Task, tx: Transaction) -> bool:
    """Whether the person excluded who coordinates the city of a task; also of a need that nobody was found for."""
    if (lead := await store.find_lead(tx, of.city)) is None:
        return False
    if of.referral_id and (need := await _need_of(of.referral_id, tx)):
        return await facts.excludes(need, lead, tx)
    known, since = await store.get_journey(tx, of.journey_id), await store.find_ground(tx, of.journey_id)
    return sharing.is_named(lead, sharing.excluded(known.excluded, since.bases if since else ()))


async def _need_of(referral_id: UUID, tx: Transaction) -> Need | None:
    """Also of one that was never opened: as it was when nobody was found for it."""
    if referral := await store.find_referral(tx, referral_id):
        return referral.need
    decided = await store.find_decision(tx, referral_id)
    return decided.decision.search.need if decided else None
