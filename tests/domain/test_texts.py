"""Who reads what was written with a command, as the door, intake and referral handle it one after the other."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake import reading
from services.intake.domain.release import may_read_text
from tests.builders import NOW, a_basis, a_draft, an_agency, an_intake, an_offer
from tests.offline import Offline, finished

AGENCIES = tuple(an_agency(code) for code in ("pa.comune", "pa.accura"))
OFFERS = (an_offer(), an_offer("pa.accura.lab", service="lab.it"))
SUSPENDED = an_agency("pa.accura", status="suspended", version=2)
WORKS: tuple[str, ...] = ("caseworker",)


class Network:
    """One person whom pa.comune met and pa.accura has taken in, if it is to."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.offline = Offline(AGENCIES, OFFERS, services=("gateway", "intake", "referral"))
        answer = self.offline.say("pa.comune", "staffetta.intake.submit.v1", an_intake(), "i1")
        assert answer and answer["type"] == "staffetta.command.accepted.v1"
        self.intake_id = answer["value"]["intake_id"]
        [self.referral_id] = map(str, self.offline.referrals)
        if accepts:
            self.say("pa.accura", "accept")

    def say(self, agency: str, command: str, *roles: str, **fields: Any) -> None:
        self.ask(
            agency, f"staffetta.referral.{command}.v1", *roles, referral_id=self.referral_id, command=command, **fields
        )

    def ask(self, by: str, type: str, *roles: str, **fields: Any) -> None:
        id = f"{type}-{self.offline.asked}"
        answer = self.offline.say(by, type, fields | {"command_id": id, "agency": by}, id, *roles)
        assert answer and answer["type"] == "staffetta.command.accepted.v1", answer

    def draft(self) -> str:
        """One more service for the same person."""
        [met] = self.offline.dbs["intake"]["intakes"].all()
        self.ask("pa.comune", "staffetta.referral.create.v1", **a_draft(person_ref=met["recorded"]["person_ref"]))
        [new] = {*map(str, self.offline.referrals)} - {self.referral_id}
        return new

    def text(self) -> UUID:
        return UUID(self.offline.dbs["intake"]["texts"].all()[-1]["_id"])

    def reads(self, agency: str, *roles: str) -> bool:
        db, works = self.offline.dbs["intake"], not {*roles} or bool({*roles} & {"caseworker", "supervisor"})
        found = finished(reading.read_text(db, self.text(), self.offline.now + timedelta(minutes=1)))
        reader = finished(reading.read_reader(db, agency, roles, works=works))
        return found is not None and may_read_text(found[1], found[2], reader, private=bool(found[0].get("private")))


def test_what_the_sender_wrote_is_read_by_who_has_the_person_until_it_is_suspended() -> None:
    network = Network()
    network.say("pa.comune", "add_note", text="Una nota")
    before = network.reads("pa.accura")

    network.offline.ask(SUSPENDED)

    assert (before, network.reads("pa.accura"), network.reads("pa.comune")) == (True, False, True)


def test_what_the_sender_wrote_is_read_no_more_by_whom_the_person_excludes_before_the_referral_is_revoked() -> None:
    network = Network()
    network.say("pa.comune", "add_note", text="Una nota")
    lying = network.offline.dbs["intake"]["parties"].all()
    refusal = a_basis("pa.accura", refused=True, valid_from=NOW.date(), basis_id="no").model_dump(mode="json")
    network.ask("pa.comune", "staffetta.sharing.give.v1", intake_id=network.intake_id, basis=refusal)

    for doc in lying:
        network.offline.dbs["intake"]["parties"].put(doc)

    assert (network.reads("pa.accura"), network.reads("pa.comune")) == (False, True)


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        (WORKS, True), (("supervisor", "coordinator"), True), ((), True),
        (("coordinator",), False), (("auditor",), False), (("ops",), False),
    ],
)  # fmt: skip
def test_what_an_agency_wrote_is_read_by_who_works_for_it_and_by_no_other_role(
    roles: tuple[str, ...], may: bool
) -> None:
    network = Network()
    network.say("pa.comune", "add_note", text="Una nota")

    assert [network.reads(agency, *roles) for agency in ("pa.comune", "pa.accura")] == [may, may]


def test_of_a_meeting_that_was_not_kept_with_its_referral_the_grant_says_which_it_was() -> None:
    network = Network()
    network.say("pa.comune", "add_note", text="Una nota")
    [lying] = network.offline.dbs["intake"]["parties"].all()

    network.offline.dbs["intake"]["parties"].put({key: lying[key] for key in lying if key != "journey_id"})

    assert network.reads("pa.accura")


def test_why_a_caseworker_sent_a_draft_so_is_read_by_their_own_agency_alone() -> None:
    network = Network()
    network.referral_id = network.draft()
    network.say("pa.comune", "send", text="Teme di essere riconosciuta nell'altra sede")
    network.say("pa.accura", "accept")

    read = [network.reads(agency) for agency in ("pa.comune", "pa.accura")]

    assert network.offline.dbs["intake"]["parties"].doc(network.referral_id)["state"] == "ACCEPTED"
    assert read == [True, False]


def test_what_was_kept_before_anything_was_private_is_read_as_it_was() -> None:
    network = Network()
    network.say("pa.comune", "add_note", text="Una nota")
    [kept] = network.offline.dbs["intake"]["texts"].all()

    network.offline.dbs["intake"]["texts"].put({key: kept[key] for key in kept if key not in ("private", "roles")})

    assert network.reads("pa.accura")
