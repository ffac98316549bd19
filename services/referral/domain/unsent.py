"""When a need is not sent: nobody is left for it, or the person has an open referral to the same offer already."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import Need, ReferralCommand
from contracts.events import RoutingDecided
from contracts.journeys import EndNeed
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.referral.domain import aftermath
from services.referral.domain.case import Facts
from services.referral.domain.referral import Referral, snapshot
from services.referral.domain.routing import explained
from services.referral.domain.serving import is_passed_by, waits
from services.referral.domain.table import NOBODY_WAITS, RANKS

LINKED = "LINKED"
FIRST_ON_A_LIST = min((code for code in RANKS if code != NOBODY_WAITS), key=RANKS.__getitem__)


@dataclass(frozen=True, slots=True)
class Link:
    """The one open referral of a person to an offer, and the needs of other journeys that lean on it."""

    referral_id: UUID
    leaning: tuple[EndNeed, ...] = ()

    def with_more(self, *told: EndNeed) -> "Link":
        return replace(self, leaning=(*self.leaning, *told))

    def without(self, gone: Collection[EndNeed]) -> "Link":
        return replace(self, leaning=tuple(told for told in self.leaning if told not in gone))

    def tell(self, to: Iterable[EndNeed], outcome: str, reason: str | None = None) -> list[EndNeed]:
        """What is said to the journeys of these, which lean on it."""
        said = {"outcome": outcome, "reason": reason, "linked_referral_id": self.referral_id}
        return [told.model_copy(update=said) for told in to]


def instead(unsent: Referral, facts: Facts, asked: Asked) -> list[Message]:
    """What is said instead of sending a referral, to whoever asked for it; nothing when it can be sent."""
    if facts.decision is None or facts.decision.first is None:
        return [*_nobody(unsent, facts, asked), *raised(facts, unsent.need)]
    if facts.linked_id is None:
        return []
    said = (_linked if unsent.version == 0 else _needless)(unsent, facts.linked_id, facts, asked)
    return [*said, *raised(facts, unsent.need)]


def may_be_raised(linked: Referral, priority: str | None) -> bool:
    """Whether it is open, less urgent than what leans on it, and may be as urgent as that."""
    is_calmer = RANKS[linked.need.priority] > RANKS[priority or linked.need.priority]
    return linked.is_open and is_calmer and not is_passed_by(linked, priority)


def raised(facts: Facts, need: Need) -> list[Message]:
    """Whoever has the person learns that they are more urgent by now, as far as a list can tell; that one may have
    moved on when it is told.
    """
    held = (*facts.passed_by, *([facts.linked] if facts.linked else []))
    found = ((one, FIRST_ON_A_LIST if is_passed_by(one, need.priority) else need.priority) for one in held)
    return [
        ReferralCommand(
            referral_id=one.referral_id,
            command="change_priority",
            role="system",
            priority=priority,
        )
        for one, priority in found
        if may_be_raised(one, priority)
    ]


def comes_to_wait(before: Referral, after: Referral) -> bool:
    return waits(after) and not waits(before)


def held_no_more(link: Link, over: Referral, said: list[Message]) -> list[EndNeed]:
    """What the journeys that leaned on a referral are told when it is over."""
    served = any(isinstance(message, EndNeed) and message.outcome == "served" for message in said)
    return link.tell(link.leaning, "served" if served else "ended", over.history[-1].reason)


def _nobody(unsent: Referral, facts: Facts, asked: Asked) -> list[Message]:
    """There is no referral, or it stays a draft; the journey records the need as unmet and asks the sender."""
    why = facts.decision.why if facts.decision else None
    return [_refused(unsent, "no_candidate", asked), aftermath.ended(unsent, "no_candidate", why)]


def _linked(unsent: Referral, on: UUID, facts: Facts, asked: Asked) -> list[Message]:
    """Not an error: the need counts as answered by the referral that is open."""
    unborn = replace(unsent, state=LINKED)
    answer = CommandAccepted(asked=asked, subject=str(unborn.referral_id), state=LINKED, linked_referral_id=on)
    known = snapshot(unborn, facts.now, "system") | explained(facts.decision)
    return [answer, RoutingDecided(**known, linked_referral_id=on), aftermath.leaning(unborn, on)]


def _needless(draft: Referral, on: UUID, _facts: Facts, _asked: Asked) -> list[Message]:
    """A draft stays one: its sender decides what becomes of it."""
    task = aftermath.task(draft, "link_existing", "already_open")
    return [_refused(draft, "already_open", Asked()), aftermath.leaning(draft, on), task]


def _refused(unsent: Referral, code: str, asked: Asked) -> CommandRejected:
    return CommandRejected(
        asked=asked,
        code=code,
        message=Refusal(code).message,
        subject=str(unsent.referral_id),
        state=unsent.state or None,
        version=unsent.version or None,
    )
