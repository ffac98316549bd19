"""No need without an answer: what became of every service that a recorded intake asked for (design, north star)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from uuid import UUID, uuid5

from contracts.codes import bus_code, codes
from contracts.events import IntakeRecorded
from contracts.topics import INTAKES
from services.cli.verify.checks.folding import due, is_over, model_of, owner
from services.cli.verify.loaded import Doc, Loaded
from services.cli.verify.report import Seen

GOES_ON = frozenset({"DECLINED", "REROUTED", "EXPIRED"})
"""Ends after which somebody else is asked, or the sender has to decide."""

ALWAYS = ""
REASONS = {
    "CLOSED": "closure_outcomes", "WITHDRAWN": "withdraw_reasons", "REVOKED": "withdraw_reasons",
    "ENTERED_IN_ERROR": ALWAYS,
}  # fmt: skip
"""Ends with a list of reasons, each of which says what comes next."""

DECLINED = "DECLINED"
LONGEST_CHAIN = 10
ABOUT_NO_NEED = "confirm_vital_interest"
"""The kind of a task that is called as a referral and answers nothing of what it was asked for."""


def check(loaded: Loaded) -> Iterator[Seen]:
    kept = Kept.of(loaded)
    for intake_id, services in _asked(loaded).items():
        for n, service in enumerate(services):
            need_id = str(uuid5(UUID(intake_id), f"referral:{n}"))
            wrong = _open_ended(need_id, intake_id, kept)
            yield Seen(f"need {need_id} ({bus_code(service)})", (wrong,) if wrong else ())


@dataclass(frozen=True, slots=True)
class Kept:
    """What referral keeps, as a need asks for it.

    linked: on which referral one leans that was never opened, by its id; leaning: the same by a need, of those that a
    receiver declined for it. tasks: by the referral that they are about.
    """

    referrals: dict[str, Doc]
    journeys: dict[str, Doc]
    linked: dict[str, str]
    leaning: dict[str, str]
    tasks: dict[str, list[Doc]]

    @classmethod
    def of(cls, loaded: Loaded) -> "Kept":
        tasks: dict[str, list[Doc]] = defaultdict(list)
        for task in loaded.stored("referral", "tasks").values():
            if task["kind"] != ABOUT_NO_NEED:
                tasks[task["referral_id"] or ""].append(task)
        decisions = loaded.stored("referral", "decisions")
        linked = {id: doc["linked_id"] for id, doc in decisions.items() if doc.get("linked_id")}
        links = loaded.stored("referral", "links").values()
        leaning = {str(told["need_id"]): str(doc["referral_id"]) for doc in links for told in doc["leaning"]}
        referrals, journeys = loaded.stored("referral", "referrals"), loaded.stored("referral", "journeys")
        return cls(dict(referrals), dict(journeys), linked, leaning, tasks)


def _asked(loaded: Loaded) -> dict[str, list[str]]:
    """Of each recorded intake the services, in its order: what is kept of it, and what was said."""
    kept = [doc["recorded"] for doc in loaded.stored("intake", "intakes").values()]
    said = [message.value for message in loaded.on(INTAKES) if model_of(message) is IntakeRecorded]
    return {intake["intake_id"]: [asked["service"] for asked in intake["services"]] for intake in [*kept, *said]}


def _open_ended(need_id: str, journey_id: str, kept: Kept) -> str | None:
    """What is missing for this need to have an answer, or to have somebody who owes it and until when."""
    journey = kept.journeys.get(journey_id)
    need = next((n for n in journey["needs"] if n["need_id"] == need_id), None) if journey else None
    if journey is None or need is None:
        return "its journey does not know of it"
    last, referral = _last(need_id, kept.referrals)
    if any(unmet["final"] and unmet["referral_id"] in (last, need_id) for unmet in journey["unmet"]):
        return None
    tasks = [task for id in (last, need_id) for task in kept.tasks.get(id, ())]
    if any(_is_owed(task["queue"], task["due_at"]) for task in tasks if task["state"] == "OPEN"):
        return None
    if referral is None:
        return _unsent(last, need["state"], tasks, kept)
    if referral["state"] == DECLINED and need["state"] == "served":
        return None  # by the referral that it leaned on
    if referral["state"] == DECLINED and need["state"] == "linked":
        return _leans(
            f"referral {last} was declined for another, and nothing says which", kept.leaning.get(need_id), kept
        )
    return _sent(last, referral, tasks)


def _last(need_id: str, referrals: dict[str, Doc]) -> tuple[str, Doc | None]:
    """The end of the chain that began with this need: its id, and the referral if it was opened."""
    id, referral = need_id, referrals.get(need_id)
    for _ in range(LONGEST_CHAIN):
        if referral is None or not referral["successor_id"]:
            break
        id, referral = referral["successor_id"], referrals.get(referral["successor_id"])
    return id, referral


def _sent(id: str, referral: Doc, tasks: Iterable[Doc]) -> str | None:
    state = referral["state"]
    if not is_over(state):
        owed = _is_owed(owner(referral), due(referral))
        return None if owed else f"referral {id} is {state} without owner or due time"
    if list(tasks):
        return None
    if state in GOES_ON:
        return f"referral {id} is {state}, and nobody is asked: no successor, no task, no record of unmet need"
    return f"referral {id} is {state}, which leaves something to decide to nobody" if _asks_people(referral) else None


def _asks_people(referral: Doc) -> bool:
    """Whether its end leaves something to decide: as the reason says, unless the sender ended it and decided so."""
    at_the_end = list(takewhile(lambda entry: entry["state"] == referral["state"], reversed(referral["history"])))
    ended, list_ = at_the_end[-1] if at_the_end else None, REASONS.get(referral["state"])
    if ended is None or ended["by"] == "sender" or list_ is None:
        return False
    return list_ == ALWAYS or codes(list_)[ended["reason"]]["next"] != "none"


def _unsent(id: str, state: str, tasks: Iterable[Doc], kept: Kept) -> str | None:
    """No referral was opened: the need leans on another one of the same person, or it did."""
    if state == "served" or (state == "ended" and list(tasks)):
        return None
    return _leans(f"referral {id} was never opened, and nothing says why", kept.linked.get(id), kept)


def _leans(otherwise: str, leant_on: str | None, kept: Kept) -> str | None:
    """otherwise: what is wrong when nothing says on what it leans."""
    if leant_on is None:
        return otherwise
    referral = kept.referrals.get(leant_on)
    if referral is None:
        return f"it leans on referral {leant_on}, which nobody keeps"
    if is_over(referral["state"]):
        return f"it leans on referral {leant_on}, which is {referral['state']}, and was not told"
    return _sent(leant_on, referral, ())


def _is_owed(by: object, until: object) -> bool:
    return bool(by) and until is not None
