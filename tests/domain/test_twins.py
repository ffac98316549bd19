"""What a suspicion and a decision ask of referral: a task for the desk, and one person under two names."""

from typing import Any
from uuid import UUID

from contracts.identity import DuplicateDecided, DuplicateSuspected
from contracts.journeys import OpenTask, SettleTask, TaskDone
from services.referral.domain import tasks, twins
from tests.builders import INTAKE_ID, NOW
from tests.domain.test_tasks import a_task

ABOUT: dict[str, Any] = {
    "intake_id": INTAKE_ID, "pair_id": UUID(int=7), "at": NOW, "sender_agency": "pa.mobile",
    "sender_queue": "pa.mobile.team", "city": "palermo", "service": "health.primary", "person_refs": ("p_2", "p_1"),
    "turn": 0,
}  # fmt: skip


def test_the_desk_that_is_asked_has_a_task_until_it_has_decided() -> None:
    asked = twins.asked_by(DuplicateSuspected(**ABOUT, reasons=("similar_name",)))
    put_off = twins.asked_by(DuplicateDecided(**ABOUT, decision="later", by="pa.mobile"))
    ended = twins.asked_by(DuplicateDecided(**ABOUT, decision="different", by="pa.mobile"))

    assert isinstance(asked, OpenTask)
    assert (asked.kind, asked.agency, asked.queue) == ("same_person", "pa.mobile", "pa.mobile.team")
    assert put_off is None
    assert ended == SettleTask(task_id=asked.task_id)


def test_a_task_whose_matter_was_decided_is_done_once() -> None:
    done, said = tasks.settle(a_task(), NOW)

    assert [type(message) for message in said][1:] == [TaskDone]
    assert tasks.settle(done, NOW) == (done, [])


def test_other_names_of_a_person_are_those_linked_one_by_one() -> None:
    assert twins.one_person("p_2", [["p_1", "p_3"], ["p_2", "p_1"], ["p_8", "p_9"]]) == ("p_1", "p_3")
    assert twins.one_person("p_2", []) == ()
