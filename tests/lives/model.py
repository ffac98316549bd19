"""What must be true of a network, from nothing but what was said to it, what it said, and the table of transitions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

from contracts.events import IntakeRecorded, ReferralClosed, ReferralEvent, RoutingDecided
from contracts.journeys import TaskDone, TaskOpened, UnmetNeedRecorded
from contracts.values import Message

DATA = Path(__file__).parents[2] / "contracts/data"
LIFE, RUNNING, CLOSURES = (
    json.loads((DATA / f"{name}.json").read_text("utf-8")) for name in ("transitions", "running", "closure_outcomes")
)
OPEN = {state["code"] for state in LIFE["states"] if state["kind"] == "open"}
GO_ON = {"DECLINED", "REROUTED", "EXPIRED"}
SERVED = {outcome["code"] for outcome in CLOSURES["items"] if outcome["served"]}
EDGES = {(before, row["to"]) for row in LIFE["transitions"] for before in row["from"] or [""]}
BY_EVENT: dict[str, set[tuple[str, str]]] = {}
for _row in LIFE["transitions"]:
    BY_EVENT.setdefault(_row["event"], set()).update((before, _row["to"]) for before in _row["from"] or [""])
ROWS = [
    (row["command"], set(row.get("allowed_in") or row["from"] or row.get("predecessor_states", ())), row.get("to"),
     set(row["by"]) & set(RUNNING["commands"][row["command"]]), bool(row.get("supervised")))
    for row in (*LIFE["transitions"], *LIFE["non_transition_commands"]) if row["command"] in RUNNING["commands"]
]  # fmt: skip
"""Command, from which states, to which one (None: where it is), by whom, and whether only by a supervisor."""

PLACE_LOST = "referral.seat_lapsed"
"""Also told of a referral that has not been decided in the time for which its place was held."""

GUARDED = {guard["rejection_code"] for guard in LIFE["guards"]}

CITY, PRIVATE = "city:palermo", "pa.priv"


def names_of(agency: str) -> set[str]:
    """By which a sharing basis can mean it."""
    return {agency} if agency == PRIVATE else {agency, CITY}


@dataclass
class Basis:
    recipient: str
    valid_to: date | None = None
    refused: bool = False
    withdrawn: bool = False


@dataclass
class Meeting:
    """One intake: whose and by whom, on what bases its data may be shared, whom the person excluded then or later, and
    whether they are erased.
    """

    person: str
    sender: str
    bases: dict[str, Basis]
    excluded: set[str]
    erased: bool = False

    def may_tell(self, names: set[str], day: date) -> bool:
        """names: by which a basis can mean the agency."""
        stands = (
            not basis.refused and not basis.withdrawn and (basis.valid_to is None or day <= basis.valid_to)
            for basis in self.bases.values()
            if basis.recipient in names
        )
        return not self.excludes(names) and any(stands)

    def excludes(self, names: set[str]) -> bool:
        return bool(names & (self.excluded | {basis.recipient for basis in self.bases.values() if basis.refused}))


@dataclass
class Known:
    """A referral, as what was said of it adds up. was: the state before its latest version."""

    was: str
    last: ReferralEvent
    served: bool = False

    @property
    def state(self) -> str:
        return self.last.state

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass
class Model:
    """lent: needs that lean on another referral, by the id under which nothing was opened. waits: needs for another."""

    meetings: dict[UUID, Meeting] = field(default_factory=dict)
    referrals: dict[UUID, Known] = field(default_factory=dict)
    after: dict[UUID, UUID] = field(default_factory=dict)
    needs: dict[UUID, UUID] = field(default_factory=dict)
    lent: dict[UUID, UUID] = field(default_factory=dict)
    waits: dict[UUID, UUID] = field(default_factory=dict)
    tasks: dict[UUID, TaskOpened] = field(default_factory=dict)
    done: set[UUID] = field(default_factory=set)
    unmet: set[UUID | None] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)

    # -- what it hears -------------------------------------------------------------------------------------------------
    def hear(self, message: Message) -> None:
        match message:
            case IntakeRecorded():
                self._meet(message)
            case RoutingDecided(state="LINKED"):
                assert message.linked_referral_id, "it leans on something"
                self.lent[message.referral_id] = message.linked_referral_id
            case ReferralEvent():
                self._add(message)
            case TaskOpened():
                assert message.queue and message.due_at, "a task has an owner and a due time"
                self.tasks[message.task_id] = message
                self.done.discard(message.task_id)
            case TaskDone():
                self.done.add(message.task_id)
            case UnmetNeedRecorded(final=True):
                self.unmet.add(message.referral_id)

    def _meet(self, intake: IntakeRecorded) -> None:
        """Whom the person excludes now is excluded from their earlier meetings too."""
        refused = {basis.recipient for basis in intake.sharing_basis if basis.refused}
        for earlier in self.meetings.values():
            earlier.excluded |= refused if earlier.person == intake.person_ref else set()
        bases = {b.basis_id: Basis(b.recipient, b.valid_to, b.refused) for b in intake.sharing_basis}
        self.meetings[intake.intake_id] = Meeting(intake.person_ref, intake.sender_agency, bases, set(intake.withhold))
        ids = {asked.service: uuid5(intake.intake_id, f"referral:{n}") for n, asked in enumerate(intake.services)}
        self.needs |= dict.fromkeys(ids.values(), intake.intake_id)
        waits = {asked.service: asked.depends_on for asked in intake.services if asked.depends_on}
        self.waits |= {ids[service]: ids[first] for service, first in waits.items()}

    def give(self, intake_id: UUID, ref: str, basis: Basis) -> None:
        self.meetings[intake_id].bases[ref] = basis

    def withdraw(self, intake_id: UUID, ref: str) -> None:
        self.meetings[intake_id].bases[ref].withdrawn = True

    def may_be_erased(self, person: str, by: str) -> bool:
        """By who met them, while nobody has them."""
        left = {id for id, met in self.meetings.items() if met.person == person and met.sender == by and not met.erased}
        return bool(left) and not any(one.is_open and one.last.journey_id in left for one in self.referrals.values())

    def erase(self, person: str) -> None:
        for met in self.meetings.values():
            if met.person == person:
                met.erased = True
                for basis in met.bases.values():
                    basis.withdrawn = True

    def _add(self, event: ReferralEvent) -> None:
        known = self.referrals.get(event.referral_id)
        before, version = (known.state, known.last.version) if known else ("", 0)
        assert event.version in (version, version + 1), f"version {event.version} after {version}"
        if event.version == version:
            assert event.state == before, "one version has one state"
            was = known.was if known else ""
        else:
            assert before == event.state or (before, event.state) in EDGES, f"{before} to {event.state}"
            was = before
        short = event.TYPE.removeprefix("staffetta.").removesuffix(".v1")
        edges = BY_EVENT.get(short, {(was, event.state)}) | ({(was, was)} if short == PLACE_LOST else set())
        assert (was, event.state) in edges, f"{short}: {was} to {event.state}"
        assert bool(event.owner) == (event.due_at is not None) == (event.state in OPEN), "open: an owner and a timer"
        if event.state == "REQUESTED" != before:
            assert event.receiver_agency not in self.suspended, "nobody is sent to who does not work"
        served = isinstance(event, ReferralClosed) and event.closure_outcome in SERVED
        self.referrals[event.referral_id] = Known(
            was, event, served or bool(known and known.served and before == event.state)
        )
        if event.predecessor_id:
            self.after[event.predecessor_id] = event.referral_id
        elif event.referral_id not in self.needs:  # a caseworker's own draft is one more need
            self.needs[event.referral_id] = event.journey_id

    # -- what it expects -----------------------------------------------------------------------------------------------
    def refusal(self, command: str, id: UUID, agency: str, roles: set[str], expected: int | None) -> str | None:
        """With which code a command is refused, as far as that does not depend on what it carries; None otherwise."""
        rows = [row for row in ROWS if row[0] == command]
        speaks = {"sender", "receiver"} | roles
        if not any(by & speaks and (not supervised or "supervisor" in roles) for *_, by, supervised in rows):
            return "not_authorised"
        known = self.referrals.get(id)
        held = self.roles(known, agency, roles) if known else set()
        if known is None or not held:
            return "unknown_referral"
        mine = [row for row in rows if row[3] & held and (not row[4] or "supervisor" in held)]
        if not mine:
            return "not_authorised"
        takes = [to for _, origins, to, *_ in mine if known.state in origins]
        if id in self.after and None not in takes:
            return "superseded"
        if not takes:
            return "invalid_transition"
        return "version_conflict" if expected not in (None, known.last.version) else None

    def roles(self, known: Known, agency: str, roles: set[str]) -> set[str]:
        held = {"sender"} if agency == known.last.sender_agency else set()
        held |= {"receiver"} if agency == known.last.receiver_agency else set()
        held |= {"supervisor"} & roles if "receiver" in held else set()
        excluded = self.meetings[known.last.journey_id].excludes(names_of(agency))
        return held | ({"coordinator"} & roles if agency not in self.suspended and not excluded else set())

    def leads_to(self, command: str, known: Known) -> set[str]:
        """The states that a command may lead to from where the referral is."""
        found = [to for name, origins, to, *_ in ROWS if name == command and known.state in origins]
        return {to or known.state for to in found}

    # -- what must hold ------------------------------------------------------------------------------------------------
    def unanswered(self) -> Iterator[str]:
        open_tasks = {task.referral_id for id, task in self.tasks.items() if id not in self.done}
        tasks = {task.referral_id for task in self.tasks.values()}
        for need_id in self.needs:
            id = self._last(need_id)
            unborn = uuid5(id, "successor")
            ids = {need_id, id, unborn}
            known, leant = self.referrals.get(id), self.referrals.get(self.lent.get(unborn, self.lent.get(id, unborn)))
            answered = (
                ids & open_tasks
                or ids & self.unmet
                or (known and (known.is_open or known.state not in GO_ON or ids & tasks))
                or (leant and (leant.is_open or leant.served or ids & tasks))
            )
            if not answered:
                yield f"{need_id}: {known.state if known else 'nothing'}"

    def _last(self, need_id: UUID) -> UUID:
        while need_id in self.after:
            need_id = self.after[need_id]
        return need_id

    def left_waiting(self) -> Iterator[str]:
        """Drafts that still wait though what they waited for was given, and nobody is asked what becomes of them."""
        asked = {task.referral_id for task in self.tasks.values()} | self.unmet
        for id, first in self.waits.items():
            draft, given = self.referrals.get(id), self.referrals.get(self._last(first))
            if draft and given and draft.state == "DRAFT" and given.served and id not in asked:
                yield str(id)

    def twice(self) -> Iterator[str]:
        """Offers to which one person has two open referrals."""
        seen: set[tuple[str, str]] = set()
        for known in self.referrals.values():
            if known.is_open and known.last.offer:
                at = self.meetings[known.last.journey_id].person, known.last.offer
                if at in seen:
                    yield at[1]
                seen.add(at)
