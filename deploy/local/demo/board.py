"""What became of each service asked for, as the senders' feeds tell it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from deploy.local.demo import telling
from services.cli.wire import Entry
from services.cli.words import Words

Body = dict[str, Any]
A_WHILE_S = 15

UNMET, REFUSED = "UNMET", "REFUSED"
ENDED = frozenset({"CLOSED", "WITHDRAWN", "LINKED", UNMET, REFUSED})
WAITS_FOR_THE_SENDER = frozenset({"DRAFT", "DECLINED"})


@dataclass(slots=True)
class Need:
    """One service of one intake. offer, state, hop: of the referral that has it now; hops: how each one stands."""

    ref: str
    service: str
    offer: str = ""
    why: str = ""
    state: str = ""
    hop: int = 0
    hops: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    ended: bool = False

    @property
    def answer(self) -> str:
        return " → ".join([*self.hops.values(), *self.notes])


class Board:
    """`changed` is called with each need that moved, and the news. Journeys that are not ours are left alone."""

    def __init__(self, intakes: Iterable[Body], words: Words, changed: Callable[[Need, str], None]) -> None:
        self.words, self.changed = words, changed
        self.needs = {(i["tier0"]["sender_agency"], i["idempotency_key"]): _needs(i["tier0"]) for i in intakes}
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
        """Only what senders are told counts: it is all of it, and each event once."""
        said = entry.body
        if entry.command_id:
            self._answered((entry.agency, entry.command_id), entry)
        elif (said.get("sender_agency") or said.get("agency")) == entry.agency and "journey_id" in said:
            self._happened(entry)
        if all(need.ended for need in self.rows):
            self.all_ended.set()

    def refused(self, said: Body, command: str, code: str) -> None:
        """An agency's command was refused: not part of the play, so it is shown."""
        if need := self._need(said):
            self._note(need, f"{command}: {self.words.of('rejection_codes', code)}")

    def _answered(self, key: tuple[str, str], entry: Entry) -> None:
        """An intake's answer. A refusal does not undo what an earlier run of the demonstration was told."""
        if key not in self.needs or key in self.journeys.values():
            return
        if entry.accepted:
            self._begin(str(entry.body["intake_id"]), key)
            return
        for need in self.needs[key].values():
            need.state, need.ended = REFUSED, True
            self._note(need, self.words.of("rejection_codes", str(entry.body["code"])))

    def _begin(self, journey_id: str, key: tuple[str, str]) -> None:
        self.journeys[journey_id] = key
        self.known[journey_id].set()
        waiting, self.early = self.early, []
        for early in waiting:
            self._happened(early)

    def _happened(self, entry: Entry) -> None:
        if entry.body["journey_id"] not in self.journeys:
            self.early.append(entry)
        elif need := self._need(entry.body):
            self._tell(need, entry)

    def _need(self, said: Body) -> Need | None:
        key = self.journeys.get(said["journey_id"])
        return self.needs[key].get(said["service"]) if key else None

    def _tell(self, need: Need, entry: Entry) -> None:
        said, words = entry.body, self.words
        match entry.type:
            case "routing.decided":
                need.why = telling.why(said, words)
                self._stand(need, said)
            case "routing.no_candidate":
                need.why = telling.why_nobody(said, words)
            case "unmet_need.recorded" if said["final"]:
                need.state, need.ended = UNMET, True
                self._note(need, telling.unmet(words))
            case "task.opened":
                need.ended = need.ended or need.state in WAITS_FOR_THE_SENDER
                self._note(need, telling.task(said, words))
            case kind if kind.startswith("referral."):
                self._stand(need, said)

    def _stand(self, need: Need, said: Body) -> None:
        """Where it stands after an event of a referral; one that has made way for a successor is past."""
        if said["hop"] < need.hop or (said["hop"], said["state"]) == (need.hop, need.state):
            return
        need.hop, need.state, need.offer = said["hop"], said["state"], said["offer"] or need.offer
        need.ended = said["state"] in ENDED
        need.hops[need.hop] = telling.standing(said, self.words)
        self.changed(need, need.hops[need.hop])

    def _note(self, need: Need, news: str) -> None:
        need.notes.append(news)
        self.changed(need, news)


def _needs(tier0: Body) -> dict[str, Need]:
    return {asked["service"]: Need(tier0["sender_ref"], asked["service"]) for asked in tier0["services"]}
