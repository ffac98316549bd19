"""What a topic is sure to hold still, for who asks for what was said since a time."""

from datetime import UTC, datetime, timedelta

from contracts.topics import AGENCY_FEED
from services.chassis.kafka import is_whole, kept_from

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_what_never_lost_anything_is_whole_from_any_time() -> None:
    assert is_whole(AGENCY_FEED, 0, NOW - 5 * DAY, NOW - 900 * DAY, NOW)


def test_within_the_retention_nothing_is_dropped_however_long_it_was_quiet() -> None:
    for first_at in (NOW - 5 * DAY, None):
        assert is_whole(AGENCY_FEED, 7, first_at, NOW - 20 * DAY, NOW)
        assert not is_whole(AGENCY_FEED, 7, first_at, NOW - 35 * DAY, NOW)


def test_what_is_older_and_not_dropped_yet_counts() -> None:
    assert is_whole(AGENCY_FEED, 7, NOW - 36 * DAY, NOW - 35 * DAY, NOW)


def test_there_is_an_hour_to_ask_for_what_is_said_to_be_kept() -> None:
    told = kept_from(AGENCY_FEED, NOW)

    assert is_whole(AGENCY_FEED, 7, None, told, NOW + timedelta(minutes=59))
    assert not is_whole(AGENCY_FEED, 7, None, told, NOW + timedelta(minutes=61))
