"""`staffetta conform` for a person or a program: each promise, whether it was kept, and what was left behind."""

import asyncio
import sys
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from services.cli import http
from services.cli.conform import line, steps
from services.cli.conform.checks import CHECKS, Finding, judge
from services.cli.conform.people import NO_OFFER, Own
from services.cli.conform.transcript import Transcript
from services.cli.endpoints import Endpoints
from services.cli.faults import UNKNOWN, CannotDo
from services.cli.session import Session
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

STAGES = {
    "intake": ("un'accoglienza, due volte, in due modi", "an intake, twice and in two ways"),
    "bad": ("messaggi sbagliati", "messages that are wrong"),
    "http": ("la porta HTTP", "the HTTP door"),
    "referral": ("un invio a sé stessi", "a referral to oneself"),
    "moved": ("un invio che passa ad altri", "a referral that moves on"),
    "late": ("una risposta tardiva", "a late answer"),
    "feed": ("il feed riletto", "the feed read again"),
    "end": ("si chiude ciò che è aperto", "ending what is open"),
}
WHY = {
    "not_reached": ("la prova non è arrivata fin qui", "the run did not come so far"),
    "no_answer": ("nessuna risposta a ciò che precede", "no answer to what goes before"),
    "built_on_a_refusal": ("ciò che precede è stato rifiutato", "what goes before was refused"),
    "no_offer": ("l'ente non ha un'offerta aperta nella sua città", "the agency has no open offer in its city"),
    "not_sent": ("l'offerta non ha preso la persona: provare con --offer",
                 "the offer did not take the person: try another --offer"),
    "no_partner": ("serve un altro ente: --partner", "it takes another agency: --partner"),
    "nobody_next": ("l'altro ente non offre questo servizio", "the other agency does not offer this service"),
    "no_foreign": ("serve un invio di altri: --foreign", "it takes a referral of others: --foreign"),
}  # fmt: skip
OUTCOMES = {
    "passed": ("mantenuta", "kept"), "failed": ("NON MANTENUTA", "BROKEN"), "not_tried": ("non provata", "not tried"),
}  # fmt: skip
SUMS = {
    "passed": ("mantenute", "kept"), "failed": ("NON MANTENUTE", "BROKEN"), "not_tried": ("non provate", "not tried"),
}  # fmt: skip
COLOURS = {"passed": "green", "failed": "bold red", "not_tried": "yellow"}
SAYS = {
    "promise": ("Promessa", "Promise"), "outcome": ("Esito", "Outcome"), "about": ("Dettagli", "Details"),
    "expected": ("atteso", "expected"), "seen": ("visto", "seen"),
    "left": ("ANCORA APERTI", "STILL OPEN"),
    "offer": ("Provata con l'offerta", "Tried with the offer"),
    "others": ("altre, con --offer:", "others, with --offer:"),
    "ended": ("Nulla resta aperto; le persone sintetiche si riconoscono da",
              "Nothing is left open; the synthetic people are known by"),
}  # fmt: skip


def conform(
    session: Session, agency: str, *, offer: str | None, partner: str | None, foreign: str | None, wait_s: float
) -> None:
    """Try everything, end what was opened; fails when a promise was broken."""
    own = _own(session.endpoints, agency, offer)
    transcript = Transcript(agency, f"conform-SYNTHETIC-{uuid4().hex[:10]}")
    try:
        asyncio.run(_play(session, own, transcript, partner, foreign, wait_s))
    except KeyboardInterrupt:
        print(f"\n{_left(transcript, session.words)}", file=sys.stderr)
        raise
    findings = judge(transcript)
    data = {
        "agency": agency, "offer": own.offer, "mark": transcript.mark, "left_open": transcript.left_open,
        "checks": [asdict(finding) | {"promise": _label(finding.code, session.words)} for finding in findings],
    }  # fmt: skip
    session.tell(data, lambda console, words: _page(findings, own, transcript, console, words))
    if broken := [finding.code for finding in findings if finding.outcome == "failed"]:
        raise CannotDo(f"{len(broken)} promises are broken: {', '.join(broken)}.", "")


