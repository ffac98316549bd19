"""Nothing lost, nothing twice, in order for each key: whatever crashes, and only while every part is in place."""

from pathlib import Path

import pytest

from services.chassis.settings import Settings
from tests.chassis.relay import crash_at_every_point, freeze_owners, lose_answers, two_owners, wake_owners


async def test_a_crash_at_any_point_loses_doubles_and_reorders_nothing(
    engines: Settings, logs: Path, pytestconfig: pytest.Config
) -> None:
    rounds = pytestconfig.getoption("rounds")

    found = await crash_at_every_point(engines, logs, times=rounds)

    assert found.crashes >= 16 * rounds
    assert found.effects > 500
    assert found.faults == 0, found.notes


async def test_a_frozen_owner_that_wakes_after_another_took_over_changes_nothing(engines: Settings, logs: Path) -> None:
    found = await freeze_owners(engines, logs, times=2)

    assert found.taken_over == 2
    assert found.effects > 500
    assert found.faults == 0, found.notes


async def test_an_owner_that_wakes_long_after_says_nothing_of_what_it_owed(engines: Settings, logs: Path) -> None:
    found = await wake_owners(engines, logs)

    assert (found.faults, found.notes) == (0, [])
    assert found.woke == [1, 1]
    assert found.said_late == 0


async def test_without_being_asked_again_an_owner_that_wakes_is_heard(engines: Settings, logs: Path) -> None:
    found = await wake_owners(engines, logs, control="not_asked_again")

    assert (found.faults, found.notes) == (0, [])
    assert found.said_late > 0


async def test_what_lands_in_the_store_without_an_answer_is_neither_lost_nor_done_again(
    engines: Settings, logs: Path
) -> None:
    found = await lose_answers(engines, logs)

    assert found.unheard > 10
    assert found.effects > 500
    assert found.faults == 0, found.notes


async def test_two_owners_of_every_partition_end_each_other_and_nothing_else(engines: Settings, logs: Path) -> None:
    found = await two_owners(engines, logs, seconds=6)

    assert found.effects > 500
    assert found.faults == 0, found.notes


@pytest.mark.parametrize(
    ("control", "point"),
    [("no_inbox", "published_not_deleted"), ("offset_first", "in_txn_before_commit"), ("no_drain", "mid_publish")],
)
async def test_with_a_part_taken_out_crashes_are_seen(engines: Settings, logs: Path, control: str, point: str) -> None:
    faults = 0
    for times in (2, 4, 8):  # a crash can miss what the part is for: most show it at once, none may be spared
        if not faults:
            found = await crash_at_every_point(engines, logs, times=times, control=control, names=(point,))
            assert found.effects > 100
            faults = found.faults

    assert faults > 0


async def test_without_the_fence_two_owners_are_seen(engines: Settings, logs: Path) -> None:
    faults = 0
    for seconds in (8, 16, 24):  # two owners must meet in a key: most runs show it at once, none may be spared
        if not faults:
            faults = (await two_owners(engines, logs, seconds=seconds, control="no_fence")).faults

    assert faults > 0
