"""What holds whatever agencies say, in whatever order: played at random through referral's own handlers."""

from collections import defaultdict
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts import codes
from contracts.answers import CommandAccepted, CommandRejected
from contracts.directory import Capacity, Offer, Waitlist
from contracts.events import ReferralEvent
from services.places.domain.places import Places, lapsing
from services.referral.domain import table
from services.referral.domain.needs import referral_id
from services.referral.domain.referral import Referral
from services.referral.domain.rules import RULE_SETS
from services.referral.domain.serving import serves
from tests.builders import a_basis, a_command, a_recorded_intake, an_agency, an_offer
from tests.offline import Offline

STATES = codes.codes("transitions", "states")
AGENCIES = ("pa.a", "pa.b", "pa.c", "pa.d", "pa.e", "pa.priv")
SERVICES = ("health.primary", "lab.it", "lab.dance")
COMMANDS = tuple(sorted({row["command"] for row in codes.commands_on_referrals()} - {"create"}))
ANY_AGENCY = st.sampled_from(AGENCIES)
PRIORITIES = st.sampled_from([*codes.codes("priorities")])
MAX_INTAKES = 6
SEATS = ("held", "confirmed", "waiting")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "decline_reason": st.sampled_from([*codes.codes("decline_reasons"), "not_today"]),
        "closure_outcome": st.sampled_from([*codes.codes("closure_outcomes")]),
        "withdraw_reason": st.sampled_from([*codes.codes("withdraw_reasons")]),
        "next_agency": st.sampled_from(AGENCIES),
        "text_id": st.just(UUID(int=5)),
        "failed_rule": st.just("age_between"),
        "documents": st.just(["stp"]),
        "appointment": st.integers(1, 3),
        "count": st.integers(1, 3),
        "priority": PRIORITIES,
        "revoke_cause": st.sampled_from([*codes.codes("withdraw_reasons")]),
        "obligation": st.sampled_from([*codes.codes("transitions", "obligations")]),
        "linked_referral_id": st.sampled_from([referral_id(UUID(int=n), 0) for n in range(MAX_INTAKES + 1)]),
        "expected_version": st.integers(1, 4),
    },
)


def some_places(agency: str, service: str, random: Random) -> Offer:
    """One or two, or as many as are asked for; people may wait for them or not."""
    kind = codes.codes("services")[service]["capacity_kind"]
    return an_offer(f"{agency}.{service.replace('.', '_')}", service=service,
                    capacity=Capacity(kind=kind, total=random.choice([None, 1, 2])),
                    waitlist=Waitlist(enabled=random.random() < 0.5, order_rule_version=1))  # fmt: skip


def seat_at(places: Places, referral: Referral) -> str | None:
    if taken := places.taken_by(referral.referral_id):
        return "confirmed" if taken.confirmed else "held"
    return "waiting" if places.empty_handed(referral.referral_id) in places.waiting else None


