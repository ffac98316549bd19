"""An agency that could not be told by mail becomes a task for the sender."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from contracts.events import ReferralEvent
from contracts.journeys import CompleteTask, TaskDone, TaskEvent, TaskOpened, TaskOverdue
from contracts.notifications import NotificationFailed
from contracts.values import Asked
from services.cli.verify.checks import folding
from services.cli.verify.loaded import Said
from services.notifications.domain import telling
from services.notifications.domain.climbing import Lead
from services.referral.domain import untold
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID, a_recorded_intake, a_referral, an_agency
from tests.domain.test_journey import VISIT, say
from tests.domain.test_suspension import palermo
from tests.notices import CLINIC, DESK
from tests.offline import Offline

HOURS = timedelta(hours=1)
LEAD = Lead("pa.comune.coordination", "pa.comune")
EVERYBODY = ("pa.mobile", "pa.comune", "pa.accura", "pa.salute")


def a_failure(queue: str = CLINIC, **known: Any) -> NotificationFailed:
    given: dict[str, Any] = {
        "queue": queue, "notification_id": UUID(int=5), "version": 1, "at": NOW, "agency": "pa.accura",
        "channel": "mail", "about": "new", "referral_id": REFERRAL_ID, "journey_id": INTAKE_ID, "mail_id": UUID(int=6),
        "attempts": 8, "reason": "unreachable",
    }  # fmt: skip
    return NotificationFailed(**given | known)


@pytest.mark.parametrize(("queue", "kind"), [(CLINIC, "receiver_not_told"), (DESK, "sender_not_told")])
def test_the_sender_learns_who_was_not_told_and_why(queue: str, kind: str) -> None:
    task = untold.task(a_referral(), a_failure(queue))

    assert (task.kind, task.reason, task.referral_id) == (kind, "unreachable", REFERRAL_ID)
    assert (task.agency, task.queue, task.city) == ("pa.comune", DESK, "palermo")


@pytest.mark.parametrize("queue", [CLINIC, DESK])
def test_however_many_mails_fail_a_referral_has_one_task_a_side(queue: str) -> None:
    first = untold.task(a_referral(), a_failure(queue))
    again = untold.task(a_referral("ACCEPTED", version=9), a_failure(queue, mail_id=UUID(int=8)))
    other_side = untold.task(a_referral(), a_failure(DESK if queue == CLINIC else CLINIC))

    assert first.task_id == again.task_id != other_side.task_id


# -- what follows from it ----------------------------------------------------------------------------------------------


def declined(priority: str = "EMERGENCY") -> Offline:
    """A referral of pa.mobile that its sender has to decide about."""
    network = palermo(an_agency("pa.mobile"))
    known = {"sender_agency": "pa.mobile", "sender_queue": "pa.mobile.desk", "priority": priority}
    network.ask(a_recorded_intake(**known))
    say(network, VISIT, "decline", decline_reason="language_not_covered")
    return network


def fail(network: Offline, since: int, unreached: tuple[str, ...]) -> int:
    """Every mail of what was said since then, and of what follows, to these agencies fails; up to where it was told."""
    while since < len(network.said):
        event, event_id = network.said[since], UUID(int=since)
        told = telling.tell(event, event_id, "palermo", LEAD) if isinstance(event, ReferralEvent | TaskEvent) else []
        for one in (command for command in told if command.agency in unreached):
            ids = {"mail_id": uuid5(event_id, one.queue), "notification_id": one.notice.notification_id}
            of = {"referral_id": one.notice.referral_id, "journey_id": one.notice.journey_id, "about": one.notice.about}
            network.ask(a_failure(one.queue, agency=one.agency, **ids, **of))
        since += 1
    return since


def play(network: Offline, hours: int, unreached: tuple[str, ...]) -> list[int]:
    """How many tasks there are, hour by hour."""
    counts, told = list[int](), fail(network, 0, unreached)
    for _ in range(hours):
        until = network.now + HOURS
        while network.step(until):
            told = fail(network, told, unreached)
        network.now = until
        counts.append(len(network.tasks))
    return counts


@pytest.mark.parametrize("priority", ["EMERGENCY", "MEDIUM"])
@pytest.mark.parametrize("unreached", [("pa.mobile",), ("pa.comune",), ("pa.mobile", "pa.comune"), EVERYBODY])
def test_what_cannot_be_mailed_breeds_nothing(priority: str, unreached: tuple[str, ...]) -> None:
    network = declined(priority)

    counts = play(network, 24, unreached)

    assert max(counts) <= 3, "what is to be decided, and for each side that it was not told"
    not_told = [task for task in network.tasks if task.kind in untold.KINDS]
    assert {task.state for task in network.tasks} == {"OPEN"}
    assert {task.kind for task in not_told} == ({"sender_not_told", "receiver_not_told"} if unreached == EVERYBODY
                                               else {"sender_not_told"})  # fmt: skip
    assert {(task.agency, task.queue) for task in not_told} == {("pa.mobile", "pa.mobile.desk")}
    if priority == "EMERGENCY":
        late = [m for m in network.said if isinstance(m, TaskOverdue)]
        assert len(late) <= 12 * len(network.tasks), "each pages every two hours"


def test_of_a_late_task_about_no_referral_that_was_not_told_nobody_has_another() -> None:
    """Whose it is has it on their page, and it climbs."""
    network = declined()
    before = len(network.tasks)

    assert network.ask(a_failure(referral_id=None, about="task_late")) == []
    assert len(network.tasks) == before


def test_who_has_seen_to_it_is_asked_again_when_another_mail_fails_and_not_of_what_failed_before() -> None:
    network = declined()
    failed = a_failure("pa.mobile.desk", referral_id=VISIT)
    network.ask(failed)
    (task,) = [task for task in network.tasks if task.kind in untold.KINDS]
    network.now += HOURS
    network.ask(CompleteTask(task_id=task.task_id, asked=Asked(agency="pa.mobile", command_id="c-1")))

    network.ask(failed.model_copy(update={"mail_id": UUID(int=8)}))  # at the same instant
    assert [t.state for t in network.tasks if t.kind in untold.KINDS] == ["DONE"]
    network.now += HOURS
    network.ask(failed.model_copy(update={"mail_id": UUID(int=9)}))

    (again,) = [task for task in network.tasks if task.kind in untold.KINDS]
    assert (again.task_id, again.state, again.version) == (task.task_id, "OPEN", 3)
    assert (again.opened_at, again.done_at, again.due_at) == (network.now, None, network.now + 2 * HOURS)
    events = [m for m in network.said if isinstance(m, TaskEvent) and m.task_id == task.task_id]
    assert [(type(m), m.version) for m in events] == [(TaskOpened, 1), (TaskDone, 2), (TaskOpened, 3)]
    told = [Said("referrals", 0, n, "", "", m.TYPE, value=m.model_dump(mode="json")) for n, m in enumerate(events)]
    kept = network.db["tasks"].doc(str(task.task_id))
    assert folding.of_task(told) == folding.of_stored_task(kept)


def not_told(network: Offline) -> list[str]:
    return [task.state for task in network.tasks if task.kind in untold.KINDS]


@pytest.mark.parametrize(("first", "state"), [("declined", "DONE"), ("task_late", "DONE"), (None, "OPEN")])
def test_that_a_task_was_late_asks_nobody_again_who_has_said_that_they_saw_to_it(first: str | None, state: str) -> None:
    """Such a mail fails four hours after it was made. None: nobody had anything to see to yet."""
    network = declined()
    late = a_failure("pa.mobile.desk", referral_id=VISIT, about="task_late")
    if first:
        network.ask(late.model_copy(update={"about": first, "mail_id": UUID(int=8)}))
        (task,) = [task for task in network.tasks if task.kind in untold.KINDS]
        network.now += HOURS
        network.ask(CompleteTask(task_id=task.task_id, asked=Asked(agency="pa.mobile", command_id="c-1")))
    network.now += HOURS

    network.ask(late)

    assert not_told(network) == [state]
    network.now += HOURS
    network.ask(late.model_copy(update={"about": "accepted", "mail_id": UUID(int=9)}))
    assert not_told(network) == ["OPEN"], "of what they were not told since"
