"""A mailbox: each notice is told once, in a mail of its own or with others of its burst, or given up and said so."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.notifications import (
    CloseDigest,
    DropNotices,
    NoteAttempt,
    NotificationEvent,
    NotificationFailed,
    NotificationSent,
    OfQueue,
)
from contracts.values import Message
from services.notifications.domain.mailbox import (
    BURST,
    LONGEST_DIGEST,
    RETRY_AFTER,
    WINDOW,
    Fault,
    Mail,
    Mailbox,
    change,
    judge,
)
from tests.builders import NOW
from tests.notices import DESK, a_notice, a_telling

UNREACHABLE = Fault("unreachable")


def told(*tellings: OfQueue, at: datetime = NOW, before: Mailbox | None = None) -> Mailbox:
    mailbox = before or Mailbox(DESK)
    for telling in tellings:
        mailbox, _ = change(mailbox, telling, at)
    return mailbox


def a_burst(count: int = BURST + 3) -> Mailbox:
    return told(*(a_telling(n) for n in range(count)))


def noted(mailbox: Mailbox, outcome: str = "sent", n: int = 0, **known: Any) -> tuple[Mailbox, list[Message]]:
    """An attempt on the nth mail."""
    mail = mailbox.mails[n]
    attempt = NoteAttempt(queue=DESK, mail_id=mail.mail_id, attempt=mail.attempts + 1, outcome=outcome, **known)
    return change(mailbox, attempt, NOW)


def held(mailbox: Mailbox) -> list[int]:
    """How many notices each mail tells."""
    return [len(mail.notices) for mail in mailbox.mails]


# -- mails and bursts --------------------------------------------------------------------------------------------------


def test_a_notice_becomes_a_mail_that_is_due_at_once_under_an_id_that_follows_from_it() -> None:
    mailbox, said = change(Mailbox(DESK), a_telling(), NOW)

    notice = a_notice()
    assert mailbox.mails == (Mail(uuid5(notice.notification_id, "mail"), (notice,), due_at=NOW),)
    assert (mailbox.agency, mailbox.next_at, said, mailbox.version) == ("pa.comune", NOW, [], 0)


@pytest.mark.parametrize("about", ["to_delete", "erased", "in_error"])
def test_what_a_desk_was_to_be_told_of_a_referral_that_it_must_forget_is_told_no_more(about: str) -> None:
    """But for what a mail tells beside other referrals, which never changes once it is made."""
    other = UUID(int=9)
    digest = told(CloseDigest(queue=DESK, first=a_notice(BURST).notification_id),
                  before=told(a_telling(BURST + 1, referral_id=other), before=a_burst(BURST + 1)))  # fmt: skip
    before = told(*(a_telling(n) for n in (20, 21)), a_telling(22, referral_id=other), before=digest)
    assert (held(before), len(before.gathered)) == ([1] * BURST + [2], 3)

    after = told(a_telling(30, about=about), before=before)

    assert held(after) == [2]
    assert [notice.notification_id for notice in after.gathered] == [a_notice(n).notification_id for n in (22, 30)]


def test_who_is_told_nothing_of_an_error_is_told_no_more_of_the_referral_either() -> None:
    other = UUID(int=9)
    before = told(*(a_telling(n) for n in range(BURST + 1)), a_telling(20, referral_id=other))

    after, said = change(before, DropNotices(queue=DESK, referral_id=a_notice().referral_id), NOW)

    assert (held(after), said) == ([], [])
    assert [notice.notification_id for notice in after.gathered] == [a_notice(20).notification_id]
    assert change(after, DropNotices(queue=DESK, referral_id=a_notice().referral_id), NOW)[0] == after


def test_what_goes_beyond_a_burst_waits_for_the_window_to_end_and_goes_out_as_one_mail() -> None:
    mailbox = a_burst(BURST + 3)

    assert held(mailbox) == [1] * BURST
    assert mailbox.digest_due(NOW + WINDOW - timedelta(seconds=1)) is None
    close = mailbox.digest_due(NOW + WINDOW)
    assert close == CloseDigest(queue=DESK, first=a_notice(BURST).notification_id)

    after, _ = change(mailbox, close, NOW + WINDOW)

    assert held(after) == [1] * BURST + [3]
    assert after.mails[-1].mail_id == uuid5(a_notice(BURST).notification_id, "mail")
    assert (after.gathered, after.gathered_until) == ((), None)


def test_a_digest_that_went_out_already_is_not_closed_again() -> None:
    mailbox = a_burst()
    close = CloseDigest(queue=DESK, first=a_notice(BURST).notification_id)
    after, _ = change(mailbox, close, NOW + WINDOW)

    again, said = change(told(a_telling(99), before=after), close, NOW + WINDOW)

    assert again.gathered == (a_notice(99),)
    assert (held(again), said) == (held(after), [])


def test_once_the_window_is_over_a_notice_has_a_mail_of_its_own_again() -> None:
    mailbox = told(*(a_telling(n) for n in range(BURST)))

    after = told(a_telling(99), at=NOW + WINDOW, before=mailbox)

    assert held(after) == [1] * (BURST + 1)


def test_while_notices_are_gathered_none_overtakes_them() -> None:
    after = told(a_telling(99), at=NOW + WINDOW * 2, before=a_burst())

    assert after.gathered[-1] == a_notice(99)
    assert after.gathered_until == NOW + WINDOW


def test_a_digest_that_is_full_does_not_wait() -> None:
    mailbox = a_burst(BURST + LONGEST_DIGEST + 1)

    assert held(mailbox) == [1] * BURST + [LONGEST_DIGEST]
    assert len(mailbox.gathered) == 1


# -- what came of a mail -----------------------------------------------------------------------------------------------


def test_a_mail_that_was_taken_is_told_of_each_of_its_notices_and_forgotten() -> None:
    mailbox, _ = change(a_burst(BURST + 2), CloseDigest(queue=DESK, first=a_notice(BURST).notification_id), NOW)
    digest = mailbox.mails[BURST]

    after, said = noted(mailbox, n=BURST)

    assert held(after) == [1] * BURST
    assert [type(event) for event in said] == [NotificationSent] * 2
    events = [event for event in said if isinstance(event, NotificationEvent)]
    assert [event.notification_id for event in events] == [n.notification_id for n in digest.notices]
    assert {(event.mail_id, event.version, event.attempts, event.agency) for event in events} == {
        (digest.mail_id, 1, 1, "pa.comune")
    }


def test_an_outcome_that_is_noted_twice_is_told_once() -> None:
    mailbox = told(a_telling())
    sent = NoteAttempt(queue=DESK, mail_id=mailbox.mails[0].mail_id, attempt=1, outcome="sent")
    after, _ = change(mailbox, sent, NOW)

    assert change(after, sent, NOW) == (after, [])


def test_a_mail_that_was_put_off_is_due_again_later_and_nobody_is_told() -> None:
    later = NOW + timedelta(minutes=1)

    after, said = noted(told(a_telling()), "deferred", reason="put_off", retry_at=later)

    assert (after.mails[0].attempts, after.mails[0].due_at, after.next_at) == (1, later, later)
    assert said == []
    assert after.due(NOW) == []
    assert after.due(later) == [after.mails[0]]


def test_of_two_workers_that_tried_at_once_the_one_whose_mail_was_taken_is_right() -> None:
    mailbox, later = told(a_telling()), NOW + timedelta(minutes=1)
    put_off, _ = noted(mailbox, "deferred", reason="unreachable", retry_at=later)
    known = {"queue": DESK, "mail_id": mailbox.mails[0].mail_id, "attempt": 1}

    after, said = change(put_off, NoteAttempt(**known, outcome="sent"), NOW)
    stale, nothing = change(put_off, NoteAttempt(**known, outcome="deferred", retry_at=NOW), NOW)

    assert (after.mails, len(said)) == ((), 1)
    assert (stale, nothing) == (put_off, [])


def test_a_mail_that_is_given_up_says_so_and_why() -> None:
    after, said = noted(told(a_telling()), "failed", reason="refused")

    assert after.mails == ()
    assert [event.reason for event in said if isinstance(event, NotificationFailed)] == ["refused"]


# -- trying again ------------------------------------------------------------------------------------------------------


def test_each_wait_is_longer_and_after_the_last_one_the_mail_has_failed() -> None:
    mailbox, now, waits = told(a_telling()), NOW, []
    while True:
        attempt = judge(mailbox, mailbox.mails[0], UNREACHABLE, now)
        if attempt.retry_at is None:
            break
        waits.append(attempt.retry_at - now)
        mailbox, _ = change(mailbox, attempt, now)
        now = attempt.retry_at

    assert waits == sorted(RETRY_AFTER)
    assert (attempt.outcome, attempt.reason, attempt.attempt) == ("failed", "unreachable", len(RETRY_AFTER) + 1)


@pytest.mark.parametrize(
    ("fault", "outcome"), [(None, "sent"), (UNREACHABLE, "deferred"), (Fault("refused", final=True), "failed")]
)
def test_what_an_attempt_comes_to(fault: Fault | None, outcome: str) -> None:
    mailbox = told(a_telling())

    attempt = judge(mailbox, mailbox.mails[0], fault, NOW, pace=0.5)

    assert (attempt.outcome, attempt.attempt, attempt.reason) == (outcome, 1, fault and fault.reason)
    assert attempt.retry_at == (NOW + RETRY_AFTER[0] / 2 if outcome == "deferred" else None)


# -- for ever ----------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "tell", "tell", "wait", "sent", "deferred", "failed", "again"]),
              st.integers(0, 2**16)),
    max_size=120,
)  # fmt: skip


@given(STEPS)
def test_each_notice_is_accounted_for_exactly_once_whatever_happens(steps: list[tuple[str, int]]) -> None:
    mailbox, now, tellings = Mailbox(DESK), NOW, 0
    ended: list[UUID] = []
    last: OfQueue | None = None
    for step, n in steps:
        command: OfQueue | None = last if step == "again" else None
        if step == "tell":
            command, tellings = a_telling(tellings), tellings + 1
        elif step == "wait":
            now += timedelta(seconds=n % 90)
            command = mailbox.digest_due(now)
        elif step != "again" and mailbox.mails:
            mail = mailbox.mails[n % len(mailbox.mails)]
            retry_at = now + timedelta(seconds=n)
            command = NoteAttempt(queue=DESK, mail_id=mail.mail_id, attempt=mail.attempts + 1, outcome=step,
                                  reason="put_off", retry_at=retry_at)  # fmt: skip
        if command is None or (step == "again" and command.TYPE.endswith("tell.v1")):
            continue
        before, last = mailbox, command
        mailbox, said = change(mailbox, command, now)
        ended += [event.notification_id for event in said if isinstance(event, NotificationEvent)]

        assert mailbox.version == before.version + bool(said)
        held = [notice for mail in mailbox.mails for notice in mail.notices] + list(mailbox.gathered)
        everything = [notice.notification_id for notice in held] + ended
        assert sorted(everything) == sorted(a_notice(n).notification_id for n in range(tellings))
        assert bool(mailbox.gathered) == (mailbox.gathered_until is not None)
        assert (mailbox.next_at is None) == (not held)
