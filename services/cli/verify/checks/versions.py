"""Versions of an aggregate rise by one on its topic, are never told out of order, and nothing is said twice."""

from collections import Counter
from collections.abc import Iterable, Iterator

from contracts.topics import TOPICS
from services.cli.verify.loaded import Loaded, Said
from services.cli.verify.report import Seen

EVENTS = tuple(topic for topic in TOPICS if topic.kind == "events")


def check(loaded: Loaded) -> Iterator[Seen]:
    for topic in EVENTS:
        for key, said in loaded.by_key(topic).items():
            whole = said[0].source not in loaded.cut
            yield Seen(f"{topic.name} {key}", (*_steps(said, whole), *_twice(said)))


def _steps(said: Iterable[Said], whole: bool) -> Iterator[str]:
    last = 0 if whole else None
    for message in said:
        if message.sequence is None:
            continue
        if last is not None and message.sequence < last:
            yield f"version {message.sequence} is told after version {last} at {message.place}"
        elif last is not None and message.sequence > last + 1:
            yield f"after version {last} comes version {message.sequence} at {message.place}"
        last = max(last or 0, message.sequence)


def _twice(said: Iterable[Said]) -> Iterator[str]:
    """One command is one version: what it says of one referral, or a timer of it, it says once, under whatever ids."""
    told = Counter(
        (
            message.type,
            message.sequence,
            message.value.get("referral_id"),
            message.value.get("timer"),
            message.value.get("pair_id"),
            message.value.get("turn"),
        )
        for message in said
        if not message.is_answer
    )
    for (type, sequence, *_), count in told.items():
        if count > 1:
            yield f"{type} of version {sequence} is told {count} times under different ids"
