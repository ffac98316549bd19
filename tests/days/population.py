"""Agencies as they are: each desk answers in its own way, or not at all, and the same for the same seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts import codes
from services.referral.domain import vital

Doc = dict[str, Any]

KINDS = {"accepts": 5, "declines": 3, "ignores": 2, "vanishes": 2}
"""How a desk answers, and how many of twelve desks do so."""

REASONS = tuple(
    reason["code"]
    for reason in codes.codes("decline_reasons").values()
    if "decline" in reason["usable_in"] and not reason.get("conditions") and reason["code"] != "agency_suspended"
)
OUTCOMES = ("served_completed",) * 6 + ("served_partial", "enrolled_ongoing", "person_dropped_out", "moved_city")
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Doing:
    """What a desk will do, and from when on it may."""

    after: timedelta
    type: str
    fields: Doc


@dataclass
class Population:
    """kinds: of the desks that were asked something so far; deck: those to come. vanish_at: when some do."""

    random: Random
    vanish_at: datetime
    kinds: dict[str, str] = field(default_factory=dict)
    deck: list[str] = field(default_factory=list)

    def kind(self, queue: str) -> str:
        if not self.deck:
            self.deck = [kind for kind, count in KINDS.items() for _ in range(count)]
            self.random.shuffle(self.deck)
        if queue not in self.kinds:
            self.kinds[queue] = self.deck.pop()
        return self.kinds[queue]

    def is_there(self, queue: str, now: datetime) -> bool:
        return self.kind(queue) != "vanishes" or now < self.vanish_at

    def moved_by(self, agency: str, entry: Doc) -> tuple[str, list[Doing]]:
        """The desk that an entry of its agency's feed asks something of, and what it will do."""
        value, short = entry["value"], entry["type"].removeprefix("staffetta.").removesuffix(".v1")
        queue = value.get("queue") if short == "task.opened" else value.get("receiver_queue")
        answers = ANSWERS.get(short)
        asked_other = short != "task.opened" and value.get("receiver_agency") != agency
        if not answers or not queue or asked_other or self.kind(queue) == "ignores":
            return "", []
        return queue, list(answers(self, queue, value))

    # -- what each kind does -------------------------------------------------------------------------------------------
    def asked(self, queue: str, value: Doc) -> Iterator[Doing]:
        """Once its place is held, where places are counted."""
        if value.get("seat") == "asked":
            return
        seen = self.within(1, 16)
        yield self.say(seen, "acknowledge", value, phone_call_recorded_at=value["at"])
        if self.kind(queue) == "declines":
            reason = self.random.choice(REASONS)
            about = {"linked_referral_id": value["referral_id"]} if reason in LINKS else WITH.get(reason, TEXT)
            yield self.say(seen + self.within(1, 40), "decline", value, decline_reason=reason, **about)
        else:
            yield self.say(seen + self.within(1, 30), "accept", value)

    def offered(self, _queue: str, value: Doc) -> Iterator[Doing]:
        yield self.say(self.within(1, 20), "confirm_seat", value, person_still_interested=True)

    def accepted(self, _queue: str, value: Doc) -> Iterator[Doing]:
        after = self.within(2, 120)
        yield self.say(after, "start", value, first_contact_at=value["at"], contact_mode="desk")

    def started(self, _queue: str, value: Doc) -> Iterator[Doing]:
        after = self.within(24, 30 * 24)
        yield self.say(after, "close", value, closure_outcome=self.random.choice(OUTCOMES), text="Sintetico.")

    def has_a_task(self, _queue: str, value: Doc) -> Iterator[Doing]:
        """No desk here confirms a vital interest: each ends."""
        if value["kind"] == vital.KIND:
            return
        after = self.within(1, 72)
        if value["kind"] == "dependency_ended":
            yield self.say(after, "send", value)
        yield Doing(after + HOUR, "staffetta.task.complete.v1", {"task_id": value["task_id"]})

    def say(self, after: timedelta, command: str, value: Doc, **fields: Any) -> Doing:
        about = {"referral_id": value["referral_id"], "command": command}
        return Doing(after, f"staffetta.referral.{command}.v1", about | fields)

    def within(self, least: float, most: float) -> timedelta:
        """Hours; most answers come early, some late."""
        return timedelta(hours=least + (most - least) * self.random.random() ** 2)


TEXT = {"text": "Sintetico."}
WITH: dict[str, Doc] = {
    "no_capacity": {},
    "not_eligible": {"failed_rule": "age_between"},
    "missing_documents": {"documents": ["stp"]},
}
LINKS = ("already_served", "duplicate_request")

ANSWERS: dict[str, Callable[[Population, str, Doc], Iterator[Doing]]] = {
    "referral.sent": Population.asked,
    "referral.seat_held": Population.asked,
    "referral.seat_offered": Population.offered,
    "referral.accepted": Population.accepted,
    "referral.started": Population.started,
    "task.opened": Population.has_a_task,
}
