"""`staffetta conform`: every promise is seen to be kept in what a sound run wrote down, and broken in a spoilt one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from services.cli.conform.checks import CHECKS, judge
from services.cli.conform.people import BAD
from services.cli.conform.transcript import ACCEPTED, REJECTED, Heard, Reply, Transcript
from tests.builders import NOW

INTAKE, FIRST, MOVED, NEXT = "intake-1", "referral-1", "referral-2", "referral-3"
PROBLEM = "application/problem+json"


@dataclass
class Pen:
    """Writes down what an agency says, and what it is told, each entry at the feed's next position."""

    run: Transcript

    def entry(self, type: str, key: str, **body: Any) -> Heard:
        at = len(self.run.heard)
        heard = Heard(f"e{at}", type, key, body.get("version"), at, NOW + timedelta(seconds=at), body)
        self.run.heard.append(heard)
        return heard

    def refused(self, step: str, outcome: str, key: str = "none", **body: Any) -> None:
        code, _, pointer = outcome.partition(" ")
        self.answer(step, REJECTED, key, code=code, pointer=pointer or None, **body)

    def taken(self, step: str, key: str, version: int, **body: Any) -> None:
        self.answer(step, ACCEPTED, key, subject=key, version=version, **body)

    def answer(self, step: str, type: str, key: str, **body: Any) -> None:
        self.run.said[step] = step
        self.entry(type, key, asked={"message_id": step}, **body)

    def event(self, type: str, referral: str, version: int, state: str, **body: Any) -> None:
        known = {"referral_id": referral, "journey_id": INTAKE, "version": version, "state": state}
        self.entry(f"referral.{type}", referral, **known, **body)


def a_sound_run() -> Transcript:
    run = Transcript("pa.accura", "synthetic")
    pen = Pen(run)
    pen.taken("intake.submit", INTAKE, 1, intake_id=INTAKE)
    for n in (1, 2):
        pen.entry("intake.recorded", INTAKE if n == 1 else "intake-2", intake_id=INTAKE, sender_ref=f"synthetic/{n}")
    _once_more(run, "intake.again", "intake.submit")
    pen.refused("intake.other", "idempotency_conflict /idempotency_key")
    for bad in BAD:
        pen.refused(f"bad.{bad.step}", bad.outcome)
    _of_a_referral(pen)
    _of_one_that_moved(pen)
    _over_http(run)
    return run


def _of_a_referral(pen: Pen) -> None:
    pen.refused("referral.unknown", "unknown_referral /referral_id")
    pen.refused("referral.foreign", "unknown_referral /referral_id")
    pen.event("sent", FIRST, 2, "REQUESTED")
    now: dict[str, Any] = {"state": "REQUESTED", "version": 2}
    pen.refused("referral.stale", "version_conflict /expected_version", FIRST, **now)
    pen.refused("referral.early", "invalid_transition /command", FIRST, **now)
    pen.taken("referral.at_once_accept", FIRST, 3, state="ACCEPTED")
    pen.event("accepted", FIRST, 3, "ACCEPTED")
    pen.refused("referral.at_once_seen", "invalid_transition", key=FIRST, state="ACCEPTED", version=3)
    pen.refused("referral.accept", "invalid_transition", key=FIRST, state="ACCEPTED", version=3)
    _once_more(pen.run, "referral.accept_again", "referral.accept")
    pen.event("withdrawn", FIRST, 4, "WITHDRAWN")
    pen.refused("late.ended", "invalid_transition /command", key=FIRST, state="WITHDRAWN", version=4)


def _of_one_that_moved(pen: Pen) -> None:
    pen.taken("moved.submit", "intake-2", 1)
    pen.event("declined", MOVED, 3, "DECLINED")
    pen.event("withdrawn", NEXT, 2, "WITHDRAWN", predecessor_id=MOVED, receiver_agency="pa.salute")
    pen.refused("moved.late", "superseded /referral_id", MOVED, successor_id=NEXT, successor_agency="pa.salute")


def _over_http(run: Transcript) -> None:
    found = {"answer": {"outcome": "accepted", "subject": INTAKE}}
    run.replies = {
        "referral.contact_before": Reply(404, PROBLEM, {}),
        "referral.contact_after": Reply(200, "application/json", {}),
        "late.contact_ended": Reply(404, PROBLEM, {}),
        "http.no_token": Reply(401, PROBLEM, {"code": "not_authenticated"}),
        "http.malformed": Reply(400, PROBLEM, {"code": "malformed_json"}),
        "http.unknown_field": Reply(422, PROBLEM, {"code": "unknown_field", "pointer": "/surprise"}),
        "http.same": Reply(202, "application/json", found),
        "http.answer": Reply(200, "application/json", found),
        "feed.since_wrong": Reply(422, PROBLEM, {"code": "invalid_value"}),
    }
    page = {entry.cursor: entry.id for entry in run.heard}
    run.since = run.heard[7].at
    run.pages = {"feed.page": page, "feed.again": dict(page), "feed.since": {n: page[n] for n in page if n >= 7}}