async def _play(
    session: Session, own: Own, transcript: Transcript, partner: str | None, foreign: str | None, wait_s: float
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    async with line.opened(session.endpoints, transcript, wait_s) as open_line:
        with Progress(*columns, console=Console(stderr=True), disable=session.json, transient=True) as progress:
            bar = progress.add_task("", total=len(STAGES), completed=-1)

            def tell(stage: str) -> None:
                progress.update(bar, advance=1, description=_said(STAGES[stage], session.words))

            await steps.play(steps.Run(open_line, own, partner, foreign, tell=tell))


# -- what the agency offers itself -------------------------------------------------------------------------------------
def _own(where: Endpoints, agency: str, stated: str | None) -> Own:
    """With an offer that takes people of its city: rather one whose places nobody counts."""
    known = http.ask(where, "directory", f"/v1/agencies/{quote(agency, safe='')}", headers={})
    if known is None:
        raise CannotDo(f"The directory knows no agency {agency}.", UNKNOWN)
    offers = http.ask(where, "directory", "/v1/offers", headers={}, params={"agency": agency}) or []
    usable = sorted((of for of in offers if _takes(of, known["city"])), key=_counted)
    found = [of for of in usable if stated in (None, of["id"])]
    if stated and not found:
        ids = ", ".join(of["id"] for of in usable) or "none"
        raise CannotDo(f"{agency} has no open offer {stated}.", f"Its open offers: {ids}.", status=2)
    if not found:
        return Own(agency, known["city"])
    others = tuple(of["id"] for of in usable if of is not found[0])
    return Own(agency, known["city"], found[0]["id"], found[0]["service"]["id"], others)


def _takes(offer: dict[str, Any], city: str) -> bool:
    today = date.today().isoformat()
    valid = offer["valid_from"] <= today and (offer["valid_to"] is None or today <= offer["valid_to"])
    return offer["status"] == "active" and valid and city in [area["name"] for area in offer["service_areas"]]


def _counted(offer: dict[str, Any]) -> bool:
    return any(capacity["maximum"] is not None for capacity in offer["capacities"])


# -- a page ------------------------------------------------------------------------------------------------------------
def _page(findings: list[Finding], own: Own, transcript: Transcript, console: "Console", words: Words) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(*(_said(SAYS[h], words) for h in ("outcome", "promise", "about")), box=None, pad_edge=False)
    for finding in findings:
        outcome = f"[{COLOURS[finding.outcome]}]{_said(OUTCOMES[finding.outcome], words)}[/]"
        table.add_row(outcome, _label(finding.code, words), escape(_details(finding, words)))
    console.print(table)
    counts = {outcome: sum(finding.outcome == outcome for finding in findings) for outcome in OUTCOMES}
    console.print(", ".join(f"{n} {_said(SUMS[outcome], words)}" for outcome, n in counts.items() if n))
    if own.offer != NO_OFFER:
        others = f"; {_said(SAYS['others'], words)} {', '.join(own.others)}" if own.others else ""
        console.print(f"{_said(SAYS['offer'], words)} {own.offer} ({own.service}){others}", soft_wrap=True)
    console.print(_left(transcript, words))


def _details(finding: Finding, words: Words) -> str:
    match finding.outcome:
        case "failed":
            expected, seen = _said(SAYS["expected"], words), _said(SAYS["seen"], words)
            return f"{finding.code}: {expected} {finding.expected}; {seen} {finding.seen}"
        case "not_tried":
            return _said(WHY[finding.why], words) if finding.why in WHY else finding.why
        case _:
            return ""


def _left(transcript: Transcript, words: Words) -> str:
    if transcript.left_open:
        return f"{_said(SAYS['left'], words)}: {', '.join(transcript.left_open)}"
    return f"{_said(SAYS['ended'], words)} {transcript.mark}."


def _label(code: str, words: Words) -> str:
    return _said(next(check.label for check in CHECKS if check.code == code), words)


def _said(pair: tuple[str, str], words: Words) -> str:
    return pair[0] if words.language == "it" else pair[1]
