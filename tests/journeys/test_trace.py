"""One intake is one trace: a tree of consumer spans from door to feed, collected over OTLP from all processes."""

import asyncio
from pathlib import Path

from services.chassis.settings import Settings
from services.chassis.spans import ALLOWED
from tests.agency import Agency
from tests.builders import an_intake
from tests.collector import collector
from tests.processes import running

CONSUMER = 5
"""A span's kind, as OTLP numbers it."""
SUBMIT, THEIRS = "staffetta.intake.submit.v1", "4bf92f3577b34da6a3ce929d0e0e4736"
"""The second: the agency's own trace, which is not ours to go on with."""
PERSONAL = ("Amina", "Prova", "1995-03-14", "Sintetico", "pa.comune/T-1/1")


async def test_an_intake_is_one_trace_from_the_door_to_the_feed(network: Settings, logs: Path) -> None:
    async with collector() as (url, spans):
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with running(network, logs, environment=tracing):
            agency = Agency("pa.comune", network.kafka_url, f"{network.namespace}-")
            await agency.open()
            await agency.say(SUBMIT, an_intake(), traceparent=f"00-{THEIRS}-00f067aa0ba902b7-01")
            sent = await agency.event("referral.sent")
            await asyncio.sleep(2)
            await agency.close()

        trace = sent["headers"]["traceparent"].split("-")[1]
        tree = {s.id: s for s in spans if s.trace == trace}
        roots = [s for s in tree.values() if not s.parent]

        assert [s.name for s in roots] == ["process agencies.{agency}.commands"]
        assert roots[0].links == (THEIRS,) and THEIRS not in {s.trace for s in spans}
        handled = [(s.service, dict(s.attributes)["messaging.message.id"]) for s in tree.values()]
        assert len(handled) == len(set(handled))
        assert {s.kind for s in tree.values()} == {CONSUMER}
        assert all(s.parent in tree for s in tree.values() if s.parent)
        assert {(s.service, s.name) for s in tree.values()} >= {
            ("gateway", "process agencies.{agency}.commands"),
            ("intake", "process intake.commands"),
            ("referral", "process intakes"),
            ("referral", "process referral.commands"),
            ("gateway", "process referrals"),
        }
        journey = sent["headers"]["ce_correlationid"]
        assert all(("staffetta.correlation_id", journey) in s.attributes for s in tree.values())
        assert {name for s in spans for name, _ in s.attributes} <= ALLOWED
        assert not [v for s in spans for _, v in s.attributes if any(p in v for p in PERSONAL)]
