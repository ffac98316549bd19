"""An offer that a caseworker chooses, and what of the rules may be set aside for it (`override_reasons.json`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.commands import Need, ReferralCommand

REASONS = codes.codes("override_reasons")
ORDER = "order"
"""What is set aside when the rules put another admitted offer first; everything else is a filter."""

NEVER = frozenset({"withheld", "sharing"})
"""The person's own: no reason of anybody, and no list, sets it aside."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The offer that is to be asked, the reason if one was given, and who says so. text_id: what they wrote of it."""

    offer: str
    reason: str | None = None
    agency: str | None = None
    actor: str | None = None
    text_id: UUID | None = None

    @property
    def reason_item(self) -> dict[str, Any] | None:
        return REASONS.get(self.reason or "")

    def sets_aside(self, against: Iterable[str]) -> bool:
        """Whether its reason suffices for all that it goes against; for nothing no reason is needed."""
        return set(against) <= _set_aside_by(self.reason_item or {"sets_aside": ()})


def of(need: Need, command: ReferralCommand) -> Choice | None:
    """None when the command names no offer, or the one that was asked for from the beginning."""
    if command.offer in (None, need.named_offer):
        return None
    return Choice(
        str(command.offer), command.override_reason, command.asked.agency, command.asked.actor, command.text_id
    )


def reasons_for(against: Iterable[str]) -> tuple[str, ...]:
    """The reasons any of which would suffice; none when this cannot be set aside."""
    wanted = set(against)
    return tuple(code for code, item in REASONS.items() if wanted <= _set_aside_by(item))


def _set_aside_by(item: dict[str, Any]) -> set[str]:
    return set(item["sets_aside"]) - NEVER
