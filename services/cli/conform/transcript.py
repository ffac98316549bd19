"""What an agency said during one run, what it was told, and what it could not try."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Body = dict[str, Any]
Page = dict[int, str]
"""Entries of the feed as HTTP told them: their ids by their positions."""
ACCEPTED, REJECTED = "command.accepted", "command.rejected"


class Untried(Exception):
    """why: a key of `words.WHY`, or a sentence of the relay."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Heard:
    """One entry of the feed, repeats included. type: as in `events.json`; cursor: its position; at: when it was put."""

    id: str
    type: str
    key: str
    sequence: int | None
    cursor: int
    at: datetime
    body: Body

    @property
    def answers(self) -> str | None:
        """The id of the message that this answers."""
        found = (self.body.get("asked") or {}).get("message_id") if self.type in (ACCEPTED, REJECTED) else None
        return None if found is None else str(found)

    @property
    def outcome(self) -> str:
        """`accepted`, or the code of the refusal with its pointer."""
        if self.type == ACCEPTED:
            return "accepted"
        return " ".join(filter(None, (self.body.get("code"), self.body.get("pointer"))))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service said over HTTP."""

    status: int
    media_type: str
    body: Any

    @property
    def told(self) -> str:
        """As `Heard.outcome`, after the status."""
        body = self.body if isinstance(self.body, dict) else {}
        return " ".join(str(part) for part in (self.status, body.get("code"), body.get("pointer")) if part)


@dataclass(slots=True)
class Transcript:
    """said: the id of each message, by its step. why: what keeps a step from being tried.

    mark: what the sender's reference of every synthetic person begins with. since: from when the feed was asked for.
    left_open: the referrals and tasks that the run could not end.
    """

    agency: str
    mark: str
    said: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    since: datetime | None = None
    why: dict[str, str] = field(default_factory=dict)
    left_open: list[str] = field(default_factory=list)

    def answers(self, step: str) -> list[Heard]:
        """Every time the message of this step was answered. Raises Untried."""
        self.need(step, step in self.said)
        return [entry for entry in self.heard if entry.answers == self.said[step]]

    def answer(self, step: str) -> Heard | None:
        return next(iter(self.answers(step)), None)

    def outcome(self, step: str) -> str:
        """How it was answered, for comparing; every answer, if there are several."""
        return ", ".join(distinct(entry.outcome for entry in once(self.answers(step)))) or "no answer"

    def reply(self, step: str) -> Reply:
        self.need(step, step in self.replies)
        return self.replies[step]

    def page(self, step: str) -> Page:
        self.need(step, step in self.pages)
        return self.pages[step]

    def need(self, step: str, there: bool) -> None:
        if not there:
            stage = next((name for name in (step, step.partition(".")[0], "run") if name in self.why), None)
            raise Untried(self.why[stage] if stage else "not_reached")

    # -- the synthetic people ------------------------------------------------------------------------------------------
    @property
    def recorded(self) -> list[Heard]:
        """`intake.recorded` of this run, once each."""
        return [e for e in once(self.heard) if e.type == "intake.recorded" and self.is_marked(e)]

    @property
    def journeys(self) -> set[str]:
        return {entry.key for entry in self.recorded}

    def is_marked(self, entry: Heard) -> bool:
        return str(entry.body.get("sender_ref") or "").startswith(self.mark)

    def referrals(self) -> dict[str, Heard]:
        """The newest event of each referral of this run, by its id."""
        newest: dict[str, Heard] = {}
        for entry in self.heard:
            of = entry.body.get("referral_id")
            if entry.type.startswith("referral.") and of and entry.body.get("journey_id") in self.journeys:
                known = newest.get(of)
                if known is None or entry.body["version"] >= known.body["version"]:
                    newest[of] = entry
        return newest


def once(entries: Iterable[Heard]) -> list[Heard]:
    """Without those that come again under an id of before."""
    return list({entry.id: entry for entry in entries}.values())


def distinct(words: Iterable[str]) -> list[str]:
    return sorted(set(words))
