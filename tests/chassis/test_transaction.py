"""What one message wrote and said: kept or dropped as a whole, under ids that follow from its cause."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandRejected
from contracts.topics import AGENCY_COMMANDS
from contracts.values import Asked
from services.chassis import messages
from services.chassis.messages import Incoming
from services.chassis.settings import Settings
from services.chassis.transaction import DOCUMENT_BYTES, MESSAGE_BYTES, Transaction
from tests.chassis.example import IN, Ticked


def a_cause(id: int = 1) -> Incoming:
    known: dict[str, Any] = {"topic": IN, "name": IN.name, "partition": 0, "offset": 7, "key": b"a", "value": b""}
    return Incoming(id=UUID(int=id), headers={}, time=datetime(2026, 11, 24, tzinfo=UTC), **known)


def a_transaction() -> Transaction:
    tx = Transaction(None, None, "referral", Settings())
    tx.begin(a_cause(), ("counts",))
    return tx


def ids(tx: Transaction) -> list[bytes]:
    return [dict(said.headers)["ce_id"] for said in tx.outbox["first.commands", 0]]


def test_work_done_again_says_the_same_under_the_same_ids() -> None:
    first, again = a_transaction(), a_transaction()

    for tx in (first, again):
        tx.emit(Ticked(aggregate="a", number=1, version=1), Ticked(aggregate="a", number=2, version=2))
        tx.keep()

    assert ids(first) == ids(again)
    assert len(set(ids(first))) == 2


def test_the_answer_after_a_replay_is_not_taken_for_a_repeat_of_parked() -> None:
    tx, answer = a_transaction(), CommandRejected(asked=Asked(), code="parked", message="")

    tx.forget(parking=True)
    tx.answer(answer)
    tx.keep()
    tx.begin(a_cause(), ())
    tx.answer(answer)
    tx.keep()

    assert len(set(ids(tx))) == 2


def test_what_a_strangers_header_says_is_not_said_on() -> None:
    tx, theirs = a_transaction(), a_cause()
    tx.begin(replace(theirs, topic=AGENCY_COMMANDS, headers={"ce_correlationid": "Amina"}), ())

    tx.answer(CommandRejected(asked=Asked(), code="malformed_json", message=""))
    tx.keep()

    assert "ce_correlationid" not in dict(tx.outbox["first.commands", 0][0].headers)


async def test_what_is_forgotten_was_never_written_nor_said() -> None:
    tx = a_transaction()
    tx.save("counts", {"_id": "a", "version": 1})
    tx.emit(Ticked(aggregate="a", number=1, version=1))

    tx.forget()
    tx.keep()

    assert not tx.outbox
    assert not tx._dirty


def test_a_handler_may_change_only_what_it_declared() -> None:
    tx = a_transaction()

    with pytest.raises(ValueError, match="may not change sums"):
        tx.save("sums", {"_id": "a"})


def test_what_no_broker_or_store_would_take_is_a_fault_of_its_own_message() -> None:
    """Refused after the commit, or with its batch, it would be tried for ever."""
    tx = a_transaction()

    with pytest.raises(ValueError, match="a message of"):
        tx.emit(Ticked(aggregate="a" * MESSAGE_BYTES, number=1, version=1))
    tx.correlate("a" * MESSAGE_BYTES)
    with pytest.raises(ValueError, match="a message of"):
        tx.emit(Ticked(aggregate="a", number=1, version=1))
    with pytest.raises(ValueError, match="a document of"):
        tx.save("counts", {"_id": "a", "seen": "a" * DOCUMENT_BYTES})


async def test_a_loaded_document_is_a_copy_and_what_was_saved_is_loaded_again() -> None:
    tx = a_transaction()
    tx.save("counts", {"_id": "a", "version": 1})

    loaded = await tx.load("counts", "a")
    assert loaded == {"_id": "a", "version": 1}
    loaded["version"] = 9

    assert await tx.load("counts", "a") == {"_id": "a", "version": 1}


async def test_a_message_that_looked_at_anything_is_not_one_that_always_comes_to_nothing() -> None:
    """Come again later it might find something else, and then it must be known as handled."""
    untouched, looked = a_transaction(), a_transaction()
    looked._docs["counts", "a"] = {"_id": "a", "version": 1}

    await looked.load("counts", "a")
    for tx in (untouched, looked):
        tx.keep()

    assert untouched.is_idle
    assert not looked.is_idle


def test_an_edge_stamps_no_instant_that_the_store_could_not_keep() -> None:
    """Else what is stored of it and what was said of it would differ by less than a millisecond."""
    known = {"source": "/services/referral/sweep", "type": Ticked.TYPE, "subject": "a"}
    stamped = dict(messages.headers(id=UUID(int=1), time=datetime(2026, 11, 24, 8, 30, 20, 498199, UTC), **known))

    assert stamped["ce_time"] == b"2026-11-24T08:30:20.498+00:00"
