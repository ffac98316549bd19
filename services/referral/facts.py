"""What a command is judged by beside the referral itself: the directory, routing, the calendar, the chain it is in."""

from typing import Any
from uuid import UUID

from contracts.commands import Need, OpenReferral, ReferralCommand
from services.chassis.transaction import Transaction
from services.referral import calendar, store
from services.referral.domain import routing, table
from services.referral.domain.case import Facts
from services.referral.domain.referral import Referral, link_of
from services.referral.domain.routing import Decision, Place, Search

"""Commands for a receiver that does not work."""


async def to_open(command: OpenReferral, tx: Transaction) -> Facts:
    decision = await _decide(Search(command.need, command.hop, command.tried, command.next_agency), tx)
    before = await store.find_referral(tx, command.predecessor_id) if command.predecessor_id else None
    return await _sending(command.need, decision, tx, predecessor=before)


def to_draft(need: Need, tx: Transaction) -> Facts:
    return Facts(tx.now, calendar.of(need.sender_city, tx.now))


async def to_change(referral: Referral, command: ReferralCommand, tx: Transaction) -> Facts:
    """Routing is asked now for a command that needs a receiver: a draft that is sent, a referral that is passed on."""
    need, place = referral.need, referral.place
    if command.command == "send" and place is None:
        named = need.model_copy(update={"named_offer": command.offer}) if command.offer else need
        return await _sending(named, await _decide(Search(named), tx), tx)
    decision = None
    if command.command == "pass_on" and place:
        search = Search(need, referral.hop + 1, (*referral.tried, place.agency), command.next_agency)
        decision = await _decide(search, tx)
    clock = calendar.of(place.city if place else need.sender_city, tx.now)
    latest = await _latest(referral, tx)
    of_agencies = await _of_agencies(place, command, tx, needs_speaker=latest is not None)
    return Facts(tx.now, clock, decision, latest=latest, **of_agencies, **await _of_offer(need, place, command, tx))


async def _of_agencies(
    place: Place | None, command: ReferralCommand, tx: Transaction, *, needs_speaker: bool
) -> dict[str, Any]:
    """Who asks and who has it, where that is looked at. Which basis ended, its keeper says in a command of our own."""
    known: dict[str, Any] = {}
    if needs_speaker or command.asked.roles:
        known["speaker"] = await store.find_agency(tx, command.asked.agency or "")
    if place and command.command in table.BY_DIRECTORY:
        known["receiver"] = await store.find_agency(tx, place.agency)
        known["lead"] = await store.find_lead(tx, place.city)
    if command.role == "system" and command.basis_id:
        known["ended_bases"] = frozenset({command.basis_id})
    return known


async def _of_offer(need: Need, place: Place | None, command: ReferralCommand, tx: Transaction) -> dict[str, Any]:
    if place is None or command.command not in ("waitlist", "reopen"):
        return {}
    offer = await store.find_offer(tx, place.offer)
    return {"offer": offer, "linked_id": await _linked_id(need, place, tx) if command.command == "reopen" else None}


def as_it_lies(referral: Referral, tx: Transaction) -> Facts:
    """For what the network itself does with it where it is."""
    city = referral.place.city if referral.place else referral.need.sender_city
    return Facts(tx.now, calendar.of(city, tx.now))


async def _decide(search: Search, tx: Transaction) -> Decision:
    """Routing over this service's own copy of the directory, on the day it is where the person was met."""
    offers = await store.find_offers(tx, search.need.service)
    agencies = await store.find_agencies(tx, (offer.agency for offer in offers))
    day = calendar.of(search.need.sender_city, tx.now).day_of(tx.now)
    return routing.route(search, offers, agencies, day)


async def _sending(need: Need, decision: Decision, tx: Transaction, predecessor: Referral | None = None) -> Facts:
    """With the clock of the city it would go to, and the open referral of this person to that offer."""
    clock = calendar.of(decision.first.city if decision.first else need.sender_city, tx.now)
    linked_id = await _linked_id(need, decision.first, tx)
    return Facts(tx.now, clock, decision, linked_id=linked_id, predecessor=predecessor)


async def _linked_id(need: Need, place: Place | None, tx: Transaction) -> UUID | None:
    held = await store.find_link(tx, link_of(need, place)) if place else None
    return held.referral_id if held else None


async def _latest(referral: Referral, tx: Transaction) -> Referral | None:
    """Who has the request now: the last of the chain that began with this referral's successor."""
    latest, next_id = None, referral.successor_id
    while next_id and (successor := await store.find_referral(tx, next_id)):
        latest, next_id = successor, successor.successor_id
    return latest
