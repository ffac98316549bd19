"""What records are asked for next: how many, of which partitions, from where on."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from pytest import MonkeyPatch

from contracts.topics import INTAKES
from services.chassis import kafka
from services.chassis import outbox as outbox_module
from services.chassis.messages import Outgoing
from services.chassis.outbox import Outbox
from services.chassis.partitions import Partitions
from services.chassis.records import LEAST, MOST, SINCE_MS, at_once, handed
from services.chassis.settings import Settings
from tests.chassis.ledgers import at_once as nothing_to_do

SLOW, QUICK = ("slow", 0), ("quick", 0)


@asynccontextmanager
async def hearing(*sources: tuple[str, int]) -> AsyncIterator[Partitions]:
    """Partitions that were just taken over. Nothing is asked of a broker."""
    hurried = {"slow": False, "quick": True}
    routes = {name: SimpleNamespace(hurried=soon, topic=INTAKES) for name, soon in hurried.items()}
    ledger: Any = SimpleNamespace(routes=routes, route=routes.__getitem__, settings=Settings(environment="test"))
    states = {TopicPartition(*source): SimpleNamespace(position=0, has_valid_position=True) for source in sources}
    held = SimpleNamespace(subscription=SimpleNamespace(assignment=SimpleNamespace(state_value=states.get)))

    def seek(p: TopicPartition, at: int) -> None:
        states[p].position = at

    consumer = SimpleNamespace(assignment=lambda: set(states), _subscription=held, seek=seek)
    outbox: Any = None
    found = Partitions(ledger, outbox, lambda: SimpleNamespace(consumer=consumer))
    found.reached = dict.fromkeys(sources, 0)
    yield found
    await found.asked.stop()


@pytest.mark.parametrize(
    ("handled", "seconds", "next"),
    [(200, 0.4, 500), (500, 8.0, LEAST), (3, 0.0001, MOST), (1, 0.02, LEAST), (400, 1.0, 400)],
)
def test_a_batch_is_as_large_as_takes_a_second(handled: int, seconds: float, next: int) -> None:
    assert at_once(handled, seconds) == next


@pytest.mark.parametrize(
    ("ahead", "since", "most", "waited", "found"),
    [
        ([1, 2], [3], 10, [0, SINCE_MS], [1, 2, 3]),
        ([1, 2], [], 10, [0, SINCE_MS], [1, 2]),
        ([], [3], 10, [0, 700], [3]),
        ([1, 2, 3], [4], 3, [0], [1, 2, 3]),
        ([1, 2], [3, 4], 3, [0, SINCE_MS], [1, 2, 3]),
    ],
    ids=["both", "nothing has come since", "nothing was read ahead", "enough", "no more than wanted"],
)
async def test_what_was_read_ahead_goes_with_what_has_come_since(
    ahead: list[int], since: list[int], most: int, waited: list[int], found: list[int]
) -> None:
    asked, given = list[int](), iter([ahead, since])

    async def getmany(*only: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[int]]:
        asked.append(timeout_ms)
        return {only[0]: next(given)[:max_records]}

    consumer: Any = SimpleNamespace(getmany=getmany)

    assert await handed(consumer, [TopicPartition(*QUICK)], most, 700) == found
    assert asked == waited


async def test_of_what_need_not_hurry_records_are_wanted_a_few_times_a_second(monkeypatch: MonkeyPatch) -> None:
    async with hearing(SLOW, QUICK) as mine:
        clock = iter([10.0, 10.1, 10.2, 10.26, 10.3])
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda: next(clock))
            wanted = [mine.hurried() for _ in range(5)]

    quick = [TopicPartition(*QUICK)]
    assert wanted == [[], quick, quick, [], quick]


async def test_who_hears_nothing_that_need_not_hurry_or_nothing_else_waits_for_all() -> None:
    for sources in ((QUICK,), (SLOW,), ()):
        async with hearing(*sources) as mine:
            assert [mine.hurried() for _ in range(3)] == [[], [], []]


async def test_what_was_passed_without_being_handed_out_is_no_message() -> None:
    async with hearing(QUICK) as mine:
        mine.consumer.seek(TopicPartition(*QUICK), 2)

        mine.look_on()

        assert mine.reached == {QUICK: 2}
        assert (mine.is_taken, mine.has_moved) == (False, False)


async def test_what_was_handed_out_and_did_not_go_on_is_asked_for_again() -> None:
    async with hearing(QUICK) as mine:
        mine.consumer.seek(TopicPartition(*QUICK), 2)
        mine.is_taken = False

        mine.look_on()

        assert mine.reached == {QUICK: 0}
        assert mine.consumer._subscription.subscription.assignment.state_value(TopicPartition(*QUICK)).position == 0


async def test_what_was_asked_for_while_partitions_moved_does_not_go_on(monkeypatch: MonkeyPatch) -> None:
    """It may begin behind where its partition stands since, and nobody would see the gap."""
    async with hearing(QUICK) as mine:

        async def claim(begins: Any) -> Any:
            mine.look_on()
            return dict.fromkeys(begins, 3), {}

        async def here(_what: Any, sources: Any) -> Any:
            return dict.fromkeys(sources, 3)

        outbox = SimpleNamespace(finished=nothing_to_do, begin=lambda _owed, _since: None)
        monkeypatch.setattr(mine.ledger, "claim", claim, raising=False)
        monkeypatch.setattr(mine, "outbox", outbox)
        monkeypatch.setattr(mine, "_ask", here)
        await mine.recover({QUICK})

        assert mine.has_moved
        assert mine.reached == {QUICK: 3}


async def test_what_an_owner_of_before_owed_and_cannot_be_said_is_not_said_again_beside_itself(
    monkeypatch: MonkeyPatch,
) -> None:
    """Some of it may be under way still, and would come behind what is said again."""

    class Ended(Exception):
        pass

    async def owns(_sources: Any) -> bool:
        return True

    async def refused(_rows: Any) -> None:
        raise KafkaTimeoutError

    async def claim(begins: Any) -> Any:
        return dict.fromkeys(begins, 3), {QUICK: [Outgoing("out", b"a", b"{}", [])]}

    async def here(_what: Any, sources: Any) -> Any:
        return dict.fromkeys(sources, 3)

    def die(why: str) -> None:
        raise Ended(why)

    async with hearing(QUICK) as mine:
        outbox: Any = Outbox(mine.ledger.settings, owns)
        monkeypatch.setattr(outbox, "send", refused)
        monkeypatch.setattr(outbox_module, "die", die)
        monkeypatch.setattr(mine.ledger, "claim", claim, raising=False)
        monkeypatch.setattr(mine, "outbox", outbox)
        monkeypatch.setattr(mine, "_ask", here)
        with pytest.raises(Ended, match="publishing failed: KafkaTimeoutError"):
            await mine.recover({QUICK})
        await outbox.producer.stop()


async def test_who_is_asked_to_stop_while_it_looks_for_what_is_nobodys_looks_no_further(
    monkeypatch: MonkeyPatch,
) -> None:
    async with hearing(QUICK) as mine:

        async def meanwhile(_settings: Any, _group: str) -> set[Any]:
            mine._subscriber = lambda: SimpleNamespace(consumer=None)
            return set()

        monkeypatch.setattr(kafka, "given", meanwhile)
        monkeypatch.setattr(mine.ledger, "service", "first", raising=False)

        await mine._look_for_left()

        assert not mine._has_looked


async def test_what_the_client_has_just_given_up_is_not_looked_for() -> None:
    async with hearing(QUICK) as mine:
        mine._seek(SLOW, 3)
        mine._seek(QUICK, 3)

        assert mine._state(QUICK).position == 3
