"""What was looked at, and what was found wrong: by ids and codes, never with what is known of a person."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

HISTORY_GONE = "history gone"
"""Why an aggregate is not checked: its topic no longer keeps its first messages."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a check looked at. wrong: a sentence for each fault; not_checked: why nothing can be said."""

    aggregate: str
    wrong: tuple[str, ...] = ()
    not_checked: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    check: str
    aggregate: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What one check saw. not_checked: how many things, by the reason."""

    check: str
    looked_at: int
    not_checked: dict[str, int]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """messages: read from topics, and repeats: those among them that were there before under the same id.

    waited_s: until no message was under way (`settled`), or until patience ended. again: whether what was found was
    looked for a second time, and only what stayed is told.
    """

    checks: tuple[Looked, ...]
    messages: int = 0
    repeats: int = 0
    waited_s: float = 0.0
    settled: bool = True
    again: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for looked in self.checks for finding in looked.findings)

    def of(self, check: str) -> Looked:
        return next(looked for looked in self.checks if looked.check == check)

    def kept(self, before: "Report") -> "Report":
        """Only what was found before in the same words: what was under way has changed or gone meanwhile."""
        stays = set(before.findings)
        checks = tuple(
            replace(looked, findings=tuple(f for f in looked.findings if f in stays)) for looked in self.checks
        )
        return replace(self, checks=checks, again=True)

    def after(self, waited_s: float, settled: bool) -> "Report":
        return replace(self, waited_s=waited_s, settled=settled)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def looked(check: str, seen: Iterable[Seen]) -> Looked:
    all_seen = list(seen)
    found = sorted({Finding(check, s.aggregate, wrong) for s in all_seen for wrong in s.wrong})
    return Looked(check, len(all_seen), dict(Counter(s.not_checked for s in all_seen if s.not_checked)), tuple(found))
