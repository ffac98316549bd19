"""A run: what is said in which order, and how all that it opened is ended again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from contracts import codes
from services.cli.conform.line import Line
from services.cli.conform.people import BAD, BASIS, SUBMIT, Own, intake
from services.cli.conform.transcript import Body, Heard, Untried

PAGE = "500"
MOST_PAGES = 40
DECIDED = frozenset({"referral.sent", "referral.waitlisted", "referral.declined", "routing.no_candidate"})


@dataclass(slots=True)
class Run:
    """partner: an agency that agreed to be told of a synthetic person. foreign: the id of a referral of others.

    tell: hears of each stage.
    """

    line: Line
    own: Own
    partner: str | None = None
    foreign: str | None = None
    began: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    tell: Callable[[str], None] = lambda _stage: None
    referral: str = ""
    person: str = ""

    def sound(self, number: int = 1, *recipients: str) -> Body:
        mark = f"{self.line.transcript.mark}/{number}"
        return intake(self.own, mark, mark, self.began, recipients)

    async def command(self, step: str, name: str, referral: str, *, again: str | None = None, **fields: Any) -> None:
        type, body = self.stated(again or step, name, referral, **fields)
        await self.line.say(step, type, body, again=again)

    def stated(self, step: str, name: str, referral: str, **fields: Any) -> tuple[str, Body]:
        known = {"command_id": self.line.id_of(step), "referral_id": referral, "command": name}
        return f"staffetta.referral.{name}.v1", {**known, "agency": self.own.agency, **fields}


async def play(run: Run) -> None:
    """Every stage, each as far as it goes; then all that is open is ended, whatever happened before."""
    try:
        for name, stage in STAGES.items():
            run.tell(name)
            try:
                await stage(run)
            except Untried as untried:
                run.line.transcript.why.setdefault(name, untried.why)
    finally:
        run.tell("end")
        await _end(run)


# -- the stages --------------------------------------------------------------------------------------------------------
async def _intake(run: Run) -> None:
    line, sound = run.line, run.sound()
    await line.say("intake.submit", SUBMIT, sound)
    try:
        await line.need_answer("intake.submit")
    except Untried as untried:
        line.transcript.why["run"] = untried.why
        raise
    await line.say("intake.again", SUBMIT, sound, again="intake.submit")
    await line.answered("intake.again", 2)
    await line.say("intake.other", SUBMIT, sound | {"tier2": {"narrative": "Altro. Other."}})
    await line.answered("intake.other")


async def _bad(run: Run) -> None:
    for bad in BAD:
        step = f"bad.{bad.step}"
        mark = run.line.id_of(step)
        await run.line.say(step, bad.type, bad.spoil(intake(run.own, mark, mark, run.began)))
    for bad in BAD:
        await run.line.answered(f"bad.{bad.step}")


async def _http(run: Run) -> None:
    line, sound = run.line, json.dumps(run.sound()).encode()
    await line.post("http.no_token", SUBMIT, sound, line.id_of("http.no_token"), named=False)
    await line.post("http.malformed", SUBMIT, sound[:-1], line.id_of("http.malformed"))
    surprise = json.dumps(run.sound() | {"surprise": True}).encode()
    await line.post("http.unknown_field", SUBMIT, surprise, line.id_of("http.unknown_field"))
    id = line.transcript.said["intake.submit"]
    await line.post("http.same", SUBMIT, sound, id)
    await line.ask("http.answer", "gateway", f"/v1/commands/{quote(id, safe='')}")


async def _referral(run: Run) -> None:
    line = run.line
    await run.command("referral.unknown", "acknowledge", str(uuid4()))
    await line.answered("referral.unknown")
    if run.foreign:
        await run.command("referral.foreign", "acknowledge", run.foreign)
        await line.answered("referral.foreign")
    else:
        line.transcript.why["referral.foreign"] = "no_foreign"
    sent = await _sent(run, "intake.submit")
    run.referral, run.person, version = sent.body["referral_id"], sent.body["person_ref"], sent.body["version"]
    await _contact(run, "referral.contact_before", "404")
    await run.command("referral.stale", "acknowledge", run.referral, expected_version=version - 1)
    await run.command("referral.early", "close", run.referral, closure_outcome="served_completed")
    await line.answered("referral.early")
    await _two_at_once(run, version)
    await _accepted(run)
    await _contact(run, "referral.contact_after", "200")


async def _two_at_once(run: Run, version: int) -> None:
    await asyncio.gather(
        run.command("referral.at_once_accept", "accept", run.referral, expected_version=version),
        run.command("referral.at_once_seen", "acknowledge", run.referral, expected_version=version),
    )
    await run.line.answered("referral.at_once_accept")
    await run.line.answered("referral.at_once_seen")


async def _accepted(run: Run) -> None:
    """Also when the other of two won."""
    await run.command("referral.accept", "accept", run.referral)
    await run.line.answered("referral.accept")
    await run.command("referral.accept_again", "accept", run.referral, again="referral.accept")
    await run.line.answered("referral.accept", 2)


async def _moved(run: Run) -> None:
    """A second person, whom the agency sends to itself, declines, and answers once more when another has them.

    The reason leaves nothing to be done to anybody.
    """
    if run.partner is None:
        raise Untried("no_partner")
    await run.line.say("moved.submit", SUBMIT, run.sound(2, run.partner))
    await run.line.need_answer("moved.submit")
    sent = await _sent(run, "moved.submit")
    await run.command("moved.decline", "decline", sent.body["referral_id"], decline_reason="out_of_area")
    await run.line.need_answer("moved.decline")
    if not await run.line.heard(lambda e: e.body.get("predecessor_id") == sent.body["referral_id"]):
        raise Untried("nobody_next")
    await run.command("moved.late", "accept", sent.body["referral_id"])
    await run.line.answered("moved.late")


async def _late(run: Run) -> None:
    if not run.referral:
        raise Untried(run.line.transcript.why.get("referral", "not_reached"))
    await _withdraw(run, run.referral)
    await run.command("late.ended", "accept", run.referral)
    await run.line.answered("late.ended")
    await _contact(run, "late.contact_ended", "404")


async def _feed(run: Run) -> None:
    line = run.line
    await line.settle()
    await _ask_page(line, "feed.page")
    await _ask_page(line, "feed.again")
    middle = [entry for entry in line.transcript.heard if entry.body.get("referral_id")] or line.transcript.heard
    if middle:
        line.transcript.since = middle[len(middle) // 2].at
        await _ask_page(line, "feed.since", {"since": line.transcript.since.isoformat()})
    await line.ask("feed.since_wrong", "gateway", "/v1/feed", params={"since": "yesterday"})


STAGES: dict[str, Callable[[Run], Awaitable[None]]] = {
    "intake": _intake, "bad": _bad, "http": _http, "referral": _referral, "moved": _moved, "late": _late,
    "feed": _feed,
}  # fmt: skip


# -- what the stages are made of ---------------------------------------------------------------------------------------
async def _sent(run: Run, submitted: str) -> Heard:
    """The referral of an intake, once its place is held or where none is counted. Raises Untried."""
    if run.own.offer == "any":
        raise Untried("no_offer")
    came = await _decided(run, submitted)
    if came is None or came.type != "referral.sent":
        raise Untried("not_sent")
    return came


async def _decided(run: Run, submitted: str) -> Heard | None:
    """Where an intake went, or that it went nowhere. Raises Untried."""
    journey = (await run.line.need_answer(submitted)).body["intake_id"]
    return await run.line.heard(
        lambda e: e.type in DECIDED and e.body.get("journey_id") == journey and e.body.get("seat") != "asked"
    )


async def _contact(run: Run, step: str, wanted: str) -> None:
    """Who the person is. What follows an answer may take a moment."""
    for _ in range(max(1, int(run.line.patience_s / 0.3))):
        reply = await run.line.ask(step, "intake", f"/v1/people/{run.person}")
        if reply is None or str(reply.status) == wanted:
            return
        await asyncio.sleep(0.3)


async def _ask_page(line: Line, step: str, params: dict[str, str] | None = None) -> None:
    """The feed from where the run began, or as asked, to its end."""
    asked = params or ({"after": str(line.start - 1)} if line.start else {})
    page: dict[int, str] = {}
    for _ in range(MOST_PAGES):
        reply = await line.ask(step, "gateway", "/v1/feed", params={"limit": PAGE, **asked})
        if reply is None or reply.status != 200:
            return
        if not reply.body["entries"]:
            break
        page |= {entry["cursor"]: entry["id"] for entry in reply.body["entries"]}
        asked = {"after": str(reply.body["next"])}
    line.transcript.pages[step] = page


async def _withdraw(run: Run, referral: str) -> None:
    step = f"end.{referral}"
    await run.command(step, "withdraw", referral, withdraw_reason="need_resolved", requested_by="sender")
    await run.line.answered(step)
    await run.line.heard(lambda e: e.type == "referral.withdrawn" and e.body["referral_id"] == referral)


async def _end(run: Run) -> None:
    """What is open is withdrawn, tasks are done, and no basis lets anybody know of the people any more."""
    transcript, line = run.line.transcript, run.line
    for submitted in ("intake.submit", "moved.submit"):  # whoever stops a run may do so before it is known
        if submitted in transcript.said:
            with suppress(Untried):
                await _decided(run, submitted)
    await line.settle()
    for referral in _open(run):
        await _withdraw(run, referral)
    await line.settle()
    for task in _tasks(run):
        step = f"end.{task}"
        done = {"command_id": line.id_of(step), "task_id": task, "agency": run.own.agency}
        await line.say(step, "staffetta.task.complete.v1", done)
        await line.answered(step)
    for entry in transcript.recorded:
        refs = [basis["basis_id"] for basis in entry.body.get("sharing_basis", ())] or [BASIS]
        step = f"end.{entry.key}"
        body = {
            "command_id": line.id_of(step), "intake_id": entry.key, "agency": run.own.agency, "basis_ids": refs,
            "revoke_cause": "consent_withdrawn",
        }  # fmt: skip
        await line.say(step, "staffetta.sharing.withdraw.v1", body)
        await line.answered(step)
    transcript.left_open = _open(run) + _tasks(run)


def _open(run: Run) -> list[str]:
    states = codes.codes("transitions", "states")
    return [id for id, of in run.line.transcript.referrals().items() if states[of.body["state"]]["kind"] == "open"]


def _tasks(run: Run) -> list[str]:
    ours = [e for e in run.line.transcript.heard if e.body.get("journey_id") in run.line.transcript.journeys]
    done = {e.body["task_id"] for e in ours if e.type == "task.done"}
    opened = [e.body["task_id"] for e in ours if e.type == "task.opened" and e.body["agency"] == run.own.agency]
    return [task for task in dict.fromkeys(opened) if task not in done]
