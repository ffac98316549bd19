"""Nobody answers: reminded, escalated, expired and asked elsewhere; each step once, whoever asks for it how often."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.answers import CommandRejected
from contracts.beside import ReferralEscalated, TimerFired
from contracts.commands import FireTimer, NotePlace
from contracts.directory import Capacity, StricterLimit
from contracts.events import ReferralExpired
from contracts.journeys import ChaseTask, CompleteTask, TaskOpened, TaskOverdue, UnmetNeedRecorded
from contracts.values import Asked, Message
from services.referral.domain import ladder, life, seats, telling
from services.referral.domain.referral import Referral, successor_id
from tests.builders import (
    ACCURA,
    NOW,
    REFERRAL_ID,
    a_command,
    a_need,
    a_recorded_intake,
    a_referral,
    an_agency,
    an_offer,
    the_facts,
)
from tests.domain.test_journey import VISIT, palermo, say
from tests.offline import Offline

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def asked(priority: str = "URGENT", *services: Any, **known: Any) -> Offline:
    network = palermo(*known.pop("offers", ()))
    network.ask(a_recorded_intake(*services, priority=priority, **known))
    return network


def fired(said: list[Message]) -> list[tuple[str, int]]:
    return [(m.timer, m.percent) for m in said if isinstance(m, TimerFired)]


def a_step(network: Offline, timer: str = "acknowledge", percent: int = 50) -> FireTimer:
    version = next(t.version for t in network.referrals[VISIT].timers if t.code == timer)
    return FireTimer(referral_id=VISIT, timer=timer, version=version, percent=percent)


# -- the ladder --------------------------------------------------------------------------------------------------------


def test_whoever_does_not_answer_is_reminded_escalated_and_passed_over() -> None:
    network = asked()

    said = network.sweep(NOW + 48 * HOUR)

    words = [word for word in network.told() if word.startswith(("timer.fired", "referral."))]
    assert [m.percent for m in said if isinstance(m, TimerFired) and m.timer == "acknowledge"] == [50, 100, 150, 200]
    assert [m.level for m in said if isinstance(m, ReferralEscalated) and m.timer == "acknowledge"] == [1, 2, 3]
    assert words[-3:] == ["referral.escalated", "referral.expired", "referral.sent"]
    first, second = network.referrals[VISIT], network.referrals[successor_id(VISIT)]
    assert (first.state, first.owner, first.due_at, first.next_at) == ("EXPIRED", None, None, None)
    assert (second.state, second.hop, second.tried) == ("REQUESTED", 1, ("pa.accura",))
    assert second.next_at == NOW + 48 * HOUR + 12 * HOUR


def test_an_event_of_a_step_says_whom_it_tells() -> None:
    said = asked().sweep(NOW + 48 * HOUR)

    assert [m.notify for m in said if isinstance(m, TimerFired) and m.timer == "acknowledge"] == [
        ("receiver_queue",),
        ("receiver_supervisor", "sender_queue"),
        ("city_coordinator", "sender_queue"),
        ("city_coordinator", "lead_body_head", "sender_queue"),
    ]


def test_versions_grow_by_one_with_each_step_and_the_history_is_whole() -> None:
    network = asked()

    network.sweep(NOW + 48 * HOUR)

    history = network.referrals[VISIT].history
    assert [entry.version for entry in history] == list(range(1, network.referrals[VISIT].version + 1))
    assert [entry.command for entry in history][-2:] == ["escalate", "expire"]


def test_seen_is_not_answered_only_its_own_timer_stops() -> None:
    network = asked()

    say(network, VISIT, "acknowledge")
    said = network.sweep(NOW + 96 * HOUR)

    assert fired([m for m in said if getattr(m, "referral_id", None) == VISIT]) == [
        ("decide", 50), ("decide", 100), ("decide", 150), ("decide", 200),
    ]  # fmt: skip
    (expired,) = [m for m in said if isinstance(m, ReferralExpired) and m.referral_id == VISIT]
    assert (expired.timer, expired.escalation_level) == ("decide", 3)


def test_when_nobody_is_left_the_need_is_unmet_and_its_sender_has_a_task() -> None:
    network = asked()

    said = network.sweep(NOW + 30 * DAY)

    assert {r.state for r in network.referrals.values()} == {"EXPIRED"}
    assert [m.final for m in said if isinstance(m, UnmetNeedRecorded)] == [True]
    assert [m.kind for m in said if isinstance(m, TaskOpened)] == ["no_candidate"]


def test_an_emergency_stays_open_and_calls_again_until_a_person_decides() -> None:
    network = asked("EMERGENCY")

    said = network.sweep(NOW + DAY)

    percents = [m.percent for m in said if isinstance(m, TimerFired) and m.timer == "acknowledge"]
    assert percents == [50, 100, 150, 200, *range(300, 1201, 100)]
    assert {m.level for m in said if isinstance(m, TimerFired) and m.percent >= 200} == {3}
    referral = network.referrals[VISIT]
    assert (referral.state, referral.owner) == ("REQUESTED", "pa.accura.desk")
    assert referral.next_at is not None
    assert referral.next_at > network.now


@pytest.mark.parametrize("commands", [("accept",), ("accept", "start"), ("acknowledge", "accept")])
def test_an_agency_that_has_taken_a_person_in_never_falls_silent_and_never_expires(commands: tuple[str, ...]) -> None:
    network = asked("ROUTINE")
    say(network, VISIT, *commands)

    said = network.sweep(NOW + 150 * DAY)

    referral = network.referrals[VISIT]
    assert referral.is_open
    assert referral.next_at is not None
    assert referral.next_at > network.now
    assert Counter(m.level for m in said if isinstance(m, TimerFired))[3] >= 1


def test_a_draft_that_lies_still_is_told_to_its_sender_and_its_supervisor() -> None:
    network = asked("MEDIUM", "health.primary", {"service": "lab.it", "depends_on": "health.primary"})
    say(network, VISIT, "accept")

    said = network.sweep(NOW + 7 * DAY)

    told = [m for m in said if isinstance(m, TimerFired) and m.timer == "draft_review"]
    assert [(m.percent, m.notify) for m in told][:2] == [(100, ("sender_queue",)), (150, ("sender_supervisor",))]


def test_an_agency_that_promised_to_answer_sooner_is_reminded_sooner() -> None:
    limits = ({"priority": "URGENT", "limit": "acknowledge", "amount": 4},)
    agency = an_agency(limits=limits)
    network = Offline((agency,), (an_offer(),))

    network.ask(a_recorded_intake(priority="URGENT"))

    referral = network.referrals[VISIT]
    assert (referral.next_at, referral.due_at) == (NOW + 2 * HOUR, NOW + 4 * HOUR)


# -- another priority --------------------------------------------------------------------------------------------------


def steps(network: Offline, timer: str) -> dict[int, timedelta]:
    """How long from now each step of a visit's timer is."""
    running = network.referrals[VISIT].timer(timer)
    return {step.percent: step.at - network.now for step in running.steps} if running else {}


