"""What a command is judged by beside the referral itself: the directory, routing, the calendar, the chain it is in."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from contracts.commands import Need, OpenReferral, ReferralCommand
from contracts.directory import Agency
from contracts.identity import IdentityUnlinked
from contracts.journeys import EndNeed
from contracts.values import Asked
from services.chassis.transaction import Transaction
from services.referral import calendar, deciding, store
from services.referral.domain import basis, choice, serving, sharing, table
from services.referral.domain.case import Facts
from services.referral.domain.referral import Referral, link_of
from services.referral.domain.routing import Decision, Place, Search


async def to_open(command: OpenReferral, tx: Transaction) -> Facts:
    search = Search(command.need, command.hop, command.tried, command.next_agency)
    before = await store.find_referral(tx, command.predecessor_id) if command.predecessor_id else None
    known = await _sending(search, tx, predecessor=before)
    if command.asked is None or not command.asked.roles:
        return known
    speaker, sender = await _speaker(command.need, command.asked, tx), await _sender(command.need, tx)
    return replace(known, speaker=speaker, sender=sender)


def to_draft(need: Need, tx: Transaction) -> Facts:
    return Facts(tx.now, calendar.of(need.sender_city, tx.now))


async def to_change(referral: Referral, command: ReferralCommand, tx: Transaction) -> Facts:
    """Routing is asked now for a command that needs a receiver: a draft that is sent, a referral that is passed on."""
    need, place = referral.need, referral.place
    if command.command == "send" and place is None:
        chosen = choice.of(need, command)
        known = await _sending(Search(need, choice=chosen), tx)
        of_agencies = await _of_agencies(referral, command, tx, has_successor=False)
        return replace(known, sender=await _sender(need, tx), **of_agencies)
    decision, linked = None, None
    if command.command in ("pass_on", "open") and place:
        search = Search(need, referral.hop + 1, (*referral.tried, place.agency), command.next_agency)
        found = await _found(search, tx) if command.command == "open" else (await _decide(search, tx), None, ())
        decision, linked, _ = found
    clock = calendar.of(place.city if place else need.sender_city, tx.now)
    latest = await latest_of(referral, tx)
    of_agencies = await _of_agencies(referral, command, tx, has_successor=latest is not None)
    onward = command.command == "open"
    linked_id, sender = linked.referral_id if linked else None, await _sender(need, tx) if onward else None
    of_place = await _of_place(referral, command, tx)
    of_need = {"linked_id": linked_id, "sender": sender}
    return Facts(tx.now, clock, decision, latest=latest, **of_agencies, **of_need | of_place)


async def _speaker(need: Need, asked: Asked, tx: Transaction) -> Agency | None:
    """Who asks; none where the person excluded them, to whom they are no coordinator."""
    speaker = await store.find_agency(tx, asked.agency or "")
    return None if speaker is None or await excludes(need, speaker, tx) else speaker


async def _sender(need: Need, tx: Transaction) -> Agency | None:
    return await store.find_agency(tx, need.sender_agency)


async def _of_agencies(
    referral: Referral, command: ReferralCommand, tx: Transaction, *, has_successor: bool
) -> dict[str, Any]:
    """Who asks and who has it, where that is looked at."""
    known: dict[str, Any] = {}
    if has_successor or command.asked.roles:
        known["speaker"] = await _speaker(referral.need, command.asked, tx)
    if has_successor:
        known["shared"] = (await store.get_ground(tx, referral.need)).applied_to(referral.need)
    if command.command in table.BY_DIRECTORY:
        known["receiver"] = await store.find_agency(tx, referral.place.agency) if referral.place else None
        known |= await coordination(referral, tx)
    return known


async def coordination(referral: Referral, tx: Transaction) -> dict[str, Any]:
    """Who coordinates the city where it lies, unless they work no more or the person excluded them."""
    lead = await store.find_lead(tx, referral.place.city if referral.place else referral.need.sender_city)
    withheld = lead is not None and await excludes(referral.need, lead, tx)
    works = lead is not None and lead.status == "active"
    return {"lead": lead if works and not withheld else None, "lead_withheld": withheld}


async def excludes(need: Need, agency: Agency, tx: Transaction) -> bool:
    return sharing.is_withheld((await store.get_ground(tx, need)).applied_to(need), agency)


async def _of_place(referral: Referral, command: ReferralCommand, tx: Transaction) -> dict[str, Any]:
    """What it rests on and where it lies, where that is looked at."""
    known: dict[str, Any] = {}
    if command.command == "decline" and command.linked_referral_id:
        known["served_by"] = await _served_by(referral, command.linked_referral_id, tx)
    if command.command in ("revoke", "reopen"):
        known["basis_ended"] = await why_ended(referral, tx) is not None
    if (place := referral.place) and command.command in ("waitlist", "reopen"):
        known["offer"] = await store.find_offer(tx, place.offer)
    if place and command.command == "reopen":
        linked = await _linked(referral.need, place, tx)
        known["linked_id"] = linked.referral_id if linked else None
    return known


async def _served_by(referral: Referral, named: UUID, tx: Transaction) -> Referral | None:
    """By its link, which whoever ends it deletes: of two at the same instant one looks again."""
    other = await store.find_referral(tx, named)
    if other is None or other.link is None or not serving.serves(other, referral):
        return None
    held = await store.find_link(tx, other.link)
    return other if held and held.referral_id == named else None


def as_it_lies(referral: Referral, tx: Transaction) -> Facts:
    """For what the network itself does with it where it is."""
    city = referral.place.city if referral.place else referral.need.sender_city
    return Facts(tx.now, calendar.of(city, tx.now))


async def why_ended(referral: Referral, tx: Transaction) -> str | None:
    """Why what it rests on has ended (`withdraw_reasons.json`); None while it stands, and for what was not sent."""
    if (place := referral.place) is None:
        return None
    ground, known = await store.get_ground(tx, referral.need), await store.find_agencies(tx, [place.agency])
    return basis.ended(referral, ground, known[place.agency], _day(referral.need, tx))


async def holder_of(need_id: UUID, tx: Transaction) -> Referral | None:
    """The last referral of a need; its first one has the need's own id."""
    first = await store.find_referral(tx, need_id)
    return first and (await latest_of(first, tx) or first)


