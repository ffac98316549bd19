"""When a need is not sent: nobody is left for it, or the person has an open referral to the same offer already."""

from dataclasses import dataclass, replace
from uuid import UUID

from contracts.answers import CommandAccepted, CommandRejected
from contracts.events import RoutingDecided
from contracts.journeys import EndNeed
from contracts.refusals import Refusal
from contracts.values import Asked, Message
from services.referral.domain import aftermath
from services.referral.domain.case import Facts
from services.referral.domain.referral import Referral, snapshot
from services.referral.domain.routing import explained

LINKED = "LINKED"


@dataclass(frozen=True, slots=True)
class Link:
    """The one open referral of a person to an offer, and the needs of other journeys that lean on it."""

    referral_id: UUID
    leaning: tuple[EndNeed, ...] = ()

    def with_one_more(self, unsent: Referral) -> "Link":
        return replace(self, leaning=(*self.leaning, aftermath.ended(unsent, "linked")))


def instead(unsent: Referral, facts: Facts, asked: Asked) -> list[Message]:
    """What is said instead of sending a referral, to whoever asked for it; nothing when it can be sent."""
    if facts.decision is None or facts.decision.first is None:
        return _nobody(unsent, facts, asked)
    if facts.linked_id is None:
        return []
    return _linked(unsent, facts, asked) if unsent.version == 0 else _needless(unsent)


def held_no_more(link: Link, over: Referral, said: list[Message]) -> list[EndNeed]:
    """What the journeys that leaned on a referral are told when it is over."""
    served = any(isinstance(message, EndNeed) and message.outcome == "served" for message in said)
    outcome = {"outcome": "served" if served else "ended", "reason": over.history[-1].reason}
    return [told.model_copy(update=outcome) for told in link.leaning]


def _nobody(unsent: Referral, facts: Facts, asked: Asked) -> list[Message]:
    """There is no referral, or it stays a draft; the journey records the need as unmet and asks the sender."""
    why = facts.decision.why if facts.decision else None
    return [_refused(unsent, "no_candidate", asked), aftermath.ended(unsent, "no_candidate", why)]


def _linked(unsent: Referral, facts: Facts, asked: Asked) -> list[Message]:
    """Not an error: the need counts as answered by the referral that is open."""
    unborn = replace(unsent, state=LINKED)
    answer = CommandAccepted(asked=asked, subject=str(unborn.referral_id), state=LINKED,
                             linked_referral_id=facts.linked_id)  # fmt: skip
    known = snapshot(unborn, facts.now, "system") | explained(facts.decision)
    decided = RoutingDecided(**known, linked_referral_id=facts.linked_id)
    return [answer, decided, aftermath.ended(unborn, "linked")]


def _needless(draft: Referral) -> list[Message]:
    """A draft stays one: its sender decides what becomes of it."""
    task = aftermath.task(draft, "link_existing", "already_open")
    return [_refused(draft, "already_open", Asked()), aftermath.ended(draft, "linked"), task]


def _refused(unsent: Referral, code: str, asked: Asked) -> CommandRejected:
    return CommandRejected(
        asked=asked,
        code=code,
        message=Refusal(code).message,
        subject=str(unsent.referral_id),
        state=unsent.state or None,
        version=unsent.version or None,
    )
