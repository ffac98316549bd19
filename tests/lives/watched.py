"""The network that lives are played on: after everything that is said, and after every step, the model looks at it."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis.stateful import RuleBasedStateMachine, invariant

from contracts.catalogue import ANSWERS
from contracts.directory import Agency, Capacity, Offer, Queue, Waitlist
from services.referral import reading
from services.referral.domain import owing
from tests.builders import an_agency, an_offer
from tests.lives import spoken
from tests.lives.model import GO_ON, GUARDED, PRIVATE, Known, Model, names_of
from tests.offline import HANDLERS, Offline, finished

Doc = dict[str, Any]

ROME = ZoneInfo("Europe/Rome")
COMUNE, PENC = "pa.comune", "pa.penc"
RECEIVERS = ("pa.a", "pa.b", PRIVATE)
AGENCIES = (COMUNE, PENC, *RECEIVERS)
SERVICES = ("health.primary", "lab.it", "lab.dance")
WITHIN = timedelta(seconds=5)
"""So long it may take until what rests on a basis that has ended is revoked."""

IN_CHARGE = {"ACCEPTED", "IN_SERVICE", "ON_HOLD"}
JUDGED_FIRST = {"unknown_referral", "not_authorised", "superseded", "invalid_transition", "version_conflict"} - GUARDED


def an_entry(code: str, status: str = "active", version: int = 1) -> Agency:
    kinds = ("desk", "coordination") if code == COMUNE else ("desk",)
    queues = tuple(Queue(code=f"{code}.{kind}", kind=kind, name={"it": code}) for kind in kinds)
    role = {PRIVATE: "private_partner", "pa.b": "delegated_partner"}.get(code, "public_body")
    return an_agency(code, queues=queues, sharing_role=role, status=status, version=version)


def some_offers(random: Random) -> tuple[Offer, ...]:
    """Few places, or as many as are asked for; people may wait for them or not."""
    wanted = [("health.primary", agency) for agency in (*RECEIVERS, COMUNE)]
    wanted += [(service, agency) for service in SERVICES[1:] for agency in RECEIVERS if random.random() < 0.6]
    return tuple(
        an_offer(f"{agency}.{service.replace('.', '_')}", service=service, queue=f"{agency}.desk",
                 capacity=Capacity(kind="appointment_slot" if service == "health.primary" else "cohort_seat",
                                   total=random.choice((None, 1, 2))),
                 waitlist=Waitlist(enabled=random.random() < 0.5, order_rule_version=1))
        for service, agency in wanted
    )  # fmt: skip


def accepted(answer: Doc) -> bool:
    return bool(answer["type"] == "staffetta.command.accepted.v1")


class Watched(RuleBasedStateMachine):
    """spoken: what was said at the door, with its first answer. heard, read: how far the model has come."""

    def open(self, seed: int) -> None:
        self.random = Random(seed)
        self.network = Offline(
            tuple(map(an_entry, AGENCIES)),
            some_offers(self.random),
            pick=self.random.randrange,
            services=tuple(HANDLERS),
        )
        self.model, self.heard, self.read = Model(), len(self.network.said), dict.fromkeys(AGENCIES, 0)
        self.spoken: list[tuple[tuple[str, str, Doc, str, tuple[str, ...]], Doc]] = []
        self.drafts = 0

    # -- what is said --------------------------------------------------------------------------------------------------
    def say(
        self, agency: str, type: str, value: Doc, *roles: str, id: str = "", then: Callable[[], None] = lambda: None
    ) -> Doc:
        """Once, under an id of its own. A refusal changes nothing. then: what the model learns of what is accepted."""
        before, said = self.everything(), len(self.network.said)
        name = id or f"m-{len(self.spoken)}"
        whole = value if id else value | {"agency": agency, "command_id": name}
        answer = self.network.say(agency, type, whole, name, *roles)
        if agency not in AGENCIES:
            assert answer is None, "nobody in the directory: not even answered"
            return {"type": "", "value": {"code": "unknown_referral"}}
        assert answer, "every message has an answer"
        self.spoken.append(((agency, type, whole, name, roles), answer))
        if accepted(answer):
            then()
        else:
            assert all(isinstance(message, ANSWERS) for message in self.network.said[said:])
            assert self.everything() == before, "a refusal changes nothing"
        self.hear()
        return answer

    def command(
        self, agency: str, id: UUID, command: str, random: Random, *roles: str, expected: int | None = None
    ) -> None:
        """What the model expects of it is what comes."""
        known, refusal = self.model.referrals.get(id), self.model.refusal(command, id, agency, {*roles}, expected)
        refusal = refusal if agency in AGENCIES else "unknown_referral"
        asked: Doc = {"referral_id": str(id), "command": command} | spoken.body(command, random, self.network.now)
        asked |= {} if expected is None else {"expected_version": expected}
        may_be = self.model.leads_to(command, known) if known else set()
        version = known.last.version if known and command != "open" else 0  # the successor answers
        answer = self.say(agency, f"staffetta.referral.{command}.v1", asked, *roles)
        if accepted(answer):
            assert refusal is None, f"{command} was accepted, and not {refusal}"
            assert answer["value"]["state"] in may_be
            assert answer["value"]["version"] == version + 1
        else:
            code = answer["value"]["code"]
            assert code == refusal or (refusal is None and code not in JUDGED_FIRST), code

    def hear(self) -> None:
        """What was said since, and what each agency was told of it."""
        for message in self.network.said[self.heard :]:
            self.model.hear(message)
        self.heard = len(self.network.said)
        for agency in AGENCIES:
            feed = self.network.feeds[agency]
            for entry in feed[self.read[agency] :]:
                self._may_be_told(agency, entry)
            self.read[agency] = len(feed)

    def _may_be_told(self, agency: str, entry: Doc) -> None:
        """Whom a person excluded, or who has lost the basis, is not asked anything about them."""
        value, day = entry["value"], (entry["at"] - WITHIN).astimezone(ROME).date()
        assert value.get("receiver_told", True) or value["sender_agency"] == agency, f"{agency} was not told of it yet"
        if entry["type"] == "staffetta.command.rejected.v1":
            id, asks = value.get("subject"), value.get("successor_agency")
        else:
            id = value.get("referral_id")
            asks = "person" in value and value.get("receiver_agency") == agency
        known = self.model.referrals.get(UUID(id)) if id and asks else None
        if known and known.last.sender_agency != agency:
            assert value.get("seat") != "asked", "a receiver is asked once its place is held"
            meeting = self.model.meetings[known.last.journey_id]
            assert meeting.may_tell(names_of(agency), day), f"{agency} is told {entry['type']}"

    def everything(self) -> dict[str, dict[str, dict[str, bytes]]]:
        """All that services keep, but for what the door takes in before a command is judged: its text, and its id."""
        kept = {name: db for name, db in self.network.dbs.items() if name != "gateway"}
        return {
            name: {shelf: dict(one.docs) for shelf, one in db.items() if one.docs and shelf != "texts"}
            for name, db in kept.items()
        }

    def open_ones(self) -> list[Known]:
        return [known for known in self.model.referrals.values() if known.is_open]

    def left_ones(self) -> list[Known]:
        """Those after which somebody else may be asked, and nobody was."""
        return [
            known for id, known in self.model.referrals.items() if known.state in GO_ON and id not in self.model.after
        ]

    # -- what holds after every step -----------------------------------------------------------------------------------
    @invariant()
    def model_and_system_agree(self) -> None:
        kept = {one.referral_id: one for one in self.network.referrals.values()}
        assert kept.keys() == self.model.referrals.keys()
        for id, known in self.model.referrals.items():
            one, event = kept[id], known.last
            receiver = one.place.agency if one.place else None
            assert (one.state, one.version, receiver) == (event.state, event.version, event.receiver_agency)
            assert [entry.version for entry in one.history] == list(range(1, one.version + 1))

    @invariant()
    def no_need_is_without_an_answer(self) -> None:
        without = [*self.model.unanswered()]
        assert not without, without
        assert [*self.model.left_waiting()] == []
        assert self._measured() == 0

    def _measured(self) -> int:
        """As the product itself would count them."""

        async def look() -> int:
            return owing.counted([kept async for kept in reading.read_under_way(self.network.db)]).unanswered

        return finished(look())

    @invariant()
    def a_person_has_one_open_referral_to_an_offer(self) -> None:
        assert [*self.model.twice()] == []

    @invariant()
    def nobody_has_a_person_without_a_basis_or_against_their_will(self) -> None:
        day = self.network.now.astimezone(ROME).date()
        for known in self.open_ones():
            agency = known.last.receiver_agency
            if agency:
                meeting = self.model.meetings[known.last.journey_id]
                assert meeting.may_tell(names_of(agency), day), f"{agency} has {known.last.referral_id}"

    @invariant()
    def who_may_ask_who_a_person_is_has_them_in_charge(self) -> None:
        for doc in self.network.dbs["intake"]["grants"].all():
            known = self.model.referrals[UUID(doc["referral_id"])]
            assert doc["ended"] or (known.state in IN_CHARGE and known.last.receiver_agency == doc["agency"])

    @invariant()
    def nothing_is_left_of_who_was_erased(self) -> None:
        intake = self.network.dbs["intake"]
        gone = {str(id) for id, met in self.model.meetings.items() if met.erased}
        assert not gone & {doc["_id"] for doc in intake["personal"].all()}
        of = {str(id) for id, known in self.model.referrals.items() if str(known.last.journey_id) in gone}
        assert not [doc for doc in intake["texts"].all() if doc.get("referral_id") in of and doc["text"]]
        for one in self.network.referrals.values():
            if str(one.need.journey_id) in gone:
                assert one.erased_at and one.need.priority_reason is None

    @invariant()
    def no_place_is_given_twice(self) -> None:
        for places in self.network.places.values():
            assert places.free >= 0
