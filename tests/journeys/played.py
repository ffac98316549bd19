"""A journey of the samples (`journeys.json`), played over Kafka by its agencies and compared as the file says."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from motor.motor_asyncio import AsyncIOMotorClient

from contracts import codes
from contracts.beside import ReferralEscalated
from contracts.events import IntakeRecorded
from contracts.places import PlacesEvent, PutPlaces
from contracts.values import Message
from services.chassis.messages import Incoming
from services.referral.domain.needs import referral_id
from services.referral.domain.referral import successor_id
from tests.agency import Agency, Entry
from tests.builders import an_intake
from tests.journeys.counted import ANSWERED, BY_VERIFY, counters
from tests.processes import Processes, plain_http
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
    "WAITLISTED": (),
    "EXPIRED": (),
}
"""What the receiver of a referral that is given has said before the journey begins."""
NO_PLACE = ("WAITLISTED", "EXPIRED")
AFTER_DUE = timedelta(seconds=90)
"""So much later than written a step of the system is looked for: its timers started a moment after what began them."""
WAITED_FOR = ("timer.", "referral.", "receipt.")
ROUTING_KNOWS = ("receiver_agency", "receiver_queue", "sharing_basis", "reply_by", "priority_reason")
"""What a journey says of a referral that is sent and no caseworker states: it follows from the offer and the intake."""
Step = dict[str, Any]


@dataclass
class Played:
    """names: r1, r2 of the journey and the referrals they became. buses: what each service says.

    people: of the journey's people, the intake in which each was met. timed: whether the network's clock is set to the
    hours of the journey. late_by: how much later than written its first step comes. twice: whether agencies say
    everything twice. last: the id of the last command. due: what the steps so far are to make each referral say.
    given: what counted before the first step.
    """

    journey: dict[str, Any]
    agencies: dict[str, Agency]
    buses: dict[str, Bus]
    processes: Processes
    names: dict[str, UUID] = field(default_factory=dict)
    intakes: list[UUID] = field(default_factory=list)
    people: dict[str, UUID] = field(default_factory=dict)
    timed: bool = False
    late_by: timedelta = timedelta()
    twice: bool = False
    last: str = ""
    due: Counter[tuple[str, str]] = field(default_factory=Counter)
    given: dict[str, int] = field(default_factory=dict)

    async def play(self) -> None:
        began = datetime.fromisoformat(self.journey["when"][0]["at"])
        self._set_clock(began - timedelta(hours=1))
        await self._take_seats()
        await self._send_what_is_given()
        await self._live_through_what_is_given(began)
        self.given = counters([ANSWERED], self._of_its_intakes())
        for step in self.journey["when"]:
            by_system = step["role"] == "system"
            self._set_clock(datetime.fromisoformat(step["at"]) + self.late_by + AFTER_DUE * by_system)
            if not by_system:
                await self._do(step)
            await self._then(step["then"])
            if self.timed:
                await self._said(step)

    def _set_clock(self, to: datetime) -> None:
        if self.timed:
            self.processes.move_clock(to - datetime.now(UTC))

    # -- given -----------------------------------------------------------------------------------------------------
    async def _take_seats(self) -> None:
        """Other people have what is not free: as if there were no more than that."""
        taken = [given["offer"] for given in self._given().values() if given["state"] not in NO_PLACE]
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
        """Each of a person of its own, with its place held or taken as its state has it; of one person, of one intake.

        One that has a predecessor comes when that one is over.
        """
        if all("sharing_basis" in given and "predecessor" not in given for given in self._given().values()):
            return await self._send_as_one()
        for name, given in self._given().items():
            if "predecessor" in given:
                continue
            sender, offer = self.agencies[given.get("sender", "pa.comune")], given["offer"]
            key, person = f"{sender.code}/{self.journey['id']}/{name}", self.journey["given"].get("people", {})
            intake = self._met(key, sender.code, person.get("p1", admitted(offer)))
            intake["tier0"]["services"] = [
                {"service": OFFERS[offer]["service"], "offer": offer, "priority": given["priority"]}
            ]
            if "sharing_basis" in given:
                intake["tier0"]["sharing_basis"] = self._bases(self.journey["given"]["sharing"])
            met = await self._submit(sender, intake)
            self.names[name] = referral_id(met, 0)
            self.people |= {str(given["person_ref"]): met} if "person_ref" in given else {}
            await self._bring_to(name, given)

    async def _send_as_one(self) -> None:
        """One intake asks for all of them."""
        if not self._given():
            return
        sender, given = self.agencies["pa.comune"], self._given()
        intake = self._met(f"pa.comune/{self.journey['id']}", sender.code, self.journey["given"]["people"]["p1"])
        intake["tier0"]["sharing_basis"] = self._bases(self.journey["given"]["sharing"])
        intake["tier0"]["services"] = [
            {"service": OFFERS[g["offer"]]["service"], "offer": g["offer"], "priority": g["priority"]}
            for g in given.values()
        ]
        intake_id = await self._submit(sender, intake)
        self.names |= {name: referral_id(intake_id, n) for n, name in enumerate(given)}
        for name, wanted in given.items():
            await self._bring_to(name, wanted)

    async def _bring_to(self, name: str, given: dict[str, Any]) -> None:
        """Its place is held, or it waits for one; then its receiver says what leads to its state."""
        if given["state"] == "WAITLISTED":
            await self._until(lambda: "WAITLISTED" in self._states(name), f"{name} waitlisted", 60)
        else:
            await self._until(lambda: self._is_held(name), f"{name} held", 60)
        for command, fields in TO_STATE[given["state"]]:
            await self._say(self.agencies[OFFERS[given["offer"]]["agency"]], name, command, fields)

    async def _live_through_what_is_given(self, began: datetime) -> None:
        """Until those expire of which it is given; then the journey begins."""
        now = began - timedelta(hours=1)
        for name, given in self._given().items():
            if given["state"] == "EXPIRED":
                now = await self._let_expire(name, now)
            if "predecessor" in given:
                self.names[name] = successor_id(self.names[given["predecessor"]])
                await self._until(lambda name=name: self._is_held(name), f"{name} held", 60)
        self.late_by = max(timedelta(), now + timedelta(hours=1) - began)

    async def _let_expire(self, name: str, now: datetime, seconds: float = 120) -> datetime:
        """The clock goes to each step of its timers and waits for it: what comes after it must find its own time."""
        until = asyncio.get_running_loop().time() + seconds
        settings = self.processes.settings
        client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value(), tz_aware=True)
        with closing(client):
            referrals = client[settings.named("referral")].referrals
            while "EXPIRED" not in self._states(name):
                assert asyncio.get_running_loop().time() < until, f"{name} did not expire"
                kept = await referrals.find_one({"_id": str(self.names[name])}, {"next_at": 1, "state": 1})
                if kept["state"] != "EXPIRED" and kept["next_at"] > now:
                    now = kept["next_at"]
                    self._set_clock(now)
                await asyncio.sleep(0.1)
        return now

    async def _submit(self, sender: Agency, intake: Entry) -> UUID:
        intake["tier1"]["birth_date"] = None  # the journey says how old they are by a band alone
        if self.timed:
            intake["occurred_at"] = self.journey["when"][0]["at"]
            for basis in intake["tier0"]["sharing_basis"]:
                basis["valid_from"] = "2026-10-01"
        for _ in range(1 + self.twice):
            await sender.submit(intake)
        answer = await sender.answer(intake["idempotency_key"])
        assert answer["value"].get("code") is None, answer["value"]
        intake_id = UUID(answer["value"]["subject"])
        self.intakes.append(intake_id)
        return intake_id

    def _bases(self, given: dict[str, Any]) -> list[Entry]:
        basis = an_intake()["tier0"]["sharing_basis"][0]
        return [basis | {"basis_id": name} | known for name, known in given.items()]

    # -- when ------------------------------------------------------------------------------------------------------
    async def _do(self, step: Step) -> None:
        do = step["do"]
        match do.get("action"):
            case "withdraw_consent":
                await self._withdraw(do["with"])
            case "record_intake":
                await self._record(self.agencies[step["actor"]], step)
            case "decide_same_person" | "undo_same_person":
                await self._of_two(step)
            case "agency_stops_reading":
                self.agencies[step["actor"]].stop_reading()
            case "agency_reads_again":
                await self._read_again(self.agencies[step["actor"]], do["with"]["missed"])
            case _ if step["role"] == "coordinator":
                await self._say_by_token(step["actor"], step["role"], do)
            case _:
                await self._answer(self.agencies[step["actor"]], step)

    async def _read_again(self, agency: Agency, missed: dict[str, list[str]]) -> None:
        agency.read_again()
        for name, events in missed.items():
            for event in events:
                await agency.event(event, referral_id=self.names[name])

    async def _answer(self, agency: Agency, step: Step) -> None:
        """The very same message again gets the very same answer again, under its own id."""
        do, refused, repeats = step["do"], step["then"].get("rejected"), agency.repeats
        if do["command"] == "create":
            return await self._create(agency, do)
        same = self.last if do.get("repeat") else None
        await self._say(agency, do["referral"], do["command"], do.get("with", {}), refused, id=same)
        if same:
            await self._until(lambda: agency.repeats > repeats, "the same answer again", 60)
            assert len(agency.answers(same)) == 1

    async def _say(
        self, agency: Agency, name: str, command: str, fields: dict[str, Any], refused: str | None = None,
        id: str | None = None,
    ) -> None:  # fmt: skip
        self.last = id or uuid4().hex
        fields = {k: v for k, v in fields.items() if command != "send" or k not in ROUTING_KNOWS}
        if (other := fields.get("linked_referral_id")) in self.names:
            fields |= {"linked_referral_id": str(self.names[other])}
        for _ in range(1 + self.twice):
            await agency.command(str(self.names[name]), command, id=self.last, **fields)
        answer = await agency.answer(self.last)
        assert answer["value"].get("code") == refused, (name, command, answer["value"])

    async def _withdraw(self, told: dict[str, Any]) -> None:
        """At the desk that took the intake."""
        agency = self.agencies["pa.comune"]
        value = {"command_id": uuid4().hex, "intake_id": str(self.intakes[0]), "agency": agency.code,
                 "basis_ids": told["basis"], "revoke_cause": "consent_withdrawn"}  # fmt: skip
        for _ in range(1 + self.twice):
            await agency.say("staffetta.sharing.withdraw.v1", value, id=value["command_id"])
        answer = await agency.answer(value["command_id"])
        assert answer["value"].get("code") is None, answer["value"]

    async def _say_by_token(self, agency: str, role: str, do: Entry) -> None:
        """What only a person with this role may say."""
        body = {"command_id": uuid4().hex, "referral_id": str(self.names[do["referral"]]), "command": do["command"],
                "agency": agency} | do["with"]  # fmt: skip
        said = {"ce-type": f"staffetta.referral.{do['command']}.v1", "ce-id": body["command_id"]}
        headers, answer, until = said | self.processes.bearer(agency, role), None, time.monotonic() + 60
        async with plain_http(self.processes.url("gateway"), timeout=60) as http:
            while answer is None and time.monotonic() < until:  # the same again: the door, or who answers, may be away
                with suppress(httpx.HTTPError):
                    answer = (await http.post("/v1/commands", json=body, headers=headers)).json()["answer"]
                await asyncio.sleep(0.2)
        assert answer and answer["outcome"] == "accepted", answer

    async def _record(self, agency: Agency, step: Step) -> None:
        intake_id = await self._submit(agency, self._intake(agency.code, step["do"]["with"]))
        self.people[step["do"]["with"]["person_ref"]] = intake_id
        for n, name in enumerate(step["then"].get("opens", ())):
            self.names[name] = referral_id(intake_id, n)

    def _intake(self, agency: str, told: dict[str, Any]) -> Entry:
        given = self.journey["given"]
        person = given["people"][told["person_ref"]]
        intake = self._met(told["idempotency_key"], agency, person)
        intake["tier0"]["sharing_basis"] = self._bases({name: given["sharing"][name] for name in told["sharing_basis"]})
        intake["tier0"]["services"] = told["services"]
        intake["tier2"]["needs"] = told["needs"]
        return intake

    def _met(self, key: str, sender: str, person: dict[str, Any]) -> Entry:
        """The names of a person of a journey stay with intake; that two are one is for people to find."""
        known = {k: v for k, v in person.items() if k not in ("name", "same_person_as")}
        intake = an_intake(key, sender=sender, **known)
        if "name" in person:
            given, _, family = person["name"].partition(" ")
            intake["tier1"]["name"] = {"given": given, "family": family}
        return intake

    async def _create(self, agency: Agency, do: Step) -> None:
        """A caseworker's own draft."""
        about = {k: do["with"][k] for k in ("idempotency_key", "service")} | {
            "person_ref": self._refs([do["with"]["person_ref"]])[0]
        }
        answer = await self._ask(agency, "staffetta.referral.create.v1", about | {"command": "create"})
        self.names[do["referral"]] = UUID(answer["subject"])

    async def _of_two(self, step: Step) -> None:
        if step["role"] == "coordinator":
            await self._undo(step["actor"], step["role"], step["do"]["with"])
        else:
            await self._decide(self.agencies[step["actor"]], step["do"]["with"])

    async def _decide(self, agency: Agency, told: dict[str, Any]) -> None:
        """Of two who were suspected to be one; then their desk has nothing to decide any more."""
        about = {"person_refs": self._refs(told["person_refs"]), "decision": told["decision"]}
        suspected = await agency.event("intake.duplicate_suspected")
        assert sorted(suspected["value"]["person_refs"]) == sorted(about["person_refs"])
        await self._ask(agency, "staffetta.identity.decide.v1", about)
        await self._until(lambda: "task.done" in self._told()["task"], "task.done", 60)

    async def _undo(self, agency: str, role: str, told: dict[str, Any]) -> None:
        """What only a person with this role may say; again, while a service is just being started anew."""
        id, url = uuid4().hex, self.processes.url("gateway")
        body = {"command_id": id, "agency": agency, "person_refs": self._refs(told["person_refs"])}
        headers = {"ce-type": "staffetta.identity.undo.v1", "ce-id": id} | self.processes.bearer(agency, role)
        answer, until = None, asyncio.get_running_loop().time() + 60
        while not answer and asyncio.get_running_loop().time() < until:
            with suppress(httpx.HTTPError):
                async with plain_http(url, timeout=60) as http:
                    answer = (await http.post("/v1/commands", json=body, headers=headers)).json().get("answer")
            await asyncio.sleep(0.1)
        assert answer and answer["outcome"] == "accepted", answer

    async def _ask(self, agency: Agency, type: str, about: dict[str, Any]) -> dict[str, Any]:
        value = {"command_id": uuid4().hex, "agency": agency.code} | about
        for _ in range(1 + self.twice):
            await agency.say(type, value, id=value["command_id"])
        answer: dict[str, Any] = (await agency.answer(value["command_id"]))["value"]
        assert answer.get("code") is None, answer
        return answer

    def _refs(self, people: list[str]) -> list[str]:
        """How the network calls people of the journey."""
        recorded = [m.message for m in self._heard() if isinstance(m.message, IntakeRecorded)]
        refs = {met.intake_id: met.person_ref for met in recorded}
        return [refs[self.people[person]] for person in people]

    # -- then ------------------------------------------------------------------------------------------------------
    async def _then(self, then: dict[str, Any], seconds: float = 60) -> None:
        """Each state may be one that its referral only passes through; what is free comes to be so."""
        for name, state in then.get("state", {}).items():
            if name not in self.names:  # the system opened it in place of the one before
                self.names[name] = successor_id(self.names[f"r{int(name[1:]) - 1}"])
            await self._until(lambda name=name, state=state: state in self._states(name), f"{name} {state}", seconds)
            if state == "REQUESTED" and "capacity.held" in then.get(
                "events", ()
            ):  # only then is the receiver told, and may answer
                await self._until(lambda name=name: self._is_held(name), f"{name} held", seconds)
        for offer, free in then.get("free_seats", {}).items():
            await self._free(offer, free, seconds)

    async def _said(self, step: Step, seconds: float = 60) -> None:
        """All that the step is to make its referral say, as often as its steps so far; how far it has climbed."""
        if name := step["do"].get("referral"):
            words = [word for word in step["then"].get("events", ()) if word.startswith(WAITED_FOR)]
            self.due.update((name, word) for word in words)
            for word in words:
                enough = self.due[name, word]
                await self._until(
                    lambda word=word, enough=enough: self._told()[name].count(word) >= enough, word, seconds
                )
        for climbed, level in step["then"].get("escalation_level", {}).items():
            assert self._level(climbed) == level, (step["n"], climbed)

    def _level(self, name: str) -> int:
        key = str(self.names[name]).encode()
        levels = [m.message.level for m in self._heard() if m.key == key and isinstance(m.message, ReferralEscalated)]
        return max(levels, default=0)

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
        """So many are left, or were for a moment: who waits may have the place at once."""
        url, until = self.processes.url(counted_by(offer)), asyncio.get_running_loop().time() + seconds
        async with plain_http(url, headers=self.processes.bearer("pa.comune")) as client:
            while free not in self._left(offer) | await _shown(client, offer):
                assert asyncio.get_running_loop().time() < until, f"{offer}: not {free} free"
                await asyncio.sleep(0.05)

    def _left(self, offer: str) -> set[int]:
        said = [m.message for m in self._heard()]
        return {m.free for m in said if isinstance(m, PlacesEvent) and m.offer == offer}

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
        if word.startswith("identity."):
            return "person"
        if m.key.decode() in {str(id) for id in self.intakes}:
            return "intake" if word.startswith(("intake.", "consent.")) else "journey"
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

    def counters(self) -> dict[str, int]:
        """What its events count to, measured as the file measures: an answer that is given is no answer of a step."""
        names, counts = self.counters_as_written(), counters(self.counters_as_written(), self._of_its_intakes())
        return {name: counts[name] - self.given.get(name, 0) for name in names}

    def _of_its_intakes(self) -> list[Message]:
        journeys = {str(id) for id in self.intakes}
        return [m.message for m in self._heard() if m.message and m.correlation_id in journeys]

    def counters_as_written(self) -> dict[str, int]:
        written: dict[str, int] = self.journey["then"]["counters"]
        return {name: count for name, count in written.items() if name != BY_VERIFY}

    def ends(self) -> dict[str, str]:
        return {name: self._states(name)[-1] for name in self.journey["then"]["final_states"]}


def _in_order(wanted: list[str], told: list[str]) -> bool:
    rest = iter(told)
    return all(word in rest for word in wanted)


def admitted(offer: str) -> dict[str, Any]:
    """Whom this offer takes, where the journey does not say who it is."""
    rules = OFFERS[offer]["admission"]["all_of"]
    genders = next((rule["values"] for rule in rules if rule["rule"] == "gender_in"), None)
    return {"gender": genders[0]} if genders else {}


async def _shown(client: httpx.AsyncClient, offer: str) -> set[int]:
    """None while its service is just being started anew."""
    try:
        return {(await client.get(f"/v1/offers/{offer}/places")).json()["free"]}
    except httpx.HTTPError:
        return set()


def has_waitlist(offer: str) -> bool:
    return bool(OFFERS[offer]["waitlist"]["enabled"])


def counted_by(offer: str) -> str:
    kind = codes.codes("services", "capacity_kinds")[OFFERS[offer]["capacity"]["kind"]]
    return str(kind["provided_by"])
