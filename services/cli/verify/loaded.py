"""A network as it was read: what was said on its topics, and what its services keep. Checks look at nothing else."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from contracts.topics import AGENCY_COMMANDS, AGENCY_FEED, Topic

Doc = dict[str, Any]
LONG_AGO = datetime.min.replace(tzinfo=UTC)
Source = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """One message. topic: as the contracts name it, or an agency's own.

    id: the event's; of a door's record the one that follows from its place. value: of a door's record only by what
    names its agency knows it (`message_id`, `kind`, `name`).
    """

    topic: str
    partition: int
    offset: int
    key: str
    id: str
    type: str
    cause: str = ""
    sequence: int | None = None
    value: Doc = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def source(self) -> Source:
        return self.topic, self.partition

    @property
    def is_answer(self) -> bool:
        return self.type.startswith("staffetta.command.")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a service has read a partition; None: not begun. end: of the partition, when that was asked."""

    service: str
    topic: str
    partition: int
    next: int | None
    end: int


@dataclass(frozen=True)
class Loaded:
    """said: by topic, in the order of each partition, repeats included. cut: partitions that lost their beginning.

    docs: by service and collection, each by its id. services: those that have ever read anything. at: when it was read,
    by the clock of the network's edges.
    """

    said: Mapping[str, tuple[Said, ...]] = field(default_factory=dict)
    cut: frozenset[Source] = frozenset()
    docs: Mapping[tuple[str, str], Mapping[str, Doc]] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    standings: tuple[Standing, ...] = ()
    at: datetime = LONG_AGO

    def stored(self, service: str, collection: str) -> Mapping[str, Doc]:
        return self.docs.get((service, collection), {})

    def on(self, topic: Topic | str) -> tuple[Said, ...]:
        """All that was said there; the same message again is a repeat, and not among it."""
        return self._first[topic if isinstance(topic, str) else topic.name]

    def by_key(self, topic: Topic) -> dict[str, list[Said]]:
        found: dict[str, list[Said]] = defaultdict(list)
        for message in self.on(topic):
            found[message.key].append(message)
        return found

    def is_whole(self, topic: Topic | str) -> bool:
        """Whether the topic still has all that was ever said there."""
        name = topic if isinstance(topic, str) else topic.name
        return not any(cut == name for cut, _ in self.cut)

    def begins(self, said: list[Said]) -> bool:
        """Whether the messages of one key begin where their aggregate began: with the answer to who began it.

        Where a partition lost its beginning, the cut may lie between that answer and what came of it.
        """
        if not said or said[0].source not in self.cut:
            return bool(said)
        return said[0].is_answer and said[0].sequence in (0, 1)

    @property
    def agencies(self) -> Iterator[tuple[str, str, str]]:
        """Each agency that has topics: its code, the topic it writes and the one it reads."""
        before, _, after = AGENCY_COMMANDS.name.partition("{agency}")
        for name in self.said:
            if name.startswith(before) and name.endswith(after):
                agency = name.removeprefix(before).removesuffix(after)
                yield agency, name, AGENCY_FEED.of(agency)

    @property
    def messages(self) -> int:
        return sum(map(len, self.said.values()))

    @property
    def repeats(self) -> int:
        return self.messages - sum(map(len, self._first.values()))

    @cached_property
    def _first(self) -> defaultdict[str, tuple[Said, ...]]:
        first: defaultdict[str, tuple[Said, ...]] = defaultdict(tuple)
        for topic, said in self.said.items():
            met: dict[str, Said] = {}
            for message in said:
                met.setdefault(message.id, message)
            first[topic] = tuple(met.values())
        return first


def instant(stated: Any) -> datetime | None:
    """The same instant is written in several ways: by an event, in a document, by the store."""
    if stated is None:
        return None
    at = stated if isinstance(stated, datetime) else datetime.fromisoformat(stated)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