def test_who_was_in_time_before_a_request_became_urgent_has_the_whole_of_its_limit_from_then() -> None:
    network = asked("ROUTINE")
    say(network, VISIT, "acknowledge")
    network.sweep(NOW + 4 * DAY)

    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT")

    assert steps(network, "decide") == {50: DAY, 100: 2 * DAY, 150: 3 * DAY, 200: 4 * DAY}
    assert fired(network.sweep(NOW + 6 * DAY)) == [("decide", 50), ("decide", 100)]
    assert network.referrals[VISIT].state == "ACKNOWLEDGED"


def test_a_place_is_held_as_long_as_there_is_time_to_decide_after_the_change() -> None:
    network = asked("ROUTINE", offers=(an_offer(capacity=Capacity(kind="appointment_slot", total=1)),))
    network.sweep(NOW + 5 * DAY)

    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT")

    assert network.referrals[VISIT].seat_until == NOW + 9 * DAY
    network.sweep(NOW + 6 * DAY)
    assert network.referrals[VISIT].seat == "held"


def test_the_time_for_the_first_contact_is_not_over_at_once_either() -> None:
    network = asked("ROUTINE")
    say(network, VISIT, "accept")
    network.sweep(NOW + 5 * DAY)

    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT")

    assert steps(network, "first_contact")[100] == 3 * DAY
    assert fired(network.sweep(NOW + 7 * DAY)) == [("first_contact", 50)]