class Network(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 1000), served=st.sets(st.sampled_from(list(product(AGENCIES, SERVICES)))))
    def begin(self, seed: int, served: set[tuple[str, str]]) -> None:
        """Some agencies offer some services, with few places; messages of different keys may overtake one another."""
        random, offers = Random(seed), {(a, "health.primary") for a in AGENCIES} | served
        self.network = Offline(
            tuple(an_agency(a, sharing_role="private_partner" if a == "pa.priv" else "public_body") for a in AGENCIES),
            tuple(some_places(agency, service, random) for agency, service in sorted(offers)),
            pick=random.randrange,
        )
        self.intakes = 0

    @precondition(lambda self: self.intakes < MAX_INTAKES)
    @rule(person=st.sampled_from(["p-1", "p-2", "p-3"]), waits=st.booleans(), withhold=st.sets(ANY_AGENCY, max_size=2),
          sender=st.sampled_from(["pa.comune", "pa.a"]), priority=PRIORITIES)  # fmt: skip
    def an_intake_is_recorded(self, person: str, waits: bool, sender: str, withhold: set[str], priority: str) -> None:
        self.intakes += 1
        dance = {"service": "lab.dance"} | ({"depends_on": "health.primary"} if waits else {})
        self.network.ask(
            a_recorded_intake("health.primary", dance, intake_id=UUID(int=self.intakes), person_ref=person,
                              sender_agency=sender, withhold=tuple(withhold), priority=priority,
                              sharing_basis=(a_basis(), a_basis("pa.priv")))
        )  # fmt: skip

    @precondition(lambda self: self.sent())
    @rule(which=st.integers(0, 9), n=st.integers(0, 9), next_agency=ANY_AGENCY)
    def the_receiver_answers(self, which: int, n: int, next_agency: str) -> None:
        sent = self.sent()
        referral = sent[which % len(sent)]
        may = table.allowed(referral.state, ["receiver"])
        command = may[n % len(may)]
        more = {"next_agency": next_agency} if command == "pass_on" else {}
        more |= self.by_another(referral) if command == "decline" and n % 2 else {}
        more |= {"closure_outcome": "served_partial"} if referral.state == "IN_SERVICE" and command == "close" else {}
        self.ask(referral, command, by=referral.parties[1], **more)

    def by_another(self, referral: Referral) -> dict[str, Any]:
        """What a receiver says when it knows that another referral serves the person."""
        named = (other.referral_id for other in self.sent() if other is not referral and serves(other, referral))
        return {"decline_reason": "already_served", "linked_referral_id": id} if (id := next(named, None)) else {}

    @precondition(lambda self: self.network.referrals)
    @rule(which=st.integers(0, 30), command=st.sampled_from(COMMANDS), fields=FIELDS,
          speaker=st.sampled_from(["receiver", "sender", "stranger"]),
          roles=st.sets(st.sampled_from(["supervisor", "coordinator"])))  # fmt: skip
    def somebody_says_anything(
        self, which: int, command: str, fields: dict[str, Any], speaker: str, roles: set[str]
    ) -> None:
        known = list(self.network.referrals.values())
        referral = known[which % len(known)]
        sender, receiver = referral.parties
        by = {"sender": sender, "receiver": receiver or sender, "stranger": "pa.nobody"}[speaker]
        self.ask(referral, command, by=by, roles=tuple(sorted(roles)), **fields)

    @precondition(lambda self: any(referral.is_open for referral in self.network.referrals.values()))
    @rule(which=st.integers(0, 30), cause=st.sampled_from(["consent_withdrawn", "basis_expired"]))
    def a_sharing_basis_ends(self, which: int, cause: str) -> None:
        known = [referral for referral in self.network.referrals.values() if referral.is_open]
        referral = known[which % len(known)]
        own = {"basis_id": referral.basis_id} if referral.basis_id else {}
        self.ask(referral, "revoke", by=None, revoke_cause=cause, **own)

    @precondition(lambda self: any(places.next_until for places in self.network.places.values()))
    @rule(which=st.integers(0, 9))
    def the_time_of_a_hold_is_over(self, which: int) -> None:
        held = [places for places in self.network.places.values() if places.next_until]
        places = held[which % len(held)]
        assert places.next_until
        for over in lapsing(places, places.next_until):
            self.network.ask(over, of="programmes")

    def ask(self, referral: Referral, command: str, **fields: Any) -> None:
        kept = self.everything()

        said = self.network.ask(a_command(command, referral_id=referral.referral_id, **fields))

        answer = said[0]
        if isinstance(answer, CommandRejected):
            assert len(said) == 1
            assert self.everything() == kept, "a refused command changes nothing"
            assert answer.state in (None, referral.state)
        else:
            assert isinstance(answer, CommandAccepted)
            after = self.network.referrals[referral.referral_id]
            assert after.version >= referral.version + 1 == answer.version

    def sent(self) -> list[Referral]:
        return [referral for referral in self.network.referrals.values() if referral.is_open and referral.place]

    def everything(self) -> dict[str, dict[str, bytes]]:
        return {name: dict(shelf.docs) for name, shelf in self.network.db.items() if shelf.docs}

    # -- what holds after every step -----------------------------------------------------------------------------------
    @invariant()
    def open_means_an_owner_and_a_due_time_and_terminal_means_neither(self) -> None:
        for referral in self.network.referrals.values():
            running, state = {timer.code for timer in referral.timers}, STATES[referral.state]
            assert set(state["timers_required"]) <= running
            assert running <= {*state["timers_required"], *state["timers_optional"]}
            assert (referral.owner is not None) == (referral.due_at is not None) == referral.is_open

    @invariant()
    def versions_have_no_gaps(self) -> None:
        told = defaultdict(list)
        for event in self.network.said:
            if isinstance(event, ReferralEvent) and event.version:
                told[event.referral_id].append(event.version)
        for referral in self.network.referrals.values():
            assert [entry.version for entry in referral.history] == list(range(1, referral.version + 1))
            assert told[referral.referral_id] == sorted(told[referral.referral_id])
            assert set(told[referral.referral_id]) == set(range(1, referral.version + 1))

    @invariant()
    def no_agency_is_asked_twice_for_a_need_and_no_need_more_than_four_times(self) -> None:
        for chain in self.chains().values():
            asked = [referral.place.agency for referral in chain if referral.place]
            assert len(asked) == len(set(asked))
            assert [referral.hop for referral in chain] == list(range(len(chain)))
            assert len(chain) <= RULE_SETS["network-1"].max_hops + 1

    @invariant()
    def nobody_is_sent_to_an_agency_that_the_person_excluded(self) -> None:
        for referral in self.network.referrals.values():
            assert referral.place is None or referral.place.agency not in referral.need.withhold

    @invariant()
    def no_place_is_given_twice_and_referrals_know_what_they_have(self) -> None:
        for places in self.network.places.values():
            assert places.free >= 0
        for referral in self.network.referrals.values():
            counted = self.network.places.get(referral.place.offer) if referral.place else None
            if counted is None:
                assert referral.seat == "none"
            else:
                assert seat_at(counted, referral) == (referral.seat if referral.seat in SEATS else None)
                assert referral.is_open or counted == counted.without(referral.referral_id)
                assert referral.seat != "asked"

    @invariant()
    def no_place_stays_free_while_somebody_waits_who_never_let_one_go(self) -> None:
        for places in self.network.places.values():
            fits = {party.referral_id for party in places.waiting if party.places <= places.free and not party.lapses}
            by_choice = {
                referral.referral_id
                for referral in self.network.referrals.values()
                if any(entry.command == "waitlist" and entry.by == "receiver" for entry in referral.history)
            }
            assert fits <= by_choice

    @invariant()
    def no_emergency_waits_on_a_list(self) -> None:
        for referral in self.network.referrals.values():
            assert (referral.state, referral.need.priority) != ("WAITLISTED", "EMERGENCY")
        for doc in self.network.db["links"].all():
            leaning = {told["priority"] for told in doc["leaning"]}
            lies = self.network.referrals[UUID(doc["referral_id"])].state
            assert lies != "WAITLISTED" or "EMERGENCY" not in leaning

    @invariant()
    def one_open_referral_a_person_and_offer(self) -> None:
        held = [(r.link, r.referral_id) for r in self.network.referrals.values() if r.is_open and r.link]

        assert len({link for link, _ in held}) == len(held)
        assert dict(held) == self.network.links

    @invariant()
    def no_need_is_without_an_answer(self) -> None:
        chains, tasks = self.chains(), {task.journey_id for task in self.network.tasks}
        leaning = {told["need_id"] for doc in self.network.db["links"].all() for told in doc["leaning"]}
        for journey in self.network.journeys:
            assert journey.begun
            assert journey.early == ()
            for need in journey.needs:
                last = chains[need.need_id][-1] if need.need_id in chains else None
                match need.state:
                    case "open" | "waiting":
                        assert last, "an open need has a referral"
                        assert last.is_open
                    case "linked":
                        assert str(need.need_id) in leaning
                    case "served" | "ended":
                        assert last is None or not last.is_open or last.state == "DRAFT"
                    case "unmet":
                        assert any(unmet.final for unmet in journey.unmet)
                        assert journey.journey_id in tasks

    def chains(self) -> dict[UUID, list[Referral]]:
        """The referrals of each need, in the order of their hops."""
        chains: dict[UUID, list[Referral]] = defaultdict(list)
        for referral in sorted(self.network.referrals.values(), key=lambda referral: referral.hop):
            chains[referral.need.need_id].append(referral)
        return chains


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
