"""Who is asked of two meetings whose people look alike, and when nobody is."""

from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from contracts.answers import CommandRejected
from contracts.identity import DecidePair, DuplicateSuspected, SeekTwins
from contracts.journeys import TaskOverdue
from contracts.sharing import WithdrawBases
from contracts.values import Asked, Message
from services.referral.domain import twins
from services.referral.domain.tasks import Task
from tests.builders import NOW, a_record, an_agency
from tests.offline import Offline

DESKS = (an_agency("pa.comune", sharing_role="public_body"), an_agency("pa.mobile", sharing_role="public_body"))
NEXT, DAY = timedelta(minutes=5), timedelta(days=1)
FIRST, SECOND = ("pa.comune", "Mohamed Jallow"), ("pa.mobile", "Muhammad Diallo")
Met = tuple[str, str]


@pytest.fixture
def network() -> Offline:
    return Offline(DESKS, services=("intake",))


def meet(network: Offline, met: Met) -> UUID:
    agency, name = met
    given, family = name.split()
    about = a_record(sender=agency, person_ref=f"{agency}:p", language="en",
                     tier1={"name": {"given": given, "family": family}, "birth_date": None})  # fmt: skip
    network.ask(about.model_copy(update={"intake_id": (id := uuid4())}))
    return id


def suspicions(network: Offline) -> list[tuple[UUID, str]]:
    """Of which meeting, and who is asked."""
    return [(m.intake_id, m.sender_agency) for m in network.said if isinstance(m, DuplicateSuspected)]


def asked_in_tasks(network: Offline) -> list[Task]:
    return [task for task in network.tasks if task.kind == twins.KIND]


def decide(network: Offline, agency: str, decision: str = "different") -> list[Message]:
    [asked] = [m for m in network.said if isinstance(m, DuplicateSuspected)][-1:]
    by = Asked(agency=agency, command_id="c-1")
    return network.ask(DecidePair(pair_id=asked.pair_id, asked=by, decision=decision))


@pytest.mark.parametrize(("one", "other"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_the_desk_that_met_the_person_last_is_asked(network: Offline, one: Met, other: Met) -> None:
    meet(network, one)
    network.now += NEXT

    last = meet(network, other)

    assert suspicions(network) == [(last, other[0])]


def test_it_is_asked_too_where_the_earlier_meeting_is_looked_at_after_it(network: Offline) -> None:
    """As when a worker died between the first meeting and the look for its twins."""
    network.now += NEXT
    last = meet(network, SECOND)
    network.now = NOW

    meet(network, FIRST)

    assert suspicions(network) == [(last, "pa.mobile")]
    [asked] = [m for m in network.said if isinstance(m, DuplicateSuspected)]
    assert asked.person_refs[0] == network.dbs["intake"]["personal"].doc(str(last))["pseudonym"]


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_once_the_desk_that_was_asked_works_no_more_the_other_is_asked_when_it_meets_the_person_again(
    status: str,
) -> None:
    network = Offline(DESKS, services=("intake", "referral"))
    meet(network, FIRST)
    network.now += NEXT
    meet(network, SECOND)
    network.ask(DESKS[1].model_copy(update={"status": status, "version": 2}))
    network.sweep(network.now + 30 * DAY)
    [waiting] = asked_in_tasks(network)
    assert (waiting.agency, waiting.state) == ("pa.mobile", "DONE" if status == "left" else "OPEN")

    again = meet(network, FIRST)

    assert suspicions(network)[1:] == [(again, "pa.comune")]
    [task] = asked_in_tasks(network)
    assert (task.task_id, task.agency, task.queue) == (waiting.task_id, "pa.comune", "pa.comune.desk")
    assert (task.state, task.opened_at, task.journey_id) == ("OPEN", network.now, again)
    meet(network, FIRST)
    assert len(suspicions(network)) == 2, "once"
    assert any(isinstance(m, CommandRejected) for m in decide(network, "pa.mobile"))
    assert not any(isinstance(m, CommandRejected) for m in decide(network, "pa.comune"))
    assert [task.state for task in asked_in_tasks(network)] == ["DONE"]


def told_late(network: Offline) -> list[TaskOverdue]:
    """Of two people who may be one, in five weeks."""
    said = network.sweep(network.now + 35 * DAY)
    return [m for m in said if isinstance(m, TaskOverdue) and m.kind == twins.KIND]


@pytest.mark.parametrize("put_off", [True, False])
def test_until_a_desk_decides_it_and_its_supervisors_are_told_once_a_week_and_nobody_who_cannot(put_off: bool) -> None:
    network = Offline(DESKS, services=("intake", "referral"))
    meet(network, FIRST)
    network.now += NEXT
    meet(network, SECOND)
    if put_off:
        decide(network, "pa.mobile", "later")

    late = told_late(network)

    assert {m.notify for m in late} == {("owner_queue", "owner_supervisor")}
    assert len(late) == 5
    assert all(7 * DAY <= after.at - before.at < 9 * DAY for before, after in pairwise(late))
    decide(network, "pa.mobile")
    assert told_late(network) == []


def test_nobody_is_asked_of_one_whose_basis_was_taken_back_when_it_is_looked_at_again(network: Offline) -> None:
    first = meet(network, FIRST)
    withdraw = WithdrawBases(
        intake_id=first, asked=Asked(agency="pa.comune"), basis_ids=("b1",), revoke_cause="consent_withdrawn"
    )
    network.ask(withdraw)
    network.now += NEXT
    meet(network, SECOND)

    network.ask(SeekTwins(intake_id=first))

    assert suspicions(network) == []
