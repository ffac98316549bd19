"""Whom a step of a ladder tells: a desk, the supervisors of its agency, who coordinates the city; once each."""

from typing import Any
from uuid import UUID

import pytest

from contracts import codes
from contracts.beside import ReferralEscalated, ReferralPriorityChanged, TimerFired
from contracts.directory import Queue
from contracts.events import ReferralClosed, ReferralDeclined, ReferralSent
from contracts.journeys import TaskEvent, TaskOverdue, TaskReminded
from contracts.notifications import PageRaised
from services.notifications.domain.climbing import Lead, lead_of
from services.notifications.domain.mailbox import BURST, Mailbox, change
from services.notifications.domain.telling import tell
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID, an_agency
from tests.notices import CLINIC, DESK, a_task, a_telling, an_event

EVENT_ID = UUID(int=7)
LEAD = Lead("pa.comune.coordination", "pa.comune")
LADDER = {step["at_percent"]: step for step in codes.table("priorities")["escalation_ladder"]}


def told(percent: int, lead: Lead | None = LEAD, **known: Any) -> dict[str, str]:
    step = LADDER[percent]
    event = an_event(TimerFired, percent=percent, level=step["level"], notify=tuple(step["notify"]), **known)
    return {command.queue: command.notice.about for command in tell(event, EVENT_ID, "palermo", lead)}


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (50, {CLINIC: "remind"}),
        (100, {"pa.accura": "late", DESK: "late"}),
        (150, {LEAD.queue: "escalated", DESK: "escalated"}),
        (200, {LEAD.queue: "escalated", LEAD.agency: "escalated", DESK: "escalated"}),
    ],
)
def test_each_step_of_the_ladder_tells_those_it_names(percent: int, expected: dict[str, str]) -> None:
    assert told(percent) == expected


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (100, {"pa.accura": "late", DESK: "late"}),
        (150, {"pa.comune": "escalated", DESK: "escalated"}),
        (200, {"pa.comune": "escalated", DESK: "escalated"}),
    ],
)
def test_the_senders_supervisors_are_told_in_place_of_a_coordination_that_the_person_excluded(
    percent: int, expected: dict[str, str]
) -> None:
    assert told(percent, Lead("pa.lead.coordination", "pa.lead"), coordination_withheld=True) == expected


def test_so_are_those_of_whoever_has_the_task_and_of_an_end_nobody_else_hears() -> None:
    known = a_task().model_dump(include=set(TaskEvent.model_fields)) | {"coordination_withheld": True}
    late = TaskOverdue(**known, percent=400, level=2, notify=("owner_queue", "city_coordinator"))
    ended = {"closure_outcome": "person_declined_after_accept", "served": False, "state": "CLOSED"}
    closed = an_event(ReferralClosed, **ended, coordination_withheld=True)

    lead = Lead("pa.lead.coordination", "pa.lead")
    assert [one.queue for one in tell(late, EVENT_ID, "palermo", lead)] == [DESK, "pa.comune"]
    assert [one.queue for one in tell(closed, EVENT_ID, "palermo", lead)] == [DESK]


def test_where_nobody_coordinates_the_others_are_told_all_the_same() -> None:
    assert told(200, lead=None) == {DESK: "escalated"}


def test_a_late_task_is_told_to_its_desk_and_its_supervisors() -> None:
    event = TaskOverdue(
        task_id=UUID(int=4), version=2, at=NOW, kind="no_candidate", journey_id=INTAKE_ID, referral_id=REFERRAL_ID,
        service="health.primary", agency="pa.comune", queue=DESK, due_at=NOW, percent=100, level=1,
        notify=("owner_queue", "owner_supervisor"),
    )  # fmt: skip

    notices = tell(event, EVENT_ID, "palermo", LEAD)

    assert {notice.queue: notice.notice.about for notice in notices} == {DESK: "task_late", "pa.comune": "task_late"}


def test_a_late_task_about_no_referral_is_told_to_who_can_decide_it_and_not_called_by_a_code() -> None:
    """As of two people who may be one."""
    about = {"kind": "same_person", "referral_id": None}
    known = a_task(**about).model_dump(include=set(TaskEvent.model_fields))
    [step] = codes.table("priorities")["desk_task_ladder"]
    late = TaskOverdue(**known, percent=100, level=step["level"], notify=tuple(step["notify"]))

    notices = tell(late, EVENT_ID, "palermo", Lead("pa.lead.coordination", "pa.lead"))

    assert [one.queue for one in notices] == [DESK, "pa.comune"]
    assert {(one.notice.about, one.notice.code, one.notice.referral_id) for one in notices} == {
        ("task_late", None, None)
    }


def test_who_has_to_confirm_is_reminded_in_the_words_of_the_first_time() -> None:
    event = TaskReminded(
        task_id=UUID(int=4), version=2, at=NOW, kind="confirm_vital_interest", journey_id=INTAKE_ID,
        referral_id=REFERRAL_ID, service="health.primary", agency="pa.comune", queue=DESK, due_at=NOW, percent=50,
        notify=("owner_queue", "owner_supervisor"),
    )  # fmt: skip

    notices = tell(event, EVENT_ID, "palermo", LEAD)

    assert {notice.queue: notice.notice.about for notice in notices} == {DESK: "to_confirm", "pa.comune": "to_confirm"}


