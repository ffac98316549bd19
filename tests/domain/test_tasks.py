"""A task: somebody has something to decide, and until when."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted
from contracts.journeys import CompleteTask, OpenTask, SettleTask, TaskDone, TaskOpened, TaskOverdue
from contracts.refusals import Refusal
from contracts.values import Asked
from services.referral.domain import tasks, telling
from services.referral.domain.referral import successor_id
from services.referral.domain.tasks import Task
from tests.builders import INTAKE_ID, NOW, PALERMO, REFERRAL_ID, a_recorded_intake, an_offer
from tests.domain.test_journey import LAB, LAB_AFTER_VISIT, VISIT, palermo, say
from tests.offline import Offline

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


# -- an emergency ------------------------------------------------------------------------------------------------------

FRIDAY_NIGHT = datetime(2026, 10, 30, 21, 0, tzinfo=UTC)
HOURS = timedelta(hours=1)


def on_friday_night(*services: Any, **known: Any) -> Offline:
    network = palermo(now=FRIDAY_NIGHT)
    network.ask(a_recorded_intake(*services, **{"priority": "EMERGENCY"} | known))
    return network


def test_what_is_settled_elsewhere_was_asked_of_nobody_in_an_earlier_release_and_is_nothing_then() -> None:
    network = palermo()

    assert network.ask(SettleTask(task_id=REFERRAL_ID)) == []
    assert network.tasks == []


def test_what_an_emergency_leaves_to_decide_is_due_by_the_wall_clock_as_it_is_to_be_seen() -> None:
    network = on_friday_night()

    say(network, VISIT, "decline", decline_reason="language_not_covered")

    (opened,) = [m for m in network.said if isinstance(m, TaskOpened)]
    assert (opened.priority, opened.due_at) == ("EMERGENCY", FRIDAY_NIGHT + 2 * HOURS)


def test_an_emergency_that_nobody_is_left_for_waits_for_no_monday() -> None:
    network = on_friday_night()

    say(network, VISIT, "decline", decline_reason="no_capacity")
    say(network, successor_id(VISIT), "decline", by="pa.salute", decline_reason="no_capacity")

    (task,) = network.tasks
    assert (task.kind, task.priority, task.due_at) == ("no_candidate", "EMERGENCY", FRIDAY_NIGHT + 2 * HOURS)


def test_an_emergency_that_waited_for_what_was_not_given_waits_for_no_monday() -> None:
    first, waits = LAB_AFTER_VISIT
    network = on_friday_night(first, waits | {"priority": "EMERGENCY"}, priority="ROUTINE")

    say(network, VISIT, "decline", decline_reason="language_not_covered")

    due = {(task.kind, task.referral_id): task.due_at for task in network.tasks}
    assert due["dependency_ended", LAB] == FRIDAY_NIGHT + 2 * HOURS
    assert due["mediation_and_retry", VISIT] == datetime(2026, 11, 2, 8, 30, tzinfo=UTC), "on Monday"


def test_the_coordination_hears_at_once_of_an_emergency_that_was_not_decided_in_time_and_again_until_it_is() -> None:
    network = on_friday_night()
    say(network, VISIT, "decline", decline_reason="language_not_covered")

    said = network.sweep(FRIDAY_NIGHT + 6 * HOURS)

    late = [m for m in said if isinstance(m, TaskOverdue)]
    assert [m.at - FRIDAY_NIGHT for m in late] == [2 * HOURS, 4 * HOURS, 6 * HOURS]
    assert {m.notify for m in late} == {("owner_queue", "owner_supervisor", "city_coordinator")}


def test_what_the_directory_says_of_an_offer_is_no_emergency() -> None:
    network = on_friday_night()

    say(network, VISIT, "decline", decline_reason="service_not_offered")

    (task,) = network.tasks
    assert (task.priority, task.due_at) == (None, datetime(2026, 11, 2, 8, 30, tzinfo=UTC))


# -- the directory says what is not so ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "fields"), [("decline", {}), ("pass_on", {"next_agency": "pa.salute"})])
def test_who_does_not_offer_what_the_directory_says_is_asked_to_put_it_right(
    command: str, fields: dict[str, Any]
) -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    say(network, VISIT, command, decline_reason="service_not_offered", **fields)

    assert network.referrals[successor_id(VISIT)].state == "REQUESTED"
    (task,) = network.tasks
    assert (task.agency, task.queue, task.kind) == ("pa.accura", "pa.accura.desk", "reroute_and_correct_directory")
    assert task.referral_id is None, "the person's need has its answer elsewhere"


def test_who_reads_a_task_over_http_knows_which_entry_to_put_right() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline", decline_reason="service_not_offered")

    [task] = [task for task in network.tasks if task.kind == "reroute_and_correct_directory"]
    shown = telling.task(task)

    assert (shown["offer"], shown["code"], shown["until"]) == ("pa.accura.primary", task.code, None)


def test_one_offer_is_put_right_once_a_week_however_often_it_is_declined_for_it() -> None:
    network = palermo(an_offer(), an_offer("pa.accura.dental", service="health.dental"))
    network.ask(a_recorded_intake("health.primary", "health.dental"))
    network.ask(a_recorded_intake(intake_id=UUID(int=2), person_ref="p-2"))

    for id in list(network.referrals):
        say(network, id, "decline", decline_reason="service_not_offered")
    of_directory = [task.service for task in network.tasks if task.kind == "reroute_and_correct_directory"]
    assert sorted(of_directory) == ["health.dental", "health.primary"]

    network.now += timedelta(days=7)
    network.ask(a_recorded_intake(intake_id=UUID(int=3), person_ref="p-3"))
    say(network, next(r.referral_id for r in network.referrals.values() if r.is_open), "decline",
        decline_reason="service_not_offered")  # fmt: skip
    assert len([task for task in network.tasks if task.kind == "reroute_and_correct_directory"]) == 3


def test_an_entry_that_says_something_else_now_leaves_nothing_to_put_right() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline", decline_reason="service_not_offered")
    (task,) = network.tasks

    network.ask(an_offer())
    assert network.tasks[0].state == "OPEN", "the same word again"
    network.ask(an_offer("pa.penc.other", version=1))
    assert network.tasks[0].state == "OPEN", "of another offer"
    network.ask(an_offer(version=1, status="closed"))

    assert (task.offer, network.tasks[0].state) == (an_offer().code, "DONE")
    assert isinstance(network.said[-1], TaskDone)


def test_who_declines_for_another_reason_has_nothing_to_put_right() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    say(network, VISIT, "decline", decline_reason="out_of_area")

    assert network.tasks == []
