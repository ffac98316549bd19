"""The 200 sample intakes: each of their 412 requests is routed as the samples say."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contracts.commands import DraftReferral, OpenReferral
from contracts.directory import Agency, Offer
from contracts.events import IntakeRecorded
from services.referral.domain import needs
from services.referral.domain.candidates import candidates
from services.referral.domain.routing import Decision, Search, route
from tests.builders import NETWORK_1

SAMPLES = Path(__file__).parents[1] / "samples"
EXPECTED = json.loads((SAMPLES / "intakes.palermo.expected.json").read_text("utf-8"))
INTAKES = [json.loads(line) for line in (SAMPLES / "intakes.palermo.jsonl").read_text("utf-8").splitlines()]
LINES = [line for line in EXPECTED["lines"] if "services" in line]


@cache
def directory() -> tuple[dict[str, Agency], list[Offer]]:
    files = [json.loads((SAMPLES / name).read_text("utf-8")) for name in EXPECTED["directories"]]
    agencies = [Agency.model_validate(a) for file in files for a in file["agencies"]]
    return {agency.code: agency for agency in agencies}, [Offer.model_validate(o) for f in files for o in f["offers"]]


def steps_of(line: dict[str, Any]) -> list[OpenReferral | DraftReferral]:
    """What the intake of a line sets going, one command for each service."""
    submitted = INTAKES[line["line"] - 1]
    recorded = IntakeRecorded.model_validate(
        submitted["tier0"] | {"intake_id": UUID(int=line["line"]), "occurred_at": submitted["occurred_at"]}
    )
    return [step for step in needs.set_going(recorded) if isinstance(step, OpenReferral | DraftReferral)]


def routed(step: OpenReferral | DraftReferral) -> Decision:
    agencies, offers = directory()
    day = date.fromisoformat(EXPECTED["as_of"])
    return route(Search(step.need), candidates(offers, agencies), day, NETWORK_1)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["ref"])
def test_each_service_of_an_intake_goes_where_the_samples_say(line: dict[str, Any]) -> None:
    steps = steps_of(line)

    decisions = [routed(step) for step in steps]

    assert [_told(step, decision) for step, decision in zip(steps, decisions, strict=True)] == line["services"]


def test_the_samples_are_as_many_as_they_say() -> None:
    totals = EXPECTED["totals"]

    decisions = [routed(step) for line in LINES for step in steps_of(line)]

    assert len(decisions) == totals["requests"]
    assert sum(decision.first is not None for decision in decisions) == totals["with_first_candidate"]
    assert {why: sum(d.why == why for d in decisions) for why in totals["unmet_by_why"]} == totals["unmet_by_why"]


def _told(step: OpenReferral | DraftReferral, decision: Decision) -> dict[str, Any]:
    opens = "REQUESTED" if isinstance(step, OpenReferral) else "DRAFT"
    return {"service": step.need.service, "opens": opens} | told(decision)


def told(decision: Decision) -> dict[str, Any]:
    """A decision in the words of the samples."""
    return {
        "first": decision.first.offer if decision.first else None,
        "unmet": decision.first is None,
        "why": decision.why,
        "candidates": [{"offer": verdict.offer, "verdict": verdict.verdict} for verdict in decision.candidates],
        "out": {verdict.offer: verdict.out_by for verdict in decision.out},
        "out_by_area": decision.out_by_area,
    }
