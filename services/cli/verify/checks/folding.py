"""What an aggregate's events add up to, and the same of the document that its service keeps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from contracts import codes
from contracts.catalogue import BY_TYPE
from contracts.erasure import PersonErased
from contracts.events import IntakeRecorded, ReferralEvent
from contracts.journeys import JourneyEvent, TaskDone, TaskEvent, UnmetNeedRecorded, UnmetNeedTakenBack
from contracts.places import CapacityConfirmed, CapacityHeld, CapacityReleased, PlacesEvent
from contracts.sharing import SharingEvent
from contracts.topics import CAPACITY, INTAKES, REFERRALS, Topic
from contracts.values import Message, SharingBasis
from services.cli.verify.loaded import Doc, Said, instant

Sum = dict[str, Any]

LINKED = "LINKED"
"""The state that a routing decision tells of a referral that was never opened."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of aggregate. event: what all of its events are; fold and stored: both sides, by the same names."""

    name: str
    service: str
    collection: str
    topic: Topic
    event: type[Message]
    fold: Callable[[Iterable[Said]], Sum]
    stored: Callable[[Doc], Sum]


def model_of(said: Said) -> type[Message]:
    """What a message is; of a later release than this one: nothing in particular."""
    return BY_TYPE.get(said.type, Message)


# -- referrals ---------------------------------------------------------------------------------------------------------


def of_referral(said: Iterable[Said]) -> Sum:
    """Each event tells the whole of where the referral stands; of its place, only what happened to it."""
    events = [m for m in said if issubclass(model_of(m), ReferralEvent)]
    seat = "none"
    for event in events:
        seat = _seat(seat, event)
    last: Doc = events[-1].value if events else {}
    told = {name: last.get(name) for name in TOLD}
    return told | {"due_at": instant(last.get("due_at")), "seat": seat}


TOLD = ("state", "version", "hop", "predecessor_id", "journey_id", "service", "priority", "sender_agency",
        "sender_queue", "receiver_agency", "receiver_queue", "offer", "owner")  # fmt: skip


def _seat(before: str, event: Said) -> str:
    """What an event does to the place at the offer; where nobody counts places there is none to the end."""
    said = event.value
    if told := said.get("seat"):
        return str(told)
    if before == "none":
        return before
    match event.type.split(".")[2], said["state"]:
        case "waitlisted", _:
            return "waiting"
        case "seat_lapsed", state:
            return "waiting" if state == "WAITLISTED" else "lost"
        case _, "ACCEPTED" | "IN_SERVICE" | "ON_HOLD":
            return "confirmed" if before == "held" else before
        case _, state if is_over(state):
            return "given_back"
    return before


def of_stored_referral(doc: Doc) -> Sum:
    need, place = doc["need"], doc["place"] or {}
    return {
        "state": doc["state"], "version": doc["version"], "hop": doc["hop"], "predecessor_id": doc["predecessor_id"],
        "journey_id": need["journey_id"], "service": need["service"], "priority": need["priority"],
        "sender_agency": need["sender_agency"], "sender_queue": need["sender_queue"],
        "receiver_agency": place.get("agency"), "receiver_queue": place.get("queue"), "offer": place.get("offer"),
        "owner": owner(doc), "due_at": due(doc), "seat": doc["seat"],
    }  # fmt: skip


def owner(referral: Doc) -> str | None:
    """The queue whose turn it is, as the states' table says."""
    queues = {"sender": referral["need"]["sender_queue"], "receiver": (referral["place"] or {}).get("queue")}
    turn = codes.codes("transitions", "states").get(referral["state"], {}).get("owner")
    return queues.get(str(turn))


def due(referral: Doc) -> Any:
    """When the earliest of its running timers is over."""
    return min((at for timer in referral["timers"] if (at := instant(timer["due_at"]))), default=None)


def is_over(state: str) -> bool:
    return bool(codes.codes("transitions", "states").get(state, {}).get("kind") == "terminal")


# -- journeys and tasks ------------------------------------------------------------------------------------------------


def of_journey(said: Iterable[Said]) -> Sum:
    """Its answers carry its version; what its needs came to is told by their referrals (see `needs`)."""
    messages = list(said)
    back = {m.value["referral_id"] for m in messages if model_of(m) is UnmetNeedTakenBack}
    recorded = [m.value for m in messages if model_of(m) is UnmetNeedRecorded]
    unmet = [_unmet(value | {"in_error": value["referral_id"] in back}) for value in recorded]
    return {"version": max((m.sequence or 0 for m in messages), default=0), "unmet": unmet}