def _once_more(run: Transcript, step: str, first: str) -> None:
    """The very entry, at the feed's end."""
    run.said[step] = run.said[first]
    run.heard.append(replace(run.answers(first)[0], cursor=len(run.heard)))


# -- what is done to it ------------------------------------------------------------------------------------------------
def _answered_with(step: str, **body: Any) -> Callable[[Transcript], None]:
    """Every answer to a step, with other words."""

    def spoil(run: Transcript) -> None:
        id = run.said[step]
        run.heard = [replace(e, body=e.body | body) if e.answers == id else e for e in run.heard]

    return spoil


def _forgotten(step: str) -> Callable[[Transcript], None]:
    """The last time that a step was answered did not come."""

    def spoil(run: Transcript) -> None:
        run.heard.remove(run.answers(step)[-1])

    return spoil


def _replied(step: str, status: int = 200, **body: Any) -> Callable[[Transcript], None]:
    return lambda run: run.replies.update({step: Reply(status, "application/json", body)})


def _paged(step: str) -> Callable[[Transcript], None]:
    return lambda run: run.pages[step].update({9: "another"})


def _twice(run: Transcript) -> None:
    run.heard.append(replace(run.answers("bad.nan")[0], id="another", cursor=99))


def _recorded_anyway(run: Transcript) -> None:
    Pen(run).entry("intake.recorded", "intake-9", sender_ref="synthetic/bad.nan")


def _both_win(run: Transcript) -> None:
    run.heard = [replace(e, type=ACCEPTED) if e.answers == "referral.at_once_seen" else e for e in run.heard]


def _backwards(run: Transcript) -> None:
    Pen(run).event("acknowledged", FIRST, 2, "ACKNOWLEDGED")


def _left(run: Transcript) -> None:
    run.left_open.append(FIRST)


SPOILT: dict[str, Callable[[Transcript], None]] = {
    "accepted": lambda run: Pen(run).refused("intake.submit", "wrong_city"),
    "answered_once": _twice,
    "same_again": _forgotten("intake.again"),
    "other_content": _answered_with("intake.other", pointer=None),
    **{bad.step: _answered_with(f"bad.{bad.step}", code="parked") for bad in BAD},
    "nothing_else": _recorded_anyway,
    "unknown": _forgotten("referral.unknown"),
    "foreign": _answered_with("referral.foreign", state="ACCEPTED"),
    "stale": _answered_with("referral.stale", version=1),
    "too_early": _answered_with("referral.early", state="ACCEPTED"),
    "at_once": _both_win,
    "command_again": _forgotten("referral.accept"),
    "contact_before": _replied("referral.contact_before"),
    "contact_after": _replied("referral.contact_after", 404),
    "contact_ended": _replied("late.contact_ended"),
    "late_ended": _answered_with("late.ended", state="ACCEPTED"),
    "late_moved": _answered_with("moved.late", successor_agency="pa.penc"),
    "no_token": _replied("http.no_token"),
    "http_malformed": _replied("http.malformed", 400, code="malformed_json"),
    "http_field": _replied("http.unknown_field", 422, code="unknown_field"),
    "http_same": _replied("http.same", 202, answer={"outcome": "accepted", "subject": "another"}),
    "http_answer": _replied("http.answer", 404),
    "order": _backwards,
    "feed_same": _paged("feed.page"),
    "feed_again": _paged("feed.again"),
    "feed_since": _paged("feed.since"),
    "since_wrong": _replied("feed.since_wrong"),
    "nothing_open": _left,
}


def test_in_a_sound_run_every_promise_was_kept() -> None:
    findings = judge(a_sound_run())

    assert [finding for finding in findings if finding.outcome != "passed"] == []
    assert len(findings) == len({finding.code for finding in findings}) >= 40


@pytest.mark.parametrize("code", [check.code for check in CHECKS])
def test_a_promise_that_is_broken_is_found(code: str) -> None:
    run = a_sound_run()
    SPOILT[code](run)

    broken = {finding.code: finding for finding in judge(run) if finding.outcome == "failed"}

    assert code in broken
    assert broken[code].expected != broken[code].seen


def test_what_was_never_said_is_not_judged() -> None:
    nothing = Transcript("pa.accura", "synthetic", why={"run": "no_answer", "moved": "no_partner"})

    findings = {finding.code: finding for finding in judge(nothing)}

    assert {finding.outcome for finding in findings.values()} == {"not_tried"}
    assert findings["late_moved"].why == "no_partner"
    assert findings["order"].why == "no_answer"
