"""A task: somebody has something to decide, and until when."""

from uuid import UUID

import pytest

from contracts.answers import CommandAccepted
from contracts.journeys import CompleteTask, OpenTask, TaskDone, TaskOpened
from contracts.refusals import Refusal
from contracts.values import Asked
from services.referral.domain import tasks
from services.referral.domain.tasks import Task
from tests.builders import INTAKE_ID, NOW, PALERMO, REFERRAL_ID

TASK_ID = UUID(int=4)
OPEN = OpenTask(
    task_id=TASK_ID, kind="sender_task_documents", journey_id=INTAKE_ID, referral_id=REFERRAL_ID,
    service="health.primary", agency="pa.comune", queue="pa.comune.desk", city="palermo",
    reason="missing_documents", next="sender_task_documents", documents=("stp",),
)  # fmt: skip


def a_task() -> Task:
    return tasks.open_task(OPEN, NOW, PALERMO)[0]


def done_by(agency: str | None) -> CompleteTask:
    return CompleteTask(task_id=TASK_ID, asked=Asked(agency=agency, command_id="c-1"))


def test_a_task_says_what_is_to_be_decided_and_is_due_after_one_business_hour() -> None:
    task, (answer, opened) = tasks.open_task(OPEN, NOW, PALERMO)

    assert isinstance(answer, CommandAccepted)
    assert isinstance(opened, TaskOpened)
    assert (opened.kind, opened.reason, opened.documents) == ("sender_task_documents", "missing_documents", ("stp",))
    assert (opened.due_at, opened.version) == (NOW.replace(hour=10), 1)
    assert task.state == "OPEN"


def test_the_sender_says_that_it_was_done() -> None:
    task, (answer, done) = tasks.complete(a_task(), done_by("pa.comune"), NOW)

    assert isinstance(answer, CommandAccepted)
    assert (answer.asked.agency, answer.version, answer.state) == ("pa.comune", 2, "DONE")
    assert isinstance(done, TaskDone)
    assert (task.state, task.done_at) == ("DONE", NOW)


@pytest.mark.parametrize(("task", "agency"), [(None, "pa.comune"), (a_task(), "pa.accura"), (a_task(), None)])
def test_a_task_of_others_looks_like_one_that_does_not_exist(task: Task | None, agency: str | None) -> None:
    with pytest.raises(Refusal) as refusal:
        tasks.complete(task, done_by(agency), NOW)

    assert (refusal.value.code, refusal.value.pointer) == ("unknown_referral", "/task_id")
    assert refusal.value.state is None


def test_a_task_is_done_once() -> None:
    done, _ = tasks.complete(a_task(), done_by("pa.comune"), NOW)

    with pytest.raises(Refusal) as refusal:
        tasks.complete(done, done_by("pa.comune"), NOW)

    assert (refusal.value.code, refusal.value.state) == ("invalid_transition", "DONE")