def of_stored_journey(doc: Doc) -> Sum:
    return {"version": doc["version"], "unmet": [_unmet(record) for record in doc["unmet"]]}


def _unmet(record: Doc) -> tuple[Any, ...]:
    told = tuple(record.get(name) for name in ("referral_id", "service", "final", "reason"))
    return (*told, bool(record.get("in_error")))


def of_task(said: Iterable[Said]) -> Sum:
    events = [m for m in said if issubclass(model_of(m), TaskEvent)]
    last: Doc = events[-1].value if events else {}
    done = bool(events) and model_of(events[-1]) is TaskDone
    return {name: last.get(name) for name in OF_TASK} | {
        "due_at": instant(last.get("due_at")),
        "state": "DONE" if done else "OPEN",
    }


OF_TASK = ("version", "kind", "journey_id", "referral_id", "service", "agency", "queue")


def of_stored_task(doc: Doc) -> Sum:
    return {name: doc[name] for name in OF_TASK} | {"due_at": instant(doc["due_at"]), "state": doc["state"]}


# -- places and intakes ------------------------------------------------------------------------------------------------


def of_places(said: Iterable[Said]) -> Sum:
    messages = [m for m in said if issubclass(model_of(m), PlacesEvent)]
    version = max((m.sequence or 0 for m in messages), default=0)
    return {"version": version, "taken": taken_after(messages)}


def taken_after(said: Iterable[Said]) -> dict[str, tuple[int, str]]:
    """Who has how many places, held or confirmed."""
    taken: dict[str, tuple[int, str]] = {}
    for message in said:
        take(taken, message)
    return taken


def take(taken: dict[str, tuple[int, str]], event: Said) -> None:
    """What one more event changes of who has places."""
    referral_id, model = event.value.get("referral_id", ""), model_of(event)
    if model is CapacityHeld:
        taken[referral_id] = (event.value["places"], "held")
    elif model is CapacityConfirmed:
        taken[referral_id] = (event.value["places"], "confirmed")
    elif model is CapacityReleased:
        taken.pop(referral_id, None)


def of_stored_places(doc: Doc) -> Sum:
    taken = {
        t["party"]["referral_id"]: (t["party"]["places"], "confirmed" if t["confirmed"] else "held")
        for t in doc["taken"]
    }
    return {"version": doc["version"], "taken": taken}


def of_intake(said: Iterable[Said]) -> Sum:
    """What people wrote in it, and what tells of a birthday, is gone once the person is erased."""
    messages = list(said)
    found = [m.value for m in messages if model_of(m) is IntakeRecorded]
    erased = any(model_of(m) is PersonErased for m in messages)
    gone = {"priority_reason": None, "age_band_until": None} if erased else {}
    return {"recorded": IntakeRecorded.model_validate(found[-1] | gone) if found else None}


def of_stored_intake(doc: Doc) -> Sum:
    return {"recorded": IntakeRecorded.model_validate(doc["recorded"])}


def of_sharing(said: Iterable[Said]) -> Sum:
    """The intake states the first of them, as version 1."""
    told = [m for m in said if issubclass(model_of(m), IntakeRecorded | SharingEvent)]
    return _sharing(told[-1].value.get("version", 1), told[-1].value["sharing_basis"]) if told else {}


def of_stored_sharing(doc: Doc) -> Sum:
    return _sharing(doc["version"], doc["bases"])


def _sharing(version: int, bases: list[Doc]) -> Sum:
    return {"version": version, "bases": [SharingBasis.model_validate(basis) for basis in bases]}


KINDS = (
    Kind("referral", "referral", "referrals", REFERRALS, ReferralEvent, of_referral, of_stored_referral),
    Kind("journey", "referral", "journeys", REFERRALS, JourneyEvent, of_journey, of_stored_journey),
    Kind("task", "referral", "tasks", REFERRALS, TaskEvent, of_task, of_stored_task),
    Kind("intake", "intake", "intakes", INTAKES, IntakeRecorded, of_intake, of_stored_intake),
    Kind("sharing", "intake", "sharing", INTAKES, SharingEvent, of_sharing, of_stored_sharing),
)
PLACES = tuple(
    Kind("places", service, "places", CAPACITY, PlacesEvent, of_places, of_stored_places)
    for service in CAPACITY.writers
)
