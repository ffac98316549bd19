"""Nothing is left behind: every message was read, everything that was to be said is said, nothing is set aside."""

from collections.abc import Iterator

from services.cli.verify.loaded import Doc, Loaded
from services.cli.verify.report import Seen


def positions(loaded: Loaded) -> Iterator[Seen]:
    for at in loaded.standings:
        behind = at.next is None or at.next < at.end
        wrong = (f"messages wait, and it stands at {at.next or 'the beginning'}",) if behind else ()
        yield Seen(f"{at.service} on {at.topic}/{at.partition}", wrong)


def outboxes(loaded: Loaded) -> Iterator[Seen]:
    for service in loaded.services:
        owed = sorted(loaded.stored(service, "offsets").items())
        wrong = (f"it has not said what follows from {place} before {doc['next']}" for place, doc in owed)
        yield Seen(service, tuple(wrong))  # a later batch of the same place is another finding, in other words


def parked(loaded: Loaded) -> Iterator[Seen]:
    """By service, place and reason; `staffetta parked` shows and replays them."""
    for service in loaded.services:
        docs = loaded.stored(service, "parked").values()
        yield Seen(service, tuple(f"{_place(doc)} is parked: {doc['reason']}" for doc in docs))


def _place(parked: Doc) -> str:
    return f"{parked['topic']}/{parked['partition']}/{parked['offset']}"