def test_who_is_late_already_is_given_no_more_time_by_what_becomes_more_urgent() -> None:
    network = asked("ROUTINE")
    say(network, VISIT, "acknowledge")
    network.sweep(NOW + steps(network, "decide")[200] - HOUR)

    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT")
    assert steps(network, "decide") == {200: HOUR}
    say(network, VISIT, "change_priority", by="pa.comune", priority="EMERGENCY")

    assert steps(network, "decide") == {200: HOUR}
    assert fired(network.sweep(network.now + HOUR)) == [("decide", 200)]
    assert network.referrals[VISIT].state == "ACKNOWLEDGED"


def test_an_emergency_that_is_lowered_after_days_leaves_who_has_it_time_to_decide() -> None:
    network = asked("EMERGENCY")
    network.sweep(NOW + 5 * DAY)

    say(network, VISIT, "change_priority", roles=("coordinator",), priority="URGENT")

    assert steps(network, "acknowledge") == {50: DAY / 2, 100: DAY, 150: 1.5 * DAY, 200: 2 * DAY}
    assert network.referrals[VISIT].state == "REQUESTED"
    assert fired(network.sweep(NOW + 5 * DAY + HOUR)) == []


def test_who_took_an_acceptance_back_has_no_more_time_to_decide_by_what_becomes_more_urgent() -> None:
    network = asked("MEDIUM", offers=(an_offer(capacity=Capacity(kind="appointment_slot", total=1)),))
    network.now = NOW + 3 * DAY - HOUR
    say(network, VISIT, "accept")
    say(network, VISIT, "unaccept")
    before, until = steps(network, "decide"), network.referrals[VISIT].seat_until

    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT")

    assert steps(network, "decide") == before
    assert network.referrals[VISIT].due_at == network.now + 4 * HOUR == until
    assert network.referrals[VISIT].seat_until == until


@pytest.mark.parametrize(("since", "left"), [
    (NOW, {50: 4.5 * HOUR, 100: DAY, 150: DAY + 4.5 * HOUR, 200: 2 * DAY}),
    (NOW + 3 * DAY, {50: 4.5 * HOUR, 100: 2 * DAY, 150: 3 * DAY, 200: 4 * DAY}),
])  # fmt: skip
def test_no_step_comes_later_by_what_becomes_more_urgent_where_an_agency_keeps_the_lower_priority_shorter(
    since: datetime, left: dict[int, timedelta]
) -> None:
    """The second is asked on a Friday, whose next business day is later than two days."""
    limits = (StricterLimit(priority="MEDIUM", limit="decide", amount=1),)
    network = Offline((an_agency(limits=limits),), (an_offer(),), now=since)
    network.ask(a_recorded_intake(priority="MEDIUM"))

    say(network, VISIT, "change_priority", by="pa.comune", priority="URGENT")

    running = network.referrals[VISIT].timer("decide")
    assert steps(network, "decide") == left
    assert running and running.due_at == since + left[100]


def test_who_is_a_little_late_stays_so_and_what_follows_comes_sooner_by_what_becomes_more_urgent() -> None:
    network = asked("ROUTINE")
    say(network, VISIT, "acknowledge")
    late = NOW + steps(network, "decide")[100]
    network.sweep(late + HOUR)
    before = steps(network, "decide")

    say(network, VISIT, "change_priority", by="pa.comune", priority="EMERGENCY")

    after = steps(network, "decide")
    assert network.referrals[VISIT].due_at == late
    assert after.keys() == before.keys() == {150, 200}
    assert all(after[percent] < before[percent] for percent in before)
    assert [(m.timer, m.level) for m in network.sweep(network.now + 4 * DAY) if isinstance(m, ReferralEscalated)] == [
        ("decide", 2), ("decide", 3)
    ]  # fmt: skip


@pytest.mark.parametrize(("timer", "commands", "limit"), [
    ("first_contact", ("accept",), DAY), ("update_due", ("accept", "start"), DAY),
])  # fmt: skip
def test_whoever_has_done_nothing_for_long_is_told_by_what_becomes_more_urgent_and_not_only_when_it_is_repeated(
    timer: str, commands: tuple[str, ...], limit: timedelta
) -> None:
    network = asked("MEDIUM")
    say(network, VISIT, *commands)
    network.sweep(NOW + steps(network, timer)[200] + HOUR)
    (repeated,) = steps(network, timer).items()
    assert repeated[0] == 300 and repeated[1] > 3 * limit

    say(network, VISIT, "change_priority", by="pa.comune", priority="EMERGENCY")

    assert steps(network, timer) == {50: limit / 2, 100: limit, 150: 1.5 * limit, 200: 2 * limit}
    said = network.sweep(network.now + 3 * limit)
    assert fired(said) == [(timer, percent) for percent in (50, 100, 150, 200, 300)]


