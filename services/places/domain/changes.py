"""What each command makes of the places of an offer, and what is said of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.places import (
    CapacityConfirmed,
    CapacityExhausted,
    CapacityHeld,
    CapacityRefused,
    CapacityReleased,
    CapacityWaitlisted,
    ClosePlaces,
    ConfirmPlaces,
    HoldAgain,
    HoldPlaces,
    LapseHold,
    LimitHold,
    PutPlaces,
    RankPlaces,
    ReleasePlaces,
    StillWait,
    TakeAgain,
    WaitForPlaces,
)
from contracts.values import Message
from services.places.domain.places import Party, Places, Taken

NOBODY_WAITS = "EMERGENCY"
"""The priority that no waitlist takes: an emergency is accepted, declined or passed on (`transitions.json`, T05)."""

AS_TOLD = {"kind", "total", "is_open", "waitlist", "order_rule_version", "closes_at"}
"""What the directory says of places."""

Outcome = tuple[Places, list[Message]]


def change(places: Places, command: Message, now: datetime) -> Outcome:
    """The places after a command, with what is said of it; the version counts what was said.

    Whatever is asked first after the offer's last day finds it closed.
    """
    before = replace(places, version=places.version + 1)
    today = before if isinstance(command, PutPlaces) else before.as_of(now)
    after, answered = CHANGES[type(command)](today, command, now)
    said = [*answered, *_in_vain(before, after, now)]
    return (after, said) if said else (replace(after, version=places.version), [])


def put(places: Places, command: PutPlaces, now: datetime) -> Outcome:
    """Those who asked before the directory was known are answered; who waits may move up."""
    known = command.model_dump(include=AS_TOLD)
    after, said = replace(places, **known, early=()).as_of(now), list[Message]()
    for asked in places.early:
        after, more = hold(after, asked, now)
        said += more
    after, more = _promote(after, now)
    return after, [*said, *more]


def close(places: Places, _command: ClosePlaces, _now: datetime) -> Outcome:
    """Nothing more than what any command finds."""
    return places, []


def hold(places: Places, command: HoldPlaces, now: datetime) -> Outcome:
    """All or none; what this referral holds or waits for stays as it is."""
    party = Party(command.referral_id, command.journey_id, command.places, command.priority, command.sent_at)
    if places.total is None:
        return replace(places, early=(*places.early, command)), []
    if places.taken_by(party.referral_id) or places.empty_handed(party.referral_id):
        return places, []
    if places.is_open and party.places <= places.free:
        return _take(places, Taken(party, command.until), now)
    if places.waitlist and places.may_have(party) and party.priority != NOBODY_WAITS:
        return _wait(places, party, now)
    return places, [CapacityRefused(**_about(places, party, now))]


def confirm(places: Places, command: ConfirmPlaces, now: datetime) -> Outcome:
    """What is held is taken. If the hold ended in that very moment, a free place is taken, and none is conjured up.

    For whoever then has none no place is held: that is for people to mend, who may put them on the list again.
    """
    held = places.taken_by(command.referral_id)
    party = held.party if held else places.empty_handed(command.referral_id)
    if party is None or (held and held.confirmed):
        return places, []
    if held is None and party.places > places.free:
        without = places.without(party.referral_id)
        after = replace(without, let_go=(*without.let_go, party))
        return after, [CapacityRefused(**_about(places, party, now))]
    others = tuple(taken for taken in places.taken if taken is not held)
    after = replace(places.without(party.referral_id), taken=(*others, Taken(party, confirmed=True)))
    return after, [CapacityConfirmed(**_about(after, party, now))]


def hold_again(places: Places, command: HoldAgain, now: datetime) -> Outcome:
    """What was taken is held, and may lapse again."""
    taken = places.taken_by(command.referral_id)
    if taken is None or not taken.confirmed:
        return places, []
    after = _having(places, Taken(taken.party, command.until))
    return after, [_held(after, Taken(taken.party, command.until), now)]


def take_again(places: Places, command: TakeAgain, now: datetime) -> Outcome:
    """All or none, and at once, also where nobody new is taken any more: the person is in service."""
    party = Party(command.referral_id, command.journey_id, command.places, command.priority, command.sent_at)
    if places.taken_by(party.referral_id):
        return places, []
    if party.places > places.free:
        return places, [CapacityRefused(**_about(places, party, now))]
    after = replace(places, taken=(*places.taken, Taken(party, confirmed=True)))
    return after, [CapacityConfirmed(**_about(after, party, now)), *_exhausted(after, now)]


def wait(places: Places, command: WaitForPlaces, now: datetime) -> Outcome:
    """The receiver's choice: what was held goes to the next, not back to the one who is now to wait."""
    held = places.taken_by(command.referral_id)
    party = held.party if held else places.empty_handed(command.referral_id)
    if party is None or party in places.waiting or (held and held.confirmed):
        return places, []
    after, released = _release(places, held, "waitlisted", now) if held else (places, [])
    after, joined = _wait(after.without(party.referral_id), party, now)
    after, promoted = _promote(after, now, but=party)
    return after, [*released, *joined, *promoted]


def still_wait(places: Places, _command: StillWait, now: datetime) -> Outcome:
    """Whoever waits and fits is asked once more, in the order of the list."""
    return _promote(places, now)