def test_a_city_is_led_by_the_agency_that_coordinates_it() -> None:
    desk = Queue(code=LEAD.queue, kind="coordination", name={"it": "Coordinamento"})

    assert lead_of([an_agency("pa.accura"), an_agency("pa.comune", queues=(desk,))]) == LEAD
    assert lead_of([an_agency("pa.accura")]) is None


def test_a_coordination_that_works_leads_before_one_that_stopped() -> None:
    was, now = (Queue(code=code, kind="coordination", name={"it": "Coordinamento"}) for code in ("pa.a.c", LEAD.queue))
    left = an_agency("pa.a", status="left", queues=(was,))

    assert lead_of([left, an_agency(LEAD.agency, queues=(now,))]) == LEAD
    assert lead_of([left]) == Lead("pa.a.c", "pa.a"), "somebody may still read its mail"


def test_what_a_person_raised_tells_whom_its_level_tells_and_what_climbed_by_itself_tells_nobody_twice() -> None:
    by_hand = an_event(ReferralEscalated, level=2, notify=("city_coordinator", "sender_queue"))
    by_itself = an_event(ReferralEscalated, level=2, notify=())

    assert {one.queue: one.notice.about for one in tell(by_hand, EVENT_ID, "palermo", LEAD)} == {
        LEAD.queue: "raised", DESK: "raised",
    }  # fmt: skip
    assert tell(by_itself, EVENT_ID, "palermo", LEAD) == []


@pytest.mark.parametrize(("outcome", "told_to"), [
    ("person_declined_after_accept", [DESK, LEAD.queue]), ("no_longer_needed", [DESK]),
])  # fmt: skip
def test_who_coordinates_the_city_hears_of_the_ends_that_say_so(outcome: str, told_to: list[str]) -> None:
    event = an_event(ReferralClosed, closure_outcome=outcome, served=False, state="CLOSED")
    own = event.model_copy(update={"sender_queue": LEAD.queue})

    assert [notice.queue for notice in tell(event, EVENT_ID, "palermo", LEAD)] == told_to
    assert [notice.queue for notice in tell(own, EVENT_ID, "palermo", LEAD)] == [LEAD.queue], "once"
    assert [notice.queue for notice in tell(event, EVENT_ID, "palermo")] == [DESK], "where nobody coordinates"


# -- pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "pages"), [("EMERGENCY", True), ("URGENT", False)])
def test_an_emergency_pages_when_it_comes_when_it_becomes_one_and_when_it_is_late(priority: str, pages: bool) -> None:
    late = an_event(TimerFired, percent=100, level=1, notify=("receiver_supervisor",), priority=priority)
    reminder = an_event(TimerFired, percent=50, level=0, notify=("receiver_queue",), priority=priority)

    becomes_one = an_event(ReferralPriorityChanged, by="sender", priority=priority)

    for event in (an_event(ReferralSent, priority=priority), becomes_one, late):
        assert [notice.notice.pages for notice in tell(event, EVENT_ID, "palermo")] == [pages]
    assert [notice.notice.pages for notice in tell(reminder, EVENT_ID, "palermo")] == [False]


@pytest.mark.parametrize(("priority", "pages"), [("EMERGENCY", True), ("URGENT", False)])
def test_an_emergency_pages_whoever_has_to_decide_what_comes_next(priority: str, pages: bool) -> None:
    known = a_task(priority=priority).model_dump(include=set(TaskEvent.model_fields))
    late = TaskOverdue(**known, percent=100, level=2, notify=("owner_queue",))
    declined = {"decline_reason": "language_not_covered", "next": "mediation_and_retry"}

    for event in (a_task(priority=priority), late, an_event(ReferralDeclined, priority=priority, **declined)):
        assert [notice.notice.pages for notice in tell(event, EVENT_ID, "palermo")] == [pages]


@pytest.mark.parametrize(
    "declined",
    [
        {"decline_reason": "no_capacity", "next": "waitlist_or_reroute"},
        {"decline_reason": "other", "next": "sender_decides"},
        {"decline_reason": "safety_risk", "next": "coordinator_review"},
        {"decline_reason": "already_served", "next": "link_existing", "linked_referral_id": UUID(int=2)},
    ],
    ids=["it is asked elsewhere", "its task pages", "the task of the coordination pages", "served already"],
)
def test_nobody_is_paged_for_a_decline_that_asks_nothing_of_them(declined: dict[str, Any]) -> None:
    event = an_event(ReferralDeclined, priority="EMERGENCY", **declined)

    assert [notice.notice.pages for notice in tell(event, EVENT_ID, "palermo")] == [False]


def test_a_task_of_an_earlier_release_pages_nobody() -> None:
    assert [notice.notice.pages for notice in tell(a_task(), EVENT_ID, "palermo")] == [False]


def test_a_page_waits_for_no_burst_and_is_said() -> None:
    mailbox = Mailbox(CLINIC)
    for n in range(BURST + 2):
        mailbox, _ = change(mailbox, a_telling(n, CLINIC), NOW)

    after, said = change(mailbox, a_telling(99, CLINIC, about="new", pages=True), NOW)

    assert len(after.mails) == len(mailbox.mails) + 1
    assert after.gathered == mailbox.gathered
    (page,) = said
    assert isinstance(page, PageRaised)
    assert (page.queue, page.about, page.version) == (CLINIC, "new", mailbox.version + 1)
