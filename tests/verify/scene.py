"""A small network in which everything happens once: taken, held, waited for, declined, linked, unmet, drafted."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from services.chassis.settings import Settings
from tests.agency import Agency, Entry
from tests.builders import an_intake
from tests.processes import Processes, running

AGENCIES = ("pa.comune", "pa.accura", "pa.salute", "pa.ponte", "pa.legale")
CASE = "CASE-"
"""In whatever an agency calls its cases, commands and messages here: no report may show it."""

FAMILY = {"household": "couple_with_children", "household_size": 5}


class Scene:
    def __init__(self, processes: Processes, agencies: dict[str, Agency]) -> None:
        self.processes, self.settings, self.agencies = processes, processes.settings, agencies
        self.comune, self.accura = agencies["pa.comune"], agencies["pa.accura"]
        self.referrals: dict[str, str] = {}

    async def play(self) -> None:
        await self._visits()
        await self._beds()
        await self._nobody()
        await self._drafted()
        await self._badly_asked()

    async def _visits(self) -> None:
        """Taken and closed, taken, held; one who asks twice; declined, once with a successor and once without."""
        for key in ("closed", "taken", "held"):
            self.referrals[key] = await self.sent(key, self.accura, "health.primary")
        for key in ("closed", "taken"):
            await self.told(self.accura, key, "accept")
        start = {"first_contact_at": "2026-11-24T09:00:00Z", "contact_mode": "desk"}
        await self.told(self.accura, "closed", "start", **start)
        await self.told(self.accura, "closed", "close", closure_outcome="served_completed")
        await self.submit("again", "health.primary", person_ref=f"pa.comune:{CASE}held")
        self.referrals["declined"] = await self.sent("declined", self.accura, "health.primary")
        await self.told(self.accura, "declined", "decline", decline_reason="language_not_covered")
        await self.comune.event("task.opened", referral_id=self.referrals["declined"])
        self.referrals["passed"] = await self.sent("passed", self.accura, "health.primary")
        await self.told(self.accura, "passed", "decline", decline_reason="no_capacity")
        await self.agencies["pa.salute"].event("referral.sent", predecessor_id=self.referrals["passed"])
        await self._served_already()

    async def _served_already(self) -> None:
        """Whom Accura has taken is asked for at another clinic too, which says so."""
        salute, asked = self.agencies["pa.salute"], intake("double", person_ref=f"pa.comune:{CASE}taken")
        asked["tier0"]["services"] = [{"service": "health.primary", "offer": "pa.salute.primary"}]
        await self.comune.submit(asked)
        journey = str((await self.comune.answer(CASE + "double"))["value"]["intake_id"])
        sent = await salute.event("referral.sent", journey_id=journey)
        self.referrals["double"] = str(sent["value"]["referral_id"])
        by_which = {"decline_reason": "already_served", "linked_referral_id": self.referrals["taken"]}
        await self.told(salute, "double", "decline", **by_which)
        told: dict[str, Any] = {
            "referral_id": self.referrals["double"], "linked_referral_id": self.referrals["taken"],
        }  # fmt: skip
        await self.comune.event("referral.declined", **told)

    async def _beds(self) -> None:
        """Nine beds: the first family holds five, the second waits."""
        ponte = self.agencies["pa.ponte"]
        self.referrals["bed"] = await self.sent("bed", ponte, "housing.temporary", **FAMILY)
        journey = await self.submit("waits", "housing.temporary", **FAMILY)
        await self.comune.event("referral.waitlisted", journey_id=journey)

    async def _nobody(self) -> None:
        journey = await self.submit("nobody", "protection.trafficking")
        await self.comune.event("unmet_need.recorded", journey_id=journey, final=True)

    async def _drafted(self) -> None:
        """Legal advice waits for the assessment."""
        services = [{"service": "legal.documents"}, {"service": "legal.advice", "depends_on": "legal.documents"}]
        drafted = intake("drafted")
        drafted["tier0"]["services"] = services
        await self.comune.submit(drafted)
        await self.comune.answer(CASE + "drafted")

    async def _badly_asked(self) -> None:
        """A repeat, a command that the state refuses, one that no longer reads, and one under a used id."""
        await self.comune.submit(intake("closed", services=("health.primary",)))
        await self.told(self.accura, "closed", "accept", id="late")
        await self.comune.say("staffetta.intake.submit.v1", b"{", id=CASE + "broken")
        await self.comune.submit(intake("closed", person_ref="pa.comune:other"), id=CASE + "another")
        await self.comune.event("command.rejected", code="malformed_json")
        await self.comune.event("command.rejected", code="idempotency_conflict")

    # -- steps ---------------------------------------------------------------------------------------------------------
    async def submit(self, key: str, service: str, **tier0: Any) -> str:
        """The journey that the intake began."""
        await self.comune.submit(intake(key, services=(service,), **tier0))
        return str((await self.comune.answer(CASE + key))["value"]["intake_id"])

    async def sent(self, key: str, to: Agency, service: str, **tier0: Any) -> str:
        journey = await self.submit(key, service, **tier0)
        return str((await to.event("referral.sent", journey_id=journey))["value"]["referral_id"])

    async def told(self, by: Agency, key: str, command: str, *, id: str = "", **fields: Any) -> Entry:
        id = await by.command(self.referrals[key], command, id=CASE + (id or f"{key}/{command}"), **fields)
        return await by.answer(id)


def intake(key: str, **known: Any) -> Entry:
    return an_intake(CASE + key, **known)


@asynccontextmanager
async def scene(network: Settings, folder: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(network, folder))
        agencies = {code: Agency(code, network.kafka_url, f"{network.namespace}-") for code in AGENCIES}
        for agency in agencies.values():
            await agency.open()
            stack.push_async_callback(agency.close)
        played = Scene(processes, agencies)
        await played.play()
        yield played
