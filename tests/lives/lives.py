"""Several agencies, a coordinator, people who change their minds, and a clock: anything in any order."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from contracts.notifications import NotificationFailed
from tests.lives import spoken
from tests.lives.model import CITY, PRIVATE, ROWS, Basis
from tests.lives.spoken import DAY
from tests.lives.watched import AGENCIES, COMUNE, PENC, SERVICES, Watched, accepted, an_entry

Doc = dict[str, Any]

COMMANDS = sorted({name for name, *_ in ROWS} - {"create"})
MAX_INTAKES, MAX_DRAFTS = 5, 2
N = st.integers(0, 2**16)
ANYBODY = st.sampled_from((*AGENCIES, "pa.nobody"))
ROLES = st.sets(st.sampled_from(("supervisor", "coordinator")))
EXPECTED = st.sampled_from((None, None, 0, -1))
"""So much more than the version that the referral has."""

HOUR = timedelta(hours=1)
AFTER_A_WHILE = (timedelta(minutes=2), HOUR, 3 * HOUR, 13 * HOUR, DAY, 2 * DAY, 9 * DAY)
ONWARD = {
    "REQUESTED": ("acknowledge", "accept"),
    "ACKNOWLEDGED": ("accept",),
    "WAITLISTED": ("confirm_seat",),
    "ACCEPTED": ("start",),
    "IN_SERVICE": ("close", "close", "hold"),
    "ON_HOLD": ("resume",),
}
"""What a receiver says who carries a person to the end."""


class Lives(Watched):
    # -- what happens --------------------------------------------------------------------------------------------------
    @initialize(seed=N)
    def begin(self, seed: int) -> None:
        self.open(seed)
        self.meet(seed)

    @precondition(lambda self: len(self.model.meetings) < MAX_INTAKES)
    @rule(n=N)
    def somebody_is_met(self, n: int) -> None:
        self.meet(n)

    def meet(self, n: int) -> None:
        random, now = Random(n), self.network.now
        sender, person = random.choice((COMUNE, COMUNE, PENC)), random.choice(("p1", "p2"))
        services: list[Doc] = [{"service": s} for s in random.sample(SERVICES, random.randrange(1, 4))]
        if len(services) > 1 and random.random() < 0.4:
            services[1]["depends_on"] = services[0]["service"]
        if random.random() < 0.2:
            services[0]["priority"] = "EMERGENCY"
        bases = [spoken.a_basis("b1", CITY, now, random.choice((None, 1, 20)))]
        bases += [spoken.a_basis("b2", PRIVATE, now, random.choice((None, 3)))] if random.random() < 0.6 else []
        refused = random.choice((None, None, "pa.a", "pa.b"))
        bases += [spoken.a_basis("b3", refused, now, refused=True)] if refused else []
        intake = spoken.a_meeting(f"T-{len(self.spoken)}", sender, person, services, bases, now)
        self.say(sender, "staffetta.intake.submit.v1", intake, id=intake["idempotency_key"])

    @precondition(lambda self: self.open_ones())
    @rule(which=N, n=N)
    def the_receiver_answers(self, which: int, n: int) -> None:
        self._acts("receiver", which, n)

    @precondition(lambda self: self.open_ones())
    @rule(which=N, n=N, steps=st.integers(1, 4))
    def the_receiver_carries_a_person_on(self, which: int, n: int, steps: int) -> None:
        event, random = self.open_ones()[which % len(self.open_ones())].last, Random(n)
        for _ in range(steps):
            known = self.model.referrals[event.referral_id]
            if known.state in ONWARD and known.last.receiver_agency:
                command = random.choice(ONWARD[known.state])
                self.command(known.last.receiver_agency, event.referral_id, command, random)

    @precondition(lambda self: self.open_ones())
    @rule(which=N, n=N)
    def the_sender_changes_something(self, which: int, n: int) -> None:
        self._acts("sender", which, n)

    @precondition(lambda self: self.left_ones())
    @rule(which=N, n=N)
    def the_sender_asks_somebody_else(self, which: int, n: int) -> None:
        event = self.left_ones()[which % len(self.left_ones())].last
        self.command(event.sender_agency, event.referral_id, "open", Random(n))

    def _acts(self, role: str, which: int, n: int) -> None:
        known, random = self.open_ones()[which % len(self.open_ones())], Random(n)
        event = known.last
        agency = event.receiver_agency if role == "receiver" else event.sender_agency
        may = sorted(
            {name for name, origins, _, by, over in ROWS if known.state in origins and role in by and not over}
        )
        if agency and may:
            self.command(agency, event.referral_id, random.choice(may), random)

    @precondition(lambda self: self.model.referrals)
    @rule(which=N, n=N, command=st.sampled_from(COMMANDS), agency=ANYBODY, roles=ROLES, expected=EXPECTED)
    def somebody_says_anything(
        self, which: int, n: int, command: str, agency: str, roles: set[str], expected: int | None
    ) -> None:
        ids = [*self.model.referrals, UUID(int=9)]
        id = ids[which % len(ids)]
        known = self.model.referrals.get(id)
        version = known.last.version + expected if known and expected is not None else None
        self.command(agency, id, command, Random(n), *sorted(roles), expected=version)

    @precondition(lambda self: self.spoken)
    @rule(which=N, changed=st.booleans())
    def it_is_said_again(self, which: int, changed: bool) -> None:
        (agency, type, value, id, roles), first = self.spoken[which % len(self.spoken)]
        before = self.everything()
        other: Doc = {"actor": f"{agency}:w9"} if "agency" in value else {"tier1": {}}

        answer = self.network.say(agency, type, value | other if changed else value, id, *roles)

        assert answer, "every message has an answer"
        if changed:
            assert answer["value"]["code"] == "idempotency_conflict" or first["value"].get("code")
        else:
            assert (answer["id"], answer["value"]) == (first["id"], first["value"])
        assert self.everything() == before
        self.hear()

    @precondition(lambda self: self.model.meetings)
    @rule(which=N, ref=st.sampled_from(("b1", "b2", "b3", "g1")), by=st.sampled_from(AGENCIES[:2]))
    def a_basis_is_withdrawn(self, which: int, ref: str, by: str) -> None:
        id = [*self.model.meetings][which % len(self.model.meetings)]
        asked = {"intake_id": str(id), "basis_ids": [ref], "revoke_cause": "consent_withdrawn"}
        self.say(by, "staffetta.sharing.withdraw.v1", asked, then=lambda: self.model.withdraw(id, ref))

    @precondition(lambda self: self.model.meetings)
    @rule(which=N, n=N, by=st.sampled_from(AGENCIES[:2]))
    def a_basis_is_given(self, which: int, n: int, by: str) -> None:
        random, id = Random(n), [*self.model.meetings][which % len(self.model.meetings)]
        ref, recipient = random.choice((("g1", CITY), ("g2", PRIVATE), ("g3", "pa.a"), ("b1", CITY)))
        days, refused = random.choice((None, 0, 2, 30)), ref == "g3"
        basis = spoken.a_basis(ref, recipient, self.network.now, days, refused=refused)
        given = Basis(recipient, basis["valid_to"], refused)
        asked = {"intake_id": str(id), "basis": basis}
        self.say(by, "staffetta.sharing.give.v1", asked, then=lambda: self.model.give(id, ref, given))

    @precondition(lambda self: self.model.meetings)
    @rule(which=N, by=st.sampled_from(AGENCIES[:2]), roles=ROLES)
    def a_person_is_to_be_erased(self, which: int, by: str, roles: set[str]) -> None:
        person = [*self.model.meetings.values()][which % len(self.model.meetings)].person
        may = "supervisor" in roles and self.model.may_be_erased(person, by)
        asked = {"person_ref": person}
        answer = self.say(by, "staffetta.person.erase.v1", asked, *sorted(roles), then=lambda: self.model.erase(person))
        assert accepted(answer) == may

    @rule(agency=st.sampled_from(("pa.a", "pa.b")))
    def an_agency_stops_or_comes_back(self, agency: str) -> None:
        back = agency in self.model.suspended
        self.model.suspended ^= {agency}
        self.network.ask(an_entry(agency, "active" if back else "suspended", self.network.asked))
        self.hear()

    @precondition(lambda self: self.model.suspended or len(self.spoken) % 8 == 0)
    @rule(of=st.sampled_from(("pa.a", "pa.b")), by=st.sampled_from((COMUNE, COMUNE, PENC)))
    def its_referrals_are_to_go_elsewhere(self, of: str, by: str) -> None:
        answer = self.say(by, "staffetta.agency.reroute.v1", {"of": of}, "coordinator")
        assert accepted(answer) == (by == COMUNE and of in self.model.suspended)

    @precondition(lambda self: self.model.meetings and self.drafts < MAX_DRAFTS)
    @rule(which=N, by=st.sampled_from(AGENCIES[:2]), service=st.sampled_from(SERVICES))
    def a_caseworker_writes_a_draft(self, which: int, by: str, service: str) -> None:
        meetings = [*self.model.meetings.values()]
        asked = {"command": "create", "idempotency_key": f"{by}/D-{len(self.spoken)}", "service": service}
        asked["person_ref"] = meetings[which % len(meetings)].person
        self.drafts += accepted(self.say(by, "staffetta.referral.create.v1", asked))

    @precondition(lambda self: self.model.tasks)
    @rule(which=N, right=st.booleans())
    def a_task_is_done(self, which: int, right: bool) -> None:
        task = [*self.model.tasks.values()][which % len(self.model.tasks)]
        by, is_open = task.agency if right else PRIVATE, task.task_id not in self.model.done
        answer = self.say(by, "staffetta.task.complete.v1", {"task_id": str(task.task_id)})
        assert accepted(answer) == (by == task.agency and is_open)

    @precondition(lambda self: self.model.referrals)
    @rule(which=N)
    def a_mail_cannot_be_told(self, which: int) -> None:
        event = [*self.model.referrals.values()][which % len(self.model.referrals)].last
        id = UUID(int=self.network.asked)
        whose = {"agency": event.sender_agency, "queue": event.sender_queue, "about": "referral.declined"}
        of = {"referral_id": event.referral_id, "journey_id": event.journey_id, "mail_id": id, "notification_id": id}
        known = {"version": 1, "at": self.network.now, "channel": "mail", "attempts": 8, "reason": "refused"}
        self.network.ask(NotificationFailed(**whose, **of, **known))
        self.hear()

    @rule(after=st.sampled_from(AFTER_A_WHILE))
    def time_passes(self, after: timedelta) -> None:
        self.network.sweep(self.network.now + after)
        self.hear()