@pytest.mark.parametrize(("left", "then"), [
    (30, {50: 12 * HOUR, 100: DAY, 200: 30 * HOUR}),
    (14, {300: 14 * HOUR}),
    (1, {300: HOUR}),
])  # fmt: skip
def test_what_is_repeated_soon_anyway_comes_no_later_by_what_becomes_more_urgent_and_then_by_its_limit(
    left: int, then: dict[int, timedelta]
) -> None:
    network = asked("MEDIUM")
    say(network, VISIT, "accept")
    network.sweep(NOW + steps(network, "first_contact")[200] + HOUR)
    network.sweep(network.now + steps(network, "first_contact")[300] - left * HOUR)

    say(network, VISIT, "change_priority", by="pa.comune", priority="EMERGENCY")

    assert steps(network, "first_contact") == then
    network.sweep(network.now + left * HOUR)
    assert min(steps(network, "first_contact").values()) <= (2 * DAY if left > 24 else DAY)


# -- each step once ----------------------------------------------------------------------------------------------------


def test_a_step_that_is_asked_for_again_is_not_taken_again() -> None:
    network = asked()
    network.now = NOW + 12 * HOUR
    step = a_step(network)
    network.ask(step)

    assert network.ask(step) == []


def test_a_step_that_is_not_due_yet_is_not_taken() -> None:
    network = asked()

    network.now = NOW + 11 * HOUR

    assert network.ask(a_step(network)) == []


def test_a_later_step_takes_the_sooner_ones_with_it_in_their_order() -> None:
    network = asked()
    network.now = NOW + 25 * HOUR

    said = network.ask(a_step(network, percent=100))

    assert fired(said) == [("acknowledge", 50), ("acknowledge", 100)]
    assert network.ask(a_step(network, percent=50)) == []


def test_a_step_of_a_timer_that_was_cleared_or_began_anew_changes_nothing() -> None:
    network = asked("ROUTINE")
    seen = a_step(network)
    say(network, VISIT, "acknowledge")
    network.now = NOW + 20 * DAY

    assert network.ask(seen) == []
    other = replace_version(a_step(network, "decide"), 99)
    assert network.ask(other) == []


def replace_version(step: FireTimer, version: int) -> FireTimer:
    return step.model_copy(update={"version": version})


def test_firing_is_pure_and_says_the_same_again() -> None:
    network = asked()
    referral: Referral = network.referrals[VISIT]
    facts = the_facts(NOW + 12 * HOUR)

    assert ladder.fire(referral, a_step(network), facts) == ladder.fire(replace(referral), a_step(network), facts)


# -- tasks -------------------------------------------------------------------------------------------------------------


def a_task(at: datetime = NOW) -> Offline:
    network = palermo(an_offer(status="closed"), now=at)
    network.ask(a_recorded_intake())
    return network


def test_a_task_that_nobody_does_climbs_to_the_coordinator_and_is_told_each_working_day() -> None:
    network = a_task()

    said = network.sweep(NOW + 3 * DAY)

    late = [m for m in said if isinstance(m, TaskOverdue)]
    assert [(m.percent, m.level, m.notify) for m in late] == [
        (100, 1, ("owner_queue", "owner_supervisor")),
        (400, 2, ("owner_queue", "city_coordinator")),
        (1300, 2, ("owner_queue", "city_coordinator")),
        (2200, 2, ("owner_queue", "city_coordinator")),
    ]
    assert [m.version for m in late] == [2, 3, 4, 5]
    assert network.tasks[0].next_at is not None


def test_a_task_that_is_done_is_chased_no_more() -> None:
    network = a_task()
    task = network.tasks[0]

    chase = ChaseTask(task_id=task.task_id, percent=100)
    assert network.ask(chase) == [], "it is not due yet"
    network.sweep(NOW + HOUR)
    assert network.ask(chase) == [], "it was told already"
    network.ask(done(network))
    assert network.sweep(NOW + 9 * DAY) == []


