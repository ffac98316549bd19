"""Each event that concerns an agency is on its feed once, in the order of its aggregate, and nothing else is."""

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID, uuid5

from contracts.beside import TimerCleared, TimerStarted
from contracts.contacts import ContactNoted
from contracts.events import IntakeRecorded, ReferralCreated, ReferralEvent, ReferralSent, RoutingDecided
from contracts.identity import DuplicateEvent, IdentityEvent
from contracts.journeys import JourneyEvent, TaskEvent
from contracts.topics import AGENCY_FEED, DIRECTORY, INTAKES, REFERRALS
from services.cli.verify.checks.folding import model_of
from services.cli.verify.loaded import Loaded, Said
from services.cli.verify.report import HISTORY_GONE, Seen

TOLD_OF = (INTAKES, REFERRALS)
ANSWERS_OF_DIRECTORY = "answer/"
"""Before the keys of what the directory answers: its topic is compacted, and keeps an entry's last answer alone."""
TOLD_TO_NOBODY = (TimerStarted, TimerCleared)
SENDERS_ALONE = (RoutingDecided, ReferralCreated)


def check(loaded: Loaded) -> Iterator[Seen]:
    offsets = {AGENCY_FEED.of(agency): {m.id: m.offset for m in loaded.on(feed)} for agency, _, feed in loaded.agencies}
    for topic in (*TOLD_OF, DIRECTORY):
        for said in loaded.by_key(topic).values():
            yield from _told(said, offsets, loaded)
    yield from _unexplained(loaded)


def concerned(event: Said) -> set[str]:
    """The agencies that are told. A receiver hears of a referral once its place is held, or when nobody counts.

    Of one that ends before, nothing. An agency that asks itself hears of it then too, and not twice.
    """
    said, model = event.value, model_of(event)
    if event.is_answer:
        parties = [(said.get("asked") or {}).get("agency")]
    elif model in TOLD_TO_NOBODY:
        parties = []
    elif issubclass(model, TaskEvent):
        parties = [said["agency"]]
    elif issubclass(model, ReferralEvent):
        asked = model is ReferralSent and said["seat"] == "asked"
        told = not asked and said.get("receiver_told", True)
        sender, receiver = said["sender_agency"], said["receiver_agency"]
        parties = [None if asked and sender == receiver else sender,
                   receiver if told and model not in SENDERS_ALONE else None]  # fmt: skip
    elif issubclass(model, (IntakeRecorded, JourneyEvent, DuplicateEvent, IdentityEvent, ContactNoted)):
        parties = [said["sender_agency"]]
    else:
        parties = []
    return {agency for agency in parties if agency}


def feed_id(event: Said, agency: str) -> str:
    """The id of an event on a feed follows from both, so that telling it again is a repeat."""
    return str(uuid5(UUID(event.id), agency))


def _told(said: list[Said], offsets: dict[str, dict[str, int]], loaded: Loaded) -> Iterator[Seen]:
    last: dict[str, int] = defaultdict(lambda: -1)
    for event in said:
        for agency in sorted(concerned(event)):
            feed, name = AGENCY_FEED.of(agency), f"{event.place} for {agency}"
            offset = offsets.get(feed, {}).get(feed_id(event, agency))
            if offset is None:
                gone = not loaded.is_whole(feed)
                yield Seen(name, not_checked=HISTORY_GONE) if gone else Seen(name, ("it is not on the feed",))
                continue
            late = offset < last[agency]
            yield Seen(name, ("a later event of the same aggregate is on the feed before it",) if late else ())
            last[agency] = max(last[agency], offset)


def _unexplained(loaded: Loaded) -> Iterator[Seen]:
    """A record of a feed that is neither the door's own refusal nor what one of our events is on this feed."""
    if not all(loaded.is_whole(topic) for topic in TOLD_OF):
        return
    events = [event for topic in (*TOLD_OF, DIRECTORY) for event in loaded.on(topic)]
    for agency, _, feed in loaded.agencies:
        known = {feed_id(event, agency) for event in events}
        for record in loaded.on(feed):
            gone = record.is_answer and record.key.startswith(ANSWERS_OF_DIRECTORY)
            if record.id not in known and record.key != record.cause and not gone:
                yield Seen(record.place, ("it is on the feed, and no event of ours is told by it",))
