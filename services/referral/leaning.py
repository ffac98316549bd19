"""Needs that are answered by a referral of another need of the person, and what they are told of it."""

from collections.abc import Iterable
from dataclasses import replace

from contracts.journeys import EndNeed
from contracts.values import Message
from services.chassis.transaction import Transaction
from services.referral import facts, store
from services.referral.domain import serving, unsent
from services.referral.domain.referral import Referral
from services.referral.domain.unsent import Link


async def begin(on: Referral | None, said: Iterable[Message], tx: Transaction) -> None:
    """Of a need that is linked to a referral is kept that it will be told how that one ends."""
    leaning = [message for message in said if isinstance(message, EndNeed) and message.outcome == "linked"]
    if leaning and on and (name := on.link):
        link = await store.find_link(tx, name) or Link(on.referral_id)
        store.save_link(tx, name, link.with_more(*leaning))


def take_up(referral: Referral, tx: Transaction) -> None:
    """No other of this person may be at its receiver; the needs that it served beside its own lean on it again."""
    if referral.link:
        link = Link(referral.referral_id, referral.served_too)
        store.save_link(tx, referral.link, link)
        _tell(link.tell(link.leaning, "reopened"), tx)


async def tell(before: Referral, after: Referral, said: list[Message], tx: Transaction) -> None:
    """When it is over, whoever leaned on it is told how it ended, and the person may be sent to this offer again; when
    it comes to wait on a list, an emergency leans on it no more.
    """
    over = before.is_open and not after.is_open
    name = after.link if over or unsent.comes_to_wait(before, after) else None
    link = await store.find_link(tx, name) if name else None
    if name is None or link is None or link.referral_id != after.referral_id:
        return
    if over:
        store.delete_link(tx, name)
        ends = unsent.held_no_more(link, after, said)
        store.save_referral(tx, replace(after, served_too=tuple(told for told in ends if told.outcome == "served")))
        return _tell(ends, tx)
    gone = [told for told in link.leaning if serving.is_passed_by(after, await facts.priority_of(told, tx))]
    store.save_link(tx, name, link.without(gone))
    _tell(link.tell(gone, "ended"), tx)


def _tell(ends: Iterable[EndNeed], tx: Transaction) -> None:
    """Each journey of those that leaned on a referral."""
    for told in ends:
        tx.correlate(told.journey_id)
        tx.emit(told)