def done(network: Offline) -> CompleteTask:
    return CompleteTask(task_id=network.tasks[0].task_id, asked=Asked(agency="pa.comune", command_id="c"))


@pytest.mark.parametrize(("after", "told"), [(4 * HOUR, [("seat_hold", 100)]), (HOUR, [])], ids=["due", "not yet"])
def test_a_place_that_lapses_before_the_sweep_comes_round_is_told_as_the_timer_that_it_is(
    after: timedelta, told: list[tuple[str, int]]
) -> None:
    beds = {
        "need": a_need("housing.emergency_bed", priority="URGENT"),
        "seat": "waiting",
        "place": replace(ACCURA, counted=True),
    }
    waiting = a_referral("WAITLISTED", **beds)
    offered, _ = seats.note(waiting, an_answer("promoted"), the_facts(noted=an_answer("promoted")))

    lapsed, said = seats.note(offered, an_answer("lapsed"), the_facts(NOW + after, noted=an_answer("lapsed")))

    assert fired(said) == told
    assert (lapsed.state, lapsed.seat) == ("WAITLISTED", "waiting")


def test_why_a_place_is_held_no_longer_is_read_on_the_timeline() -> None:
    need, place = a_need("housing.emergency_bed", priority="URGENT"), replace(ACCURA, counted=True)
    beds: dict[str, Any] = {"need": need, "place": place}
    offered, _ = seats.note(
        a_referral("WAITLISTED", seat="waiting", **beds), an_answer("promoted"), the_facts(noted=an_answer("promoted"))
    )

    refused, _ = life.decide(offered, a_command("lapse_seat"), the_facts())
    late, _ = seats.note(offered, an_answer("lapsed"), the_facts(NOW + 4 * HOUR, noted=an_answer("lapsed")))
    lost, _ = seats.note(a_referral(seat="held", **beds), an_answer("lapsed"), the_facts(noted=an_answer("lapsed")))

    told = [telling.referral(referral)["timeline"][-1]["reasons"] for referral in (refused, late, lost)]
    assert [[reason["code"] for reason in reasons] for reasons in told] == [["person_refused"], ["lapsed"], ["lapsed"]]
    assert told[0][0]["label"]["en"] == "The person does not want it"


def an_answer(what: str) -> NotePlace:
    return NotePlace(referral_id=REFERRAL_ID, answer=what, order_rule_version=1)


# -- a coordinator's hand ----------------------------------------------------------------------------------------------


def raised(network: Offline, level: int, timer: str = "acknowledge") -> list[Message]:
    network.ask(an_agency("pa.lead"))
    known: dict[str, Any] = {"by": "pa.lead", "roles": ("coordinator",), "timer": timer, "escalation_level": level}
    return network.ask(a_command("escalate", **known | {"referral_id": VISIT}))


def test_who_coordinates_the_city_raises_a_timer_and_says_whom_that_tells() -> None:
    (event,) = [m for m in raised(asked(), 2) if isinstance(m, ReferralEscalated)]

    assert (event.timer, event.level, event.by) == ("acknowledge", 2, "coordinator")
    assert event.notify == ("city_coordinator", "sender_queue")


def test_a_timer_that_was_raised_runs_on_and_says_no_level_twice() -> None:
    network = asked()
    raised(network, 2)

    said = network.sweep(NOW + 48 * HOUR)

    assert [m.percent for m in said if isinstance(m, TimerFired) and m.timer == "acknowledge"] == [50, 100, 150, 200]
    assert [m.level for m in said if isinstance(m, ReferralEscalated) and m.timer == "acknowledge"] == [3]
    assert network.referrals[VISIT].state == "EXPIRED"


@pytest.mark.parametrize(("timer", "level", "pointer", "code"), [
    ("decide", 4, "/escalation_level", "invalid_value"), ("acknowledge", 1, "/escalation_level", "invalid_value"),
    ("hold_review", 1, "/timer", "invalid_value"), ("tomorrow", 1, "/timer", "unknown_code"),
])  # fmt: skip
def test_only_a_timer_that_runs_climbs_and_only_upwards_on_the_ladder(
    timer: str, level: int, pointer: str, code: str
) -> None:
    network = asked()
    raised(network, 2)

    (refused,) = raised(network, level, timer)

    assert isinstance(refused, CommandRejected)
    assert (refused.code, refused.pointer) == (code, pointer)
