"""What became of each service asked for, as the senders' feeds tell it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from contracts import codes
from services.cli.wire import Entry
from services.cli.words import Words

Body = dict[str, Any]
A_WHILE_S = 15

UNMET, REFUSED = "UNMET", "REFUSED"
ENDED = frozenset({"CLOSED", "WITHDRAWN", "LINKED", UNMET, REFUSED})


@dataclass(slots=True)
class Need:
    """One service of one intake. path: what happened, in order; state: of the referral that has it now."""

    ref: str
    service: str
    asked_offer: str = "any"
    offer: str = ""
    why: str = ""
    state: str = ""
    hop: int = 0
    path: list[str] = field(default_factory=list)
    ended: bool = False


class Board:
    """`changed` is called with each need that moved. Events of other people's journeys are not ours and left alone."""

    def __init__(self, intakes: Iterable[Body], words: Words, changed: Callable[[Need], None]) -> None:
        self.words, self.changed = words, changed
        self.intakes = {(i["tier0"]["sender_agency"], i["idempotency_key"]): i for i in intakes}
        self.needs = {key: _needs(intake) for key, intake in self.intakes.items()}
        self.journeys: dict[str, tuple[str, str]] = {}
        self.known: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.early: list[Entry] = []
        self.all_ended = asyncio.Event()

    @property
    def rows(self) -> list[Need]:
        return [need for needs in self.needs.values() for need in needs.values()]

    async def is_ours(self, journey_id: str) -> bool:
        """Its answer may come a moment after its referrals: they lie on different topics."""
        try:
            await asyncio.wait_for(self.known[journey_id].wait(), A_WHILE_S)
        except TimeoutError:
            return False
        return True

    def take(self, entry: Entry) -> None:
        if entry.command_id:
            self._answered((entry.agency, entry.command_id), entry)
        elif (entry.body.get("sender_agency") or entry.body.get("agency")) == entry.agency:
            self._happened(entry)
        if all(need.ended for need in self.rows):
            self.all_ended.set()

    def refused(self, said: Body, command: str, code: str) -> None:
        """An agency's command was refused: a fault of the demonstration, shown as such."""
        if need := self._need(said):
            self._move(need, f"{command}: {self.words.of('rejection_codes', code)}")

    def _answered(self, key: tuple[str, str], entry: Entry) -> None:
        """An intake's answer. The newest refusal does not undo what an earlier run of the same day was told."""
        if key not in self.needs or key in self.journeys.values():
            return
        if entry.accepted:
            journey_id = str(entry.body["intake_id"])
            self.journeys[journey_id] = key
            self.known[journey_id].set()
            waiting, self.early = self.early, []
            for early in waiting:
                self._happened(early)
            return
        for need in self.needs[key].values():
            need.state, need.ended = REFUSED, True
            self._move(need, self.words.of("rejection_codes", str(entry.body["code"])))

    def _happened(self, entry: Entry) -> None:
        if "journey_id" not in entry.body:
            return
        if entry.body["journey_id"] not in self.journeys:
            self.early.append(entry)
        elif need := self._need(entry.body):
            self._tell(need, entry)

    def _need(self, said: Body) -> Need | None:
        key = self.journeys.get(said["journey_id"])
        return self.needs[key].get(said["service"]) if key else None

    def _tell(self, need: Need, entry: Entry) -> None:
        said = entry.body
        match entry.type:
            case "routing.decided":
                need.why = why(said, self.words)
                self._stand(need, said)
            case "routing.no_candidate":
                missing = self.words.of("routing", said["reason"], "filters") if said["reason"] else ""
                need.why = "; ".join(filter(None, (need.why, missing)))
                self.changed(need)
            case "unmet_need.recorded":
                need.ended, need.state = said["final"], UNMET if said["final"] else need.state
                self._move(need, UNMET_WORDS[self.words.language][said["final"]])
            case "task.opened":
                need.ended = need.ended or need.state in ("DRAFT", "DECLINED")
                self._move(need, f"{TASK_WORDS[self.words.language]}: {_task(said, self.words)}")
            case name if name.startswith("referral."):
                self._stand(need, said)

    def _stand(self, need: Need, said: Body) -> None:
        """Where it stands after an event of a referral; one that has made way for a successor is past."""
        if said["hop"] < need.hop or (said["hop"], said["state"]) == (need.hop, need.state):
            return
        need.hop, need.state, need.offer = said["hop"], said["state"], said["offer"] or need.offer
        need.ended = said["state"] in ENDED
        self._move(need, _step(said, self.words))

    def _move(self, need: Need, step: str) -> None:
        need.path.append(step)
        self.changed(need)


UNMET_WORDS = {"it": {True: "bisogno senza risposta", False: "si cerca altrove"},
               "en": {True: "unmet need", False: "looked for elsewhere"}}  # fmt: skip
TASK_WORDS = {"it": "attività per il mittente", "en": "task for the sender"}


def _needs(intake: Body) -> dict[str, Need]:
    tier0 = intake["tier0"]
    return {s["service"]: Need(tier0["sender_ref"], s["service"], s["offer"]) for s in tier0["services"]}


def why(decided: Body, words: Words) -> str:
    """How many were admitted, the first one's merits, and why the others are out."""
    candidates, out = decided["candidates"], Counter(verdict["out_by"] for verdict in decided["out"])
    told = [f"{len(candidates)} {words('admitted').lower()}"]
    if candidates:
        first = candidates[0]
        merits = [words.of("routing", first["verdict"], "verdicts"), *(f"{c} {v}" for c, v in _merits(first["order"]))]
        told.append(f"1. {first['offer']}: {', '.join(merits)}")
    if out:
        told.append(f"{words('out').lower()}: " + ", ".join(f"{n} {code}" for code, n in out.items()))
    return "; ".join(told)


def _merits(order: list[Any]) -> list[tuple[str, Any]]:
    """Some of the values by which routing put an offer first, under the names of `routing.json`."""
    names = [criterion["code"] for criterion in codes.table("routing")["order"]]
    return [(name, value) for name, value in zip(names, order, strict=False) if name in ("language", "own_city")]


def _step(said: Body, words: Words) -> str:
    state = words.of("transitions", said["state"], "states")
    if reason := said.get("decline_reason"):
        return f"{state}: {words.of('decline_reasons', reason)}"
    if outcome := said.get("closure_outcome"):
        return f"{state}: {words.of('closure_outcomes', outcome)}"
    if reason := said.get("withdraw_reason"):
        return f"{state}: {words.of('withdraw_reasons', reason)}"
    return f"{state} ({said['receiver_agency']})" if said["state"] == "REQUESTED" else state


def _task(said: Body, words: Words) -> str:
    return words.of("decline_reasons", said["next"], "next_actions") if said.get("next") else str(said["kind"])
