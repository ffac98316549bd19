"""What a vital interest that is to be confirmed asks of referral: a task that ends when it does."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.catalogue import ANSWERS
from contracts.directory import Queue
from contracts.journeys import ChaseTask, CompleteTask, OpenTask, TaskDone, TaskOpened, TaskOverdue, TaskReminded
from contracts.notifications import public_code
from contracts.refusals import Refusal
from contracts.sharing import ConsentWithdrawn, KeepSharing, ReviewRequested, SharingBasisConfirmed
from contracts.values import Asked
from services.referral.domain import basis, needs, tasks, vital
from services.referral.domain.tasks import Task
from tests.builders import INTAKE_ID, NOW, PALERMO, a_basis, a_recorded_intake, an_agency, an_intake, an_offer
from tests.domain.test_journey import VISIT, palermo, say
from tests.offline import HANDLERS, Offline

REVIEW_ID = UUID(int=9)
DUE = NOW + timedelta(hours=72)
VITAL = a_basis(basis_id="vital", type="vital_interest")
ABOUT: dict[str, Any] = {
    "intake_id": INTAKE_ID, "version": 2, "at": NOW, "sender_agency": "pa.comune", "basis_ids": ("vital",),
    "sharing_basis": (VITAL,),
}  # fmt: skip
REQUESTED = ReviewRequested(
    **ABOUT, review_id=REVIEW_ID, sender_queue="pa.comune.desk", city="palermo", service="health.primary", due_at=DUE
)


def a_task() -> tuple[Task, TaskOpened]:
    task, (_, opened) = tasks.open_task(vital.asked_by(REQUESTED), NOW, PALERMO)
    assert isinstance(opened, TaskOpened)
    return task, opened


def chased(task: Task, hours: int, percent: int) -> tuple[Task, list[Any]]:
    at = NOW + timedelta(hours=hours)
    return tasks.chase(task, ChaseTask(task_id=REVIEW_ID, percent=percent), at, PALERMO)


def test_its_desk_has_a_task_that_is_due_when_it_would_end() -> None:
    task, opened = a_task()

    assert (opened.task_id, opened.kind, opened.journey_id) == (REVIEW_ID, "confirm_vital_interest", INTAKE_ID)
    assert (opened.agency, opened.queue, opened.due_at) == ("pa.comune", "pa.comune.desk", DUE)
    assert (opened.referral_id, opened.code) == (VISIT, public_code(VISIT, "palermo"))
    assert [(step.percent, step.at - NOW) for step in task.steps] == [
        (50, timedelta(hours=36)), (200, timedelta(hours=144)),
    ]  # fmt: skip


def test_who_is_to_confirm_is_reminded_while_there_is_time() -> None:
    task, _ = a_task()

    later, (reminded,) = chased(task, 36, 50)
    _, (overdue,) = chased(later, 144, 200)

    assert isinstance(reminded, TaskReminded)
    assert (reminded.percent, reminded.notify, reminded.due_at) == (50, ("owner_queue", "owner_supervisor"), DUE)
    assert isinstance(overdue, TaskOverdue)
    assert "city_coordinator" in overdue.notify
    assert chased(later, 80, 100) == (later, []), "by then it has ended"


def test_a_task_that_ends_with_what_it_is_about_never_falls_silent() -> None:
    task, _ = a_task()

    later, _ = chased(task, 200, 200)

    assert later.next_at is not None and later.next_at > NOW + timedelta(hours=200)


def test_to_say_that_it_is_done_confirms_nothing() -> None:
    task, _ = a_task()
    done = CompleteTask(task_id=REVIEW_ID, asked=Asked(agency="pa.comune", command_id="c-1"))

    with pytest.raises(Refusal) as refusal:
        tasks.complete(task, done, NOW)

    assert (refusal.value.code, refusal.value.state) == ("invalid_transition", "OPEN")


@pytest.mark.parametrize(
    "event",
    [
        SharingBasisConfirmed(**ABOUT, reviewed=(REVIEW_ID,)),
        ConsentWithdrawn(**ABOUT, reviewed=(REVIEW_ID,), revoke_cause="vital_interest_not_confirmed"),
    ],
    ids=["confirmed", "not confirmed"],
)
def test_the_task_is_done_once_it_is_decided(event: SharingBasisConfirmed | ConsentWithdrawn) -> None:
    task, _ = a_task()

    [settle] = vital.settled_by(event)
    settled, (_, done) = tasks.settle(task, NOW)

    assert settle.task_id == REVIEW_ID
    assert isinstance(done, TaskDone)
    assert settled.next_at is None


def test_an_event_without_a_review_settles_nothing() -> None:
    assert vital.settled_by(ConsentWithdrawn(**ABOUT, revoke_cause="consent_withdrawn")) == []


def test_what_rests_on_one_that_was_not_confirmed_goes_for_that_cause_and_the_coordination_looks_at_it() -> None:
    network = palermo()
    network.ask(a_recorded_intake(sharing_basis=(VITAL,)))
    say(network, VISIT, "accept")
    ended = ABOUT | {"sharing_basis": (VITAL.model_copy(update={"withdrawn_at": NOW}),)}

    network.ask(needs.shared(ConsentWithdrawn(**ended, revoke_cause="vital_interest_not_confirmed")))

    referral = network.referrals[VISIT]
    assert (referral.state, referral.history[-1].reason) == ("REVOKED", "vital_interest_not_confirmed")
    assert [receipt.obligation for receipt in referral.receipts] == ["deletion_receipt"]
    [task] = network.tasks
    assert (task.kind, task.reason) == ("coordinator_review", "vital_interest_not_confirmed")


def test_what_rests_on_another_basis_stays() -> None:
    longer, short = a_basis(basis_id="other"), VITAL.model_copy(update={"valid_to": date(2026, 12, 31)})
    network = palermo()
    network.ask(a_recorded_intake(sharing_basis=(short, longer)))
    ended = ABOUT | {"sharing_basis": (short.model_copy(update={"withdrawn_at": NOW}), longer)}

    network.ask(needs.shared(ConsentWithdrawn(**ended, revoke_cause="vital_interest_not_confirmed")))

    assert network.referrals[VISIT].state == "REQUESTED"


def test_that_it_was_confirmed_revokes_nothing() -> None:
    shared = needs.shared(SharingBasisConfirmed(**ABOUT, reviewed=(REVIEW_ID,)))

    assert shared == KeepSharing(journey_id=INTAKE_ID, version=2, sharing_basis=(VITAL,))
    assert basis.changed(None, VISIT, shared).bases == (VITAL,)


def test_a_task_of_an_earlier_release_is_due_as_it_was() -> None:
    plain = OpenTask(
        task_id=REVIEW_ID, kind="sender_decides", journey_id=INTAKE_ID, service="health.primary", agency="pa.comune",
        queue="pa.comune.desk", city="palermo",
    )  # fmt: skip

    task, _ = tasks.open_task(plain, NOW, PALERMO)

    assert task.due_at < NOW + timedelta(hours=3)
    assert task.steps[0].percent == 100


# -- from the door to the end ------------------------------------------------------------------------------------------
COMUNE = an_agency("pa.comune", sharing_role="public_body", queues=(
    Queue(code="pa.comune.desk", kind="desk", name={"it": "Sportello"}),
    Queue(code="pa.comune.coordination", kind="coordination", name={"it": "Coordinamento"}),
))  # fmt: skip


@dataclass
class Recorded:
    """A meeting whose only ground is a vital interest, and the referral to pa.accura, which has accepted it."""

    network: Offline
    intake_id: str
    referral_id: str

    def say(self, kind: str, *roles: str, id: str = "c-2", **fields: Any) -> Any:
        body = {"command_id": id, "intake_id": self.intake_id, "agency": "pa.comune"}
        answer = self.network.say("pa.comune", f"staffetta.sharing.{kind}.v1", body | fields, id, *roles)
        assert answer
        return answer["value"]

    def confirm(self, *roles: str, id: str = "c-2") -> Any:
        return self.say("confirm", *roles, id=id, basis_ids=["vital"])

    @property
    def state(self) -> str:
        return self.network.referrals[UUID(self.referral_id)].state

    def todo(self) -> list[tuple[str, str]]:
        return [(task.queue, task.kind) for task in self.network.tasks if task.state == "OPEN"]


def recorded(by: str | None = None, **vital: Any) -> Recorded:
    network = Offline((COMUNE, an_agency()), (an_offer(),), now=NOW, services=tuple(HANDLERS))
    intake = an_intake()
    stated = intake["tier0"]["sharing_basis"][0] | {"basis_id": "vital", "type": "vital_interest"} | vital
    intake["tier0"] |= {"sharing_basis": [stated], "priority_reason": "Rischio immediato"}
    answer = network.say("pa.comune", "staffetta.intake.submit.v1", intake | {"actor": by}, "m-1")
    assert answer
    met = answer["value"]["intake_id"]
    first = str(needs.referral_id(UUID(met), 0))
    accept = {"command_id": "a-1", "referral_id": first, "command": "accept", "agency": "pa.accura"}
    network.say("pa.accura", "staffetta.referral.accept.v1", accept, "a-1")
    return Recorded(network, met, first)


def test_not_confirmed_it_ends_after_72_hours_and_every_agency_has_what_it_then_has_to_do() -> None:
    met = recorded()
    before = met.state, met.todo()

    met.network.sweep(DUE - timedelta(seconds=1))
    still = met.state
    met.network.sweep(DUE)

    assert before == ("ACCEPTED", [("pa.comune.desk", "confirm_vital_interest")])
    assert (still, met.state) == ("ACCEPTED", "REVOKED")
    assert met.todo() == [("pa.comune.coordination", "coordinator_review")]
    told = {agency: [entry["type"].split(".", 1)[1] for entry in feed] for agency, feed in met.network.feeds.items()}
    assert {"referral.revoked.v1", "receipt.requested.v1"} <= {*told["pa.accura"]}
    assert not [type for type in told["pa.accura"] if type.startswith(("sharing_basis", "consent", "task"))]
    assert {"sharing_basis.review_requested.v1", "task.reminded.v1", "consent.withdrawn.v1", "task.done.v1",
            "referral.revoked.v1"} <= {*told["pa.comune"]}  # fmt: skip
    revoked = next(e["value"] for e in met.network.feeds["pa.comune"] if e["type"] == "staffetta.referral.revoked.v1")
    assert revoked["revoke_cause"] == "vital_interest_not_confirmed"


def test_a_supervisor_confirms_it_and_it_stands() -> None:
    met = recorded()

    by_system, confirmed = met.confirm(), met.confirm("supervisor", id="c-3")
    said = len(met.network.said)
    again = met.confirm("supervisor", id="c-3")
    once_more = met.confirm("supervisor", id="c-4")
    unsaid = [m for m in met.network.said[said:] if not isinstance(m, ANSWERS)]
    met.network.sweep(DUE + timedelta(days=1))

    assert (by_system["code"], by_system["pointer"]) == ("not_authorised", "/agency")
    assert (confirmed["version"], again, unsaid) == (2, confirmed, [])
    assert (once_more["code"], once_more["pointer"]) == ("invalid_transition", "/basis_ids/0")
    assert (met.state, met.todo()) == ("ACCEPTED", [])


def test_who_recorded_it_does_not_confirm_it_as_a_supervisor() -> None:
    met = recorded(by="pa.comune:w1")

    answer = met.confirm("supervisor")

    assert (answer["code"], answer["pointer"]) == ("not_authorised", "/actor")


def test_the_desk_takes_back_what_was_no_vital_interest_at_once() -> None:
    met = recorded()

    answer = met.say("withdraw", basis_ids=["vital"], revoke_cause="vital_interest_not_confirmed")

    assert answer["version"] == 2
    assert (met.state, met.todo()) == ("REVOKED", [("pa.comune.coordination", "coordinator_review")])


def test_one_that_runs_out_leaves_no_task() -> None:
    met = recorded(valid_to="2026-10-28")

    met.network.sweep(NOW + timedelta(days=2))

    assert (met.state, met.todo()) == ("REVOKED", [("pa.comune.desk", "sender_decides")])