async def chain_of(need_id: UUID, tx: Transaction) -> list[UUID]:
    """Every referral of a need, from its first one on."""
    chain = list[UUID]()
    next_id: UUID | None = need_id
    while next_id and (found := await store.find_referral(tx, next_id)):
        chain.append(found.referral_id)
        next_id = found.successor_id
    return chain


async def latest_of(referral: Referral, tx: Transaction) -> Referral | None:
    """Who has the request now: the last of the chain that began with this referral's successor."""
    latest, next_id = None, referral.successor_id
    while next_id and (successor := await store.find_referral(tx, next_id)):
        latest, next_id = successor, successor.successor_id
    return latest


async def priority_of(leaning: EndNeed, tx: Transaction) -> str | None:
    """A draft may have another one by now than when it began to lean."""
    own = await store.find_referral(tx, leaning.referral_id)
    return own.need.priority if own else leaning.priority


async def parted(event: IdentityUnlinked, tx: Transaction) -> list[EndNeed]:
    """Needs of one person that lean on a referral of another one, who was the same until now, or were served with it:
    they do no more, and were not.
    """
    one, other = [{ref, *await store.find_other_names(tx, ref)} for ref in event.person_refs]
    told = list[EndNeed]()
    if one & other:
        return told
    for link in [*await store.find_leant_on(tx, one | other), *await store.find_served_too(tx, one | other)]:
        held = await store.find_referral(tx, link.referral_id)
        strangers = other if held and held.need.person_ref in one else one
        told += link.tell([need for need in link.leaning if need.person_ref in strangers], "ended")
    return told


async def as_decided(told: EndNeed, tx: Transaction) -> list[EndNeed]:
    """What a journey is told, and that a need leans on a referral no more that is another person's by now: nor was it
    served by that one.
    """
    held = await store.find_referral(tx, told.linked_referral_id) if told.linked_referral_id else None
    if held is None or told.person_ref in (None, held.need.person_ref):
        return [told]
    if held.need.person_ref in await store.find_other_names(tx, str(told.person_ref)):
        return [told]
    over = told.model_copy(update={"outcome": "ended", "reason": None})
    return [told, over] if told.outcome in ("linked", "reopened") else [over]


def _day(need: Need, tx: Transaction) -> date:
    """On which day it is judged: that of where the person was met."""
    return calendar.of(need.sender_city, tx.now).day_of(tx.now)


async def _decide(search: Search, tx: Transaction) -> Decision:
    """Under the sharing bases as they are now."""
    ground = await store.get_ground(tx, search.need)
    search = replace(search, need=ground.applied_to(search.need))
    return await deciding.decide(search, _day(search.need, tx), tx.find)


async def _sending(search: Search, tx: Transaction, predecessor: Referral | None = None) -> Facts:
    """With the clock of the city it would go to, and the open referral of this person to that offer."""
    decision, linked, passed_by = await _found(search, tx)
    clock = calendar.of(decision.first.city if decision.first else search.need.sender_city, tx.now)
    linked_id = linked.referral_id if linked else None
    return Facts(tx.now, clock, decision, linked_id, linked, passed_by, predecessor)


async def _found(search: Search, tx: Transaction) -> tuple[Decision, Referral | None, tuple[Referral, ...]]:
    """Whom to ask, and the open referral of this person there; an agency where that one must not be leant on is passed
    by, as one that was asked already.
    """
    passed: tuple[Referral, ...] = ()
    while True:
        decision = await _decide(search, tx)
        linked = await _linked(search.need, decision.first, tx)
        passed_by = linked and search.choice is None and serving.is_passed_by(linked, search.need.priority)
        if not passed_by or linked is None or decision.first is None or decision.first.agency in search.tried:
            return decision, linked, passed
        passed = (*passed, linked)
        search = replace(search, tried=(*search.tried, decision.first.agency))


async def _linked(need: Need, place: Place | None, tx: Transaction) -> Referral | None:
    """Under any name that people decided to be the same person's."""
    if place is None:
        return None
    held = await store.find_link(tx, link_of(need, place))
    for other in () if held else await store.find_other_names(tx, need.person_ref):
        held = held or await store.find_link(tx, link_of(need.model_copy(update={"person_ref": other}), place))
    return await store.find_referral(tx, held.referral_id) if held else None
