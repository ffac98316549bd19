"""As whom a token lets somebody speak at the door over HTTP."""

import codecs
import json

import pytest

from contracts import catalogue
from contracts.refusals import Refusal
from contracts.stated import StatedCommand
from services.gateway import api, reading
from services.gateway.domain.door import Voice
from services.http.tokens import Speaker
from tests.builders import a_statement
from tests.offline import finished


def voice(*roles: str) -> Voice:
    return finished(api.speaking("pa.accura", Speaker(sub="w-1", agency="pa.accura", roles=frozenset(roles))))


def test_an_agencys_system_speaks_for_it_and_a_person_as_who_they_are() -> None:
    assert voice() == Voice("pa.accura")
    assert voice("supervisor", "caseworker") == Voice("pa.accura", "w-1", ("supervisor",))
    assert voice("caseworker") == Voice("pa.accura", "w-1")
    assert voice("coordinator", "ops") == Voice("pa.accura", "w-1", ("coordinator",))


@pytest.mark.parametrize("roles", [("auditor",), ("ops",), ("national",), ("network",), ("auditor", "national")])
def test_who_only_audits_or_operates_says_nothing_for_the_agency(roles: tuple[str, ...]) -> None:
    with pytest.raises(Refusal) as refusal:
        voice(*roles)

    assert refusal.value.code == "not_authorised"


def test_who_only_coordinates_says_what_the_coordination_may_and_nothing_that_is_an_agencys_own() -> None:
    said = {type.removeprefix("staffetta.").removesuffix(".v1") for type in reading.OF_COORDINATORS}

    assert {"referral.withdraw", "referral.revoke", "referral.escalate", "referral.add_note", "referral.send",
            "agency.reroute", "identity.undo", "directory.correct", "task.complete"} <= said  # fmt: skip
    assert not {"referral.accept", "referral.close", "referral.reopen", "referral.create",
                "intake.submit", "sharing.give", "identity.decide", "person.erase"} & said  # fmt: skip
    assert not said - {type.removeprefix("staffetta.").removesuffix(".v1") for type in reading.SERVED}


@pytest.mark.parametrize("claimed", [{}, {"actor": "pa.accura:the_director"}])
def test_what_a_caseworker_says_names_themselves_whoever_it_claimed(claimed: dict[str, str]) -> None:
    stated = a_statement("close", text="È tornata a casa 🏠", **claimed)
    value = codecs.BOM_UTF8 + json.dumps(stated).encode()

    read = reading.read(reading.said_by(value, "pa.accura:w01"), id="m-1", type="staffetta.referral.close.v1")

    assert read.message.model_dump(exclude_none=True, mode="json") == stated | {"actor": "pa.accura:w01"}
    assert read.flags == ("bom_ignored",)


@pytest.mark.parametrize("type", reading.SERVED)
def test_whatever_a_person_may_say_names_who_says_it(type: str) -> None:
    assert "actor" in catalogue.OUTSIDE.get(type, StatedCommand).model_fields
