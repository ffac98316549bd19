"""What the network promises to an agency, each as a look at what the agency said and was told."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from services.cli.conform.people import BAD, Bad
from services.cli.conform.transcript import ACCEPTED, REJECTED, Heard, Transcript, Untried, once

Look = Callable[[Transcript], tuple[str, str]]
"""What is expected, and what was seen; the promise is kept when they are the same. Raises Untried."""


@dataclass(frozen=True, slots=True)
class Check:
    """label: the promise, in Italian and English."""

    code: str
    label: tuple[str, str]
    look: Look


@dataclass(frozen=True, slots=True)
class Finding:
    """why: what kept it from being tried."""

    code: str
    outcome: Literal["passed", "failed", "not_tried"]
    expected: str = ""
    seen: str = ""
    why: str = ""


def judge(transcript: Transcript) -> list[Finding]:
    return [_judged(check, transcript) for check in CHECKS]


def _judged(check: Check, transcript: Transcript) -> Finding:
    try:
        expected, seen = check.look(transcript)
    except Untried as untried:
        return Finding(check.code, "not_tried", why=untried.why)
    return Finding(check.code, "passed" if expected == seen else "failed", expected, seen)


# -- answers -----------------------------------------------------------------------------------------------------------
def _answered(step: str, expected: str) -> Look:
    return lambda t: (expected, t.outcome(step))


def _one_each(t: Transcript) -> tuple[str, str]:
    """A repeat under the id of before is no second answer."""
    t.need("intake.submit", bool(t.said))
    counts = {step: len(once(t.answers(step))) for step in t.said}
    wrong = [f"{step}: {count}" for step, count in counts.items() if count != 1]
    return "1", ", ".join(wrong) or "1"


def _again(first: str, again: str) -> Look:
    """The stored answer once more, under its first id."""

    def look(t: Transcript) -> tuple[str, str]:
        t.need(again, again in t.said)
        came = t.answers(first)
        return "again, 1 id", f"{'again' if len(came) > 1 else 'not again'}, {len(once(came))} id"

    return look


def _nothing_recorded(t: Transcript) -> tuple[str, str]:
    """Each sound intake is recorded once, and no other is, nor the same one twice."""
    t.answers("intake.submit")
    sound = [f"{t.mark}/{n}" for n, step in enumerate(("intake.submit", "moved.submit"), 1) if step in t.said]
    return ", ".join(sound), ", ".join(sorted(str(entry.body["sender_ref"]) for entry in t.recorded)) or "-"


# -- a referral --------------------------------------------------------------------------------------------------------
def _told_where_it_stands(step: str, refusal: str) -> Look:
    """A refusal says the state and version that the feed has told last."""

    def look(t: Transcript) -> tuple[str, str]:
        answer = t.answer(step)
        if answer is None:
            return refusal, "no answer"
        before = [e for e in t.heard if e.body.get("referral_id") == answer.key and e.cursor < answer.cursor]
        now = max((e.body for e in before if e.type.startswith("referral.")), key=_version, default={})
        return f"{refusal}, {_standing(now)}", f"{answer.outcome}, {_standing(answer.body)}"

    return look


def _two_at_once(t: Transcript) -> tuple[str, str]:
    """One is taken; the other is refused and learns what the first has made of it."""
    both = [t.answer(step) for step in ("referral.at_once_accept", "referral.at_once_seen")]
    taken = [answer for answer in both if answer and answer.type == ACCEPTED]
    refused = [answer for answer in both if answer and answer.type == REJECTED]
    if len(taken) != 1 or len(refused) != 1:
        return "1 accepted, 1 rejected", f"{len(taken)} accepted, {len(refused)} rejected"
    return _standing(taken[0].body), _standing(refused[0].body)


def _looks_the_same(t: Transcript) -> tuple[str, str]:
    unknown, foreign = t.answer("referral.unknown"), t.answer("referral.foreign")
    return _shown(unknown), _shown(foreign)


def _shown(answer: Heard | None) -> str:
    names = ("code", "pointer", "message", "state", "version", "allowed", "successor_id", "place")
    return str({name: answer.body.get(name) for name in names}) if answer else "no answer"


def _who_has_it_now(t: Transcript) -> tuple[str, str]:
    answer = t.answer("moved.late")
    if answer is None:
        return "superseded", "no answer"
    now = next((of for of in t.referrals().values() if of.body.get("predecessor_id") == answer.key), None)
    expected = (now.body["referral_id"], now.body["receiver_agency"]) if now else (None, None)
    seen = (answer.body.get("successor_id"), answer.body.get("successor_agency"))
    return f"superseded /referral_id {expected}", f"{answer.outcome} {seen}"


def _in_order(t: Transcript) -> tuple[str, str]:
    """An intake and the journey that it begins have one id, and are two aggregates."""
    t.need("intake.submit", bool(t.heard))
    last: dict[tuple[str, bool], int] = defaultdict(int)
    wrong = []
    for entry in once(t.heard):
        of = entry.key, entry.body.get("intake_id") == entry.key
        sequence = last[of] if entry.sequence is None else entry.sequence
        if sequence < last[of] or (entry.type == ACCEPTED and sequence == last[of] > 0):
            wrong.append(f"{entry.type} {sequence} < {last[of]} ({entry.key})")
        last[of] = sequence
    return "in order", ", ".join(wrong[:3]) or "in order"


def _nothing_open(t: Transcript) -> tuple[str, str]:
    t.answers("intake.submit")
    return "-", ", ".join(t.left_open) or "-"


def _version(body: dict[str, int]) -> int:
    return body["version"]


def _standing(body: dict[str, object]) -> str:
    return f"{body.get('state')} {body.get('version')}"


# -- over HTTP ---------------------------------------------------------------------------------------------------------
def _replied(step: str, expected: str) -> Look:
    return lambda t: (expected, t.reply(step).told)


def _a_problem(step: str, expected: str) -> Look:
    """RFC 9457."""
    media = "application/problem+json"
    return lambda t: (f"{expected}, {media}", f"{t.reply(step).told}, {t.reply(step).media_type}")


def _as_on_the_feed(step: str) -> Look:
    """The answer of the feed."""

    def look(t: Transcript) -> tuple[str, str]:
        reply, answer = t.reply(step), t.answer("intake.submit")
        told = (reply.body.get("answer") if isinstance(reply.body, dict) else None) or {}
        there = f"{answer.outcome} {answer.body.get('subject')}" if answer else "no answer"
        return there, f"{told.get('outcome')} {told.get('subject')}"

    return look


def _same_feed(t: Transcript) -> tuple[str, str]:
    page, kafka = t.page("feed.page"), {entry.cursor: entry.id for entry in t.heard}
    return _listed(kafka, page), _listed(page, kafka)


def _same_page_again(t: Transcript) -> tuple[str, str]:
    first, again = t.page("feed.page"), t.page("feed.again")
    return _listed(first, again), _listed(again, first)


def _tail_since(t: Transcript) -> tuple[str, str]:
    """From the first entry that was put there then or later, whatever came before."""
    tail, since = t.page("feed.since"), t.since
    if since is None:
        raise Untried("not_reached")
    first = min(entry.cursor for entry in t.heard if entry.at >= since)
    kafka = {entry.cursor: entry.id for entry in t.heard if entry.cursor >= first}
    return _listed(kafka, tail), _listed(tail, kafka)


def _listed(page: dict[int, str], other: dict[int, str]) -> str:
    """As far as both go: an agency that works is told more meanwhile. Only where they part is shown."""
    end = min(max(page, default=-1), max(other, default=-1))
    mine, others = ({at: id for at, id in one.items() if at <= end} for one in (page, other))
    parts = {at: id for at, id in mine.items() if others.get(at) != id}
    return f"{len(mine)} entries" + (f", alone {dict(list(parts.items())[:2])}" if parts else "")


# -- the table ---------------------------------------------------------------------------------------------------------
def _bad(bad: Bad) -> Check:
    (it, en) = bad.label
    return Check(bad.step, (f"Rifiutato: {it}", f"Refused: {en}"), _answered(f"bad.{bad.step}", bad.outcome))


CHECKS: tuple[Check, ...] = (
    Check("accepted", ("Un'accoglienza corretta è accettata", "A sound intake is accepted"),
          _answered("intake.submit", "accepted")),
    Check("answered_once", ("Ogni messaggio ha una sola risposta", "Every message has one answer"), _one_each),
    Check("same_again", ("Lo stesso messaggio: la stessa risposta", "The same message again: the same answer"),
          _again("intake.submit", "intake.again")),
    Check("other_content", ("La stessa chiave, altro contenuto: rifiutato", "The same key, other content: refused"),
          _answered("intake.other", "idempotency_conflict /idempotency_key")),
    *map(_bad, BAD),
    Check("nothing_else", ("Ciò che è rifiutato non lascia traccia", "What is refused changes nothing"),
          _nothing_recorded),
    Check("unknown", ("Un invio sconosciuto: rifiutato", "An unknown referral: refused"),
          _answered("referral.unknown", "unknown_referral /referral_id")),
    Check("foreign", ("Un invio di altri sembra sconosciuto", "A referral of others looks unknown"), _looks_the_same),
    Check("stale", ("Versione superata: rifiutata con lo stato", "A stale version: refused, with the state"),
          _told_where_it_stands("referral.stale", "version_conflict /expected_version")),
    Check("too_early", ("Comando fuori tempo: rifiutato con lo stato", "A command too early: refused, with the state"),
          _told_where_it_stands("referral.early", "invalid_transition /command")),
    Check("at_once", ("Due insieme: uno vince, l'altro lo sa", "Two at once: one wins, the other learns"),
          _two_at_once),
    Check("command_again", ("Lo stesso comando: la stessa risposta", "The same command again: the same answer"),
          _again("referral.accept", "referral.accept_again")),
    Check("contact_before", ("Niente contatti prima dell'accettazione", "No contact data before acceptance"),
          lambda t: ("404", str(t.reply("referral.contact_before").status))),
    Check("contact_after", ("I contatti dopo l'accettazione", "Contact data after acceptance"),
          lambda t: ("200", str(t.reply("referral.contact_after").status))),
    Check("contact_ended", ("Niente contatti dopo la fine", "No contact data after the end"),
          lambda t: ("404", str(t.reply("late.contact_ended").status))),
    Check("late_ended", ("Risposta tardiva a un invio finito: rifiutata", "A late answer to what has ended: refused"),
          _told_where_it_stands("late.ended", "invalid_transition /command")),
    Check("late_moved", ("Risposta tardiva: chi lo ha ora", "A late answer: who has it now"), _who_has_it_now),
    Check("no_token", ("HTTP senza token: rifiutato", "HTTP without a token: refused"),
          _a_problem("http.no_token", "401 not_authenticated")),
    Check("http_malformed", ("HTTP, JSON troncato: un problema RFC 9457", "HTTP, truncated JSON: an RFC 9457 problem"),
          _a_problem("http.malformed", "400 malformed_json")),
    Check("http_field", ("HTTP, campo sconosciuto: dice quale", "HTTP, unknown field: says which"),
          _a_problem("http.unknown_field", "422 unknown_field /surprise")),
    Check("http_same", ("HTTP e Kafka danno la stessa risposta", "HTTP and Kafka give the same answer"),
          _as_on_the_feed("http.same")),
    Check("http_answer", ("La risposta si ritrova via HTTP", "The answer is found again over HTTP"),
          _as_on_the_feed("http.answer")),
    Check("order", ("In ordine per ogni invio", "In order for each referral"), _in_order),
    Check("feed_same", ("Il feed HTTP è quello di Kafka", "The HTTP feed is that of Kafka"), _same_feed),
    Check("feed_again", ("Riletto da un cursore è uguale", "Read again from a cursor it is the same"),
          _same_page_again),
    Check("feed_since", ("Da un'ora dà la stessa coda", "From a time it gives the same tail"), _tail_since),
    Check("since_wrong", ("Un'ora senza senso: rifiutata", "A time without sense: refused"),
          _replied("feed.since_wrong", "422 invalid_value")),
    Check("nothing_open", ("Alla fine non resta nulla di aperto", "At the end nothing is left open"), _nothing_open),
)  # fmt: skip
