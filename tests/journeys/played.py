"""A journey of the samples (`journeys.json`), played over Kafka by its agencies and compared as the file says."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from contracts import codes
from contracts.places import PlacesEvent, PutPlaces
from services.chassis.messages import Incoming
from services.referral.domain.needs import referral_id
from services.referral.domain.referral import successor_id
from tests.agency import Agency, Entry
from tests.builders import an_intake
from tests.processes import Processes
from tests.services.bus import Bus

SAMPLES = Path(__file__).parents[1] / "samples"
JOURNEYS: dict[str, dict[str, Any]] = {
    journey["id"]: journey for journey in json.loads((SAMPLES / "journeys.json").read_text("utf-8"))["items"]
}
OFFERS: dict[str, dict[str, Any]] = {
    offer["code"]: offer for offer in json.loads((SAMPLES / "directory.palermo.json").read_text("utf-8"))["offers"]
}
NOT_COMPARED = ("notification.", "page.")
TO_STATE: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "REQUESTED": (),
    "ACKNOWLEDGED": (("acknowledge", {}),),
    "ACCEPTED": (("accept", {}),),
    "IN_SERVICE": (("accept", {}), ("start", {"first_contact_at": "2026-10-12T09:00:00Z", "contact_mode": "desk"})),
}
"""What the receiver of a referral that is given has said before the journey begins."""
Step = dict[str, Any]


@dataclass
class Played:
    """names: r1, r2 of the journey and the referrals they became. buses: what each service says."""

    journey: dict[str, Any]
    agencies: dict[str, Agency]
    buses: dict[str, Bus]
    processes: Processes
    names: dict[str, UUID] = field(default_factory=dict)
    intakes: list[UUID] = field(default_factory=list)

    async def play(self) -> None:
        await self._take_seats()
        await self._send_what_is_given()
        for step in self.journey["when"]:
            if step["role"] != "system":
                await self._do(step)
            await self._then(step["then"])

    # -- given -----------------------------------------------------------------------------------------------------
    async def _take_seats(self) -> None:
        """Other people have what is not free: as if there were no more than that."""
        taken = [given["offer"] for given in self._given().values()]
        for offer, seats in self.journey["given"].get("seats", {}).items():
            total, known = (
                seats["free"] + taken.count(offer),
                {"waitlist": has_waitlist(offer), "order_rule_version": 1},
            )
            put = PutPlaces(offer=offer, kind=OFFERS[offer]["capacity"]["kind"], total=total, **known)
            await self.buses[counted_by(offer)].ask(put)
            await self._free(offer, total)

    def _given(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.journey["given"].get("referrals", {})
        return found

    async def _send_what_is_given(self) -> None:
        """Each of a person of its own, with its place held or taken as its state has it."""
        for name, given in self._given().items():
            sender, offer = self.agencies[given.get("sender", "pa.comune")], given["offer"]
            key, person = f"{sender.code}/{self.journey['id']}/{name}", self.journey["given"].get("people", {})
            intake = an_intake(key, sender=sender.code, **person.get("p1", {}))
            intake["tier0"]["services"] = [
                {"service": OFFERS[offer]["service"], "offer": offer, "priority": given["priority"]}
            ]
            intake["tier1"]["birth_date"] = None
            await sender.submit(intake)
            recorded = await sender.answer(key)
            self.names[name] = referral_id(UUID(recorded["value"]["subject"]), 0)
            self.intakes.append(UUID(recorded["value"]["subject"]))
            await self._until(lambda name=name: self._is_held(name), f"{name} held", 60)
            for command, fields in TO_STATE[given["state"]]:
                await self._say(self.agencies[OFFERS[offer]["agency"]], name, command, fields)

    # -- when ------------------------------------------------------------------------------------------------------
    async def _do(self, step: Step) -> None:
        agency, do = self.agencies[step["actor"]], step["do"]
        match do.get("action"):
            case "record_intake":
                await self._record(agency, step)
            case "agency_stops_reading":
                agency.stop_reading()
            case "agency_reads_again":
                agency.read_again()
                for name, missed in do["with"]["missed"].items():
                    for event in missed:
                        await agency.event(event, referral_id=self.names[name])
            case _:
                await self._say(agency, do["referral"], do["command"], do.get("with", {}), step["then"].get("rejected"))

    async def _say(
        self, agency: Agency, name: str, command: str, fields: dict[str, Any], refused: str | None = None
    ) -> None:
        answer = await agency.answer(await agency.command(str(self.names[name]), command, **fields))
        assert answer["value"].get("code") == refused, (name, command)

    async def _record(self, agency: Agency, step: Step) -> None:
        told = step["do"]["with"]
        intake = self._intake(agency.code, told)
        await agency.submit(intake)
        answer = await agency.answer(intake["idempotency_key"])
        assert answer["value"].get("code") is None, answer["value"]
        intake_id = UUID(answer["value"]["subject"])
        self.intakes.append(intake_id)
        for n, name in enumerate(step["then"]["opens"]):
            self.names[name] = referral_id(intake_id, n)

    def _intake(self, agency: str, told: dict[str, Any]) -> Entry:
        given = self.journey["given"]
        person = given["people"][told["person_ref"]]
        intake = an_intake(told["idempotency_key"], sender=agency, **person)
        basis = intake["tier0"]["sharing_basis"][0]
        intake["tier0"]["sharing_basis"] = [
            basis | {"basis_id": name} | given["sharing"][name] for name in told["sharing_basis"]
        ]
        intake["tier0"]["services"] = told["services"]
        intake["tier1"]["birth_date"] = None  # the journey says how old they are by a band alone
        intake["tier2"]["needs"] = told["needs"]
        return intake

    # -- then ------------------------------------------------------------------------------------------------------
    async def _then(self, then: dict[str, Any], seconds: float = 60) -> None:
        """Each state may be one that its referral only passes through; what is free comes to be so."""
        for name, state in then.get("state", {}).items():
            if name not in self.names:  # the system opened it in place of the one before
                self.names[name] = successor_id(self.names[f"r{int(name[1:]) - 1}"])
            await self._until(lambda name=name, state=state: state in self._states(name), f"{name} {state}", seconds)
            if "capacity.held" in then.get("events", ()):  # only then is the receiver told, and may answer
                await self._until(lambda name=name: self._is_held(name), f"{name} held", seconds)
        for offer, free in then.get("free_seats", {}).items():
            await self._free(offer, free, seconds)

    def _is_held(self, name: str) -> bool:
        return "referral.seat_held" in self._told()[name]

    def _states(self, name: str) -> list[str]:
        key = str(self.names[name]).encode()
        return [str(getattr(m.message, "state", None)) for m in self._heard() if m.key == key]

    async def _until(self, true: Any, what: str, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while not true():
            if asyncio.get_running_loop().time() > until:
                raise TimeoutError(f"{self.journey['id']}: {what} did not come; {self._told()}")
            await asyncio.sleep(0.05)

    async def _free(self, offer: str, free: int, seconds: float = 120) -> None:
        url, until = self.processes.url(counted_by(offer)), asyncio.get_running_loop().time() + seconds
        async with httpx.AsyncClient(base_url=url, headers=self.processes.bearer("pa.comune")) as client:
            while (shown := (await client.get(f"/v1/offers/{offer}/places")).json())["free"] != free:
                assert asyncio.get_running_loop().time() < until, f"{offer}: {shown}, not {free} free"
                await asyncio.sleep(0.05)

    # -- what was said ---------------------------------------------------------------------------------------------
    def _heard(self) -> list[Incoming]:
        """Once each, though two listen to the topic of those who count places."""
        return list({m.id: m for bus in self.buses.values() for m in bus.heard}.values())

    def _told(self) -> dict[str, list[str]]:
        """By aggregate, in the words of the journey: referrals by their names, offers, the intakes, the journey."""
        told: dict[str, list[str]] = defaultdict(list)
        journeys = {str(id) for id in self.intakes}
        for m in self._heard():
            if m.correlation_id in journeys:
                word = m.headers["ce_type"].removeprefix("staffetta.").removesuffix(".v1")
                told[self._aggregate(word, m)].append(word)
        return told

    def _aggregate(self, word: str, m: Incoming) -> str:
        if isinstance(m.message, PlacesEvent):
            return f"offer:{m.message.offer}"
        if m.key.decode() in {str(id) for id in self.intakes}:
            return "intake" if word.startswith("intake.") else "journey"
        return next((name for name, id in self.names.items() if str(id) == m.key.decode()), "task")

    async def missing(self, seconds: float = 30) -> list[str]:
        """What the file says is to occur for an aggregate, in its order, and has not yet when the time is over."""
        until = asyncio.get_running_loop().time() + seconds
        while (found := self._missing()) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.1)
        return found

    def _missing(self) -> list[str]:
        """Others may come between."""
        told = self._told()
        return [
            f"{aggregate}: {wanted} in {told[aggregate]}"
            for aggregate, wanted in self.journey["then"]["events_by_aggregate"].items()
            if not _in_order([w for w in wanted if not w.startswith(NOT_COMPARED)], told[aggregate])
        ]

    def ends(self) -> dict[str, str]:
        return {name: self._states(name)[-1] for name in self.journey["then"]["final_states"]}


def _in_order(wanted: list[str], told: list[str]) -> bool:
    rest = iter(told)
    return all(word in rest for word in wanted)


def has_waitlist(offer: str) -> bool:
    return bool(OFFERS[offer]["waitlist"]["enabled"])


def counted_by(offer: str) -> str:
    kind = codes.codes("services", "capacity_kinds")[OFFERS[offer]["capacity"]["kind"]]
    return str(kind["provided_by"])