def limit(places: Places, command: LimitHold, now: datetime) -> Outcome:
    held = places.taken_by(command.referral_id)
    if held is None or held.confirmed:
        return places, []
    return _having(places, replace(held, until=command.until)), []


def rank(places: Places, command: RankPlaces, now: datetime) -> Outcome:
    """Whoever waits is called by their priority of now; only a hold that came with the request ends another time."""

    def by(party: Party) -> Party:
        return replace(party, priority=command.priority) if party.referral_id == command.referral_id else party

    def held(taken: Taken) -> Taken:
        ranked = replace(taken, party=by(taken.party))
        stays = ranked == taken or taken.confirmed or taken.promoted
        return ranked if stays else replace(ranked, until=command.until)

    known = command.model_dump(include={"priority", "until"})
    return replace(
        places,
        taken=tuple(held(taken) for taken in places.taken),
        waiting=tuple(by(party) for party in places.waiting),
        let_go=tuple(by(party) for party in places.let_go),
        early=tuple(e.model_copy(update=known) if e.referral_id == command.referral_id else e for e in places.early),
    ), []


def lapse(places: Places, command: LapseHold, now: datetime) -> Outcome:
    """The next one is asked; whoever let the place go waits behind those who never did.

    A late word of one hold ends no other.
    """
    held = places.taken_by(command.referral_id)
    if held is None or held.confirmed or command.until not in (None, held.until):
        return places, []
    refused = command.refused or command.until is None
    after, said = _release(places, held, "refused" if refused else "lapsed", now)
    if held.promoted:
        after = replace(after, waiting=(*after.waiting, replace(held.party, lapses=held.party.lapses + 1)))
    else:
        after = replace(after, let_go=(*after.let_go, held.party))
    after, promoted = _promote(after, now, but=held.party)
    return after, [*said, *promoted]


def release(places: Places, command: ReleasePlaces, now: datetime) -> Outcome:
    """The referral needs none any more; it may have had places, waited, or asked before the directory was known."""
    remaining = places.without(command.referral_id)
    if (held := places.taken_by(command.referral_id)) is None:
        return remaining, []
    after, said = _release(remaining, held, command.cause, now)
    after, promoted = _promote(after, now)
    return after, [*said, *promoted]


CHANGES: dict[type[Message], Callable[[Places, Any, datetime], Outcome]] = {
    PutPlaces: put,
    ClosePlaces: close,
    HoldPlaces: hold,
    ConfirmPlaces: confirm,
    HoldAgain: hold_again,
    TakeAgain: take_again,
    WaitForPlaces: wait,
    StillWait: still_wait,
    LimitHold: limit,
    RankPlaces: rank,
    LapseHold: lapse,
    ReleasePlaces: release,
}


def _take(places: Places, taken: Taken, now: datetime) -> Outcome:
    after = replace(places, taken=(*places.taken, taken))
    return after, [_held(after, taken, now), *_exhausted(after, now)]


def _held(after: Places, taken: Taken, now: datetime) -> CapacityHeld:
    about, rule = _about(after, taken.party, now), after.order_rule_version
    return CapacityHeld(**about, until=taken.until, promoted=taken.promoted, order_rule_version=rule)


def _exhausted(after: Places, now: datetime) -> list[Message]:
    if after.free:
        return []
    return [CapacityExhausted(offer=after.offer, version=after.version, at=now, free=after.free)]


def _wait(places: Places, party: Party, now: datetime) -> Outcome:
    after = replace(places, waiting=(*places.waiting, party))
    position = 1 + sum(other.rank < party.rank for other in after.waiting)
    return after, [
        CapacityWaitlisted(**_about(after, party, now), position=position, order_rule_version=places.order_rule_version)
    ]


def _promote(places: Places, now: datetime, *, but: Party | None = None) -> Outcome:
    """In the order of the waitlist, whoever fits: no place stays empty for one who needs more than are free."""
    said: list[Message] = []
    for party in sorted(places.waiting, key=lambda party: party.rank):
        if not places.is_open or party.places > places.free or (but and party.referral_id == but.referral_id):
            continue
        places, more = _take(places.without(party.referral_id), Taken(party, promoted=True), now)
        said += more
    return places, said


def _in_vain(before: Places, after: Places, now: datetime) -> list[Message]:
    """They stay on the list: it may open again, and whether they wait for that is for people to decide."""
    known = {party.referral_id for party in before.waiting if not before.may_have(party)}
    return [
        CapacityRefused(**_about(after, party, now))
        for party in after.waiting
        if party.referral_id not in known and not after.may_have(party)
    ]


def _release(places: Places, held: Taken, cause: str, now: datetime) -> Outcome:
    after = replace(places, taken=tuple(taken for taken in places.taken if taken is not held))
    return after, [CapacityReleased(**_about(after, held.party, now), cause=cause)]


def _having(places: Places, changed: Taken) -> Places:
    same = changed.party.referral_id
    return replace(places, taken=tuple(changed if t.party.referral_id == same else t for t in places.taken))


def _about(places: Places, party: Party, now: datetime) -> dict[str, Any]:
    """What every event about a referral's places says (`contracts.places.CapacityEvent`)."""
    return {
        "offer": places.offer,
        "version": places.version,
        "at": now,
        "free": places.free,
        "referral_id": party.referral_id,
        "journey_id": party.journey_id,
        "places": party.places,
    }
