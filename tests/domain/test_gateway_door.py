"""What becomes of a message at the door: forwarded, answered again, waited for, or refused."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from contracts import catalogue
from contracts.answers import CommandAccepted
from contracts.commands import AskOneMore, KeepText, RecordIntake, ReferralCommand
from contracts.erasure import ErasePerson, EraseStatedPerson
from contracts.journeys import CompleteTask
from contracts.refusals import Refusal
from contracts.sharing import ConfirmBases, GiveBasis, WithdrawBases
from contracts.values import Asked
from services.gateway import reading
from services.gateway.domain.door import Answered, Forward, Known, Read, Use, Voice, admit, minted
from tests.builders import REFERRAL_ID, Entry, a_draft, a_statement, an_intake

NOTHING = Known()
SAMPLES = Path(__file__).parents[2] / "contracts" / "samples"


def said(value: Entry, message_id: str = "m-1") -> Read:
    command = value.get("command")
    type = f"staffetta.referral.{command}.v1" if command else "staffetta.intake.submit.v1"
    type = "staffetta.task.complete.v1" if "task_id" in value else type
    return reading.read(json.dumps(value).encode(), id=message_id, type=type)


def known(read: Read, answered: Answered | None = None) -> Known:
    """What is remembered once this was forwarded."""
    use = Use(read.content, read.message_id)
    return Known(by_message=use, by_command=use, answered=answered)


def an_answer() -> Answered:
    answer = CommandAccepted(asked=Asked(agency="pa.accura", command_id="c-1", message_id="m-1"), subject="s")
    return Answered(UUID(int=1), "s", "j", answer)


def forwarded(read: Read, agency: str, remembered: Known = NOTHING) -> dict[UUID, Any]:
    found = admit(read, Voice(agency), remembered)
    assert isinstance(found, Forward)
    return dict(found.messages)


def refused(read: Read, agency: str, remembered: Known = NOTHING) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        admit(read, Voice(agency), remembered)
    return refusal.value.code, refusal.value.pointer


# -- who speaks -------------------------------------------------------------------------------------------------------
def test_an_intake_that_claims_another_agency_is_not_authorised() -> None:
    assert refused(said(an_intake()), "pa.accura") == ("not_authorised", "/tier0/sender_agency")


def test_a_command_that_claims_another_agency_is_not_authorised() -> None:
    assert refused(said(a_statement(by="pa.comune")), "pa.accura") == ("not_authorised", "/agency")


def test_a_forged_agency_learns_nothing_of_what_the_other_said_before() -> None:
    read = said(a_statement(by="pa.comune"))

    assert refused(read, "pa.accura", known(read, an_answer())) == ("not_authorised", "/agency")


# -- said for the first time ------------------------------------------------------------------------------------------
def test_an_intake_is_passed_on_with_who_asked_and_what_the_door_noticed() -> None:
    read = reading.read(
        b"\xef\xbb\xbf" + json.dumps(an_intake("k-1")).encode(), id="m-1", type="staffetta.intake.submit.v1"
    )

    found = admit(read, Voice("pa.comune"), NOTHING)

    assert isinstance(found, Forward)
    [(id, record)] = found.messages.items()
    assert isinstance(record, RecordIntake)
    assert (id, found.journey_id) == (minted("pa.comune", "m-1"), record.intake_id)
    assert record.asked == Asked(agency="pa.comune", command_id="k-1", message_id="m-1")
    assert record.flags == ("bom_ignored",)


@pytest.mark.parametrize(
    ("who", "known"), [(Voice("pa.comune"), "op-3"), (Voice("pa.comune", "s-1", ("supervisor",)), "s-1")]
)
def test_who_recorded_an_intake_is_who_it_says_unless_a_token_says_who_speaks(who: Voice, known: str) -> None:
    found = admit(said(an_intake("k-1") | {"actor": "op-3"}), who, NOTHING)

    assert isinstance(found, Forward)
    [record] = found.messages.values()
    assert isinstance(record, RecordIntake)
    assert record.asked.actor == known


def test_the_same_key_of_two_agencies_names_two_intakes() -> None:
    ours, theirs = said(an_intake("k-1")), said(an_intake("k-1", sender="rm.comune"))

    [one], [other] = forwarded(ours, "pa.comune").values(), forwarded(theirs, "rm.comune").values()

    assert one.intake_id != other.intake_id


@pytest.mark.parametrize("name", ["withdraw", "give", "confirm"])
def test_a_change_of_sharing_bases_is_passed_on_to_intake_as_who_speaks(name: str) -> None:
    type = f"staffetta.sharing.{name}.v1"
    stated = json.loads((SAMPLES / f"{type}.json").read_text("utf-8"))
    read = reading.read(json.dumps(stated).encode(), id="m-1", type=type)

    [command] = forwarded(read, "pa.comune").values()

    assert isinstance(command, WithdrawBases | GiveBasis | ConfirmBases)
    assert str(command.intake_id) == stated["intake_id"]
    assert (command.asked.agency, command.asked.command_id) == ("pa.comune", stated["command_id"])
    assert refused(read, "pa.accura") == ("not_authorised", "/agency")


def test_a_command_is_passed_on_without_its_text_which_goes_to_intake() -> None:
    read = said(a_statement("decline", text="Non oggi", expected_version=4, actor="pa.accura:w01"))

    messages = forwarded(read, "pa.accura")

    command, kept = messages.values()
    assert isinstance(command, ReferralCommand)
    assert isinstance(kept, KeepText)
    assert (command.referral_id, command.command, command.decline_reason) == (REFERRAL_ID, "decline", "no_capacity")
    assert (command.role, command.expected_version, command.asked.actor) == ("agency", 4, "pa.accura:w01")
    assert (kept.text, kept.text_id, kept.agency) == ("Non oggi", command.text_id, "pa.accura")
    assert "Non oggi" not in command.model_dump_json()
    assert len(set(messages)) == 2


@pytest.mark.parametrize(("command", "private"), [("send", True), ("add_note", False), ("decline", False)])
def test_why_a_caseworker_sends_a_draft_so_is_kept_for_their_own_agency(command: str, private: bool) -> None:
    _, kept = forwarded(said(a_statement(command, text="Più sicuro lì")), "pa.accura").values()

    assert isinstance(kept, KeepText)
    assert kept.private is private


@pytest.mark.parametrize("text", [{}, {"text": ""}])
def test_a_command_without_a_text_asks_nothing_of_intake(text: Entry) -> None:
    [command] = forwarded(said(a_statement("decline", **text)), "pa.accura").values()

    assert command.text_id is None


def test_the_reason_text_of_a_command_is_its_text() -> None:
    _, kept = forwarded(said(a_statement("decline", reason_text="Perché")), "pa.accura").values()

    assert kept.text == "Perché"


def test_a_text_is_kept_under_the_usual_form_of_the_referral_whose_it_is() -> None:
    stated = a_statement("decline", text="Non oggi", referral_id=str(REFERRAL_ID).upper())

    command, kept = forwarded(said(stated), "pa.accura").values()

    assert isinstance(command, ReferralCommand)
    assert isinstance(kept, KeepText)
    assert kept.referral_id == str(command.referral_id) == str(REFERRAL_ID)


def test_a_command_has_one_text() -> None:
    read = said(a_statement("decline", text="a", reason_text="b"))

    assert refused(read, "pa.accura") == ("invalid_value", "/reason_text")


def test_that_a_task_is_done_is_passed_on() -> None:
    read = said({"command_id": "c-1", "task_id": str(REFERRAL_ID), "agency": "pa.comune"})

    [command] = forwarded(read, "pa.comune").values()

    assert isinstance(command, CompleteTask)
    assert command.task_id == REFERRAL_ID


@pytest.mark.parametrize("id", ["ref-pa-0001", "x", f"{{{REFERRAL_ID}}}", f"urn:uuid:{REFERRAL_ID}", REFERRAL_ID.hex])
def test_an_id_that_is_not_ours_names_no_referral_and_no_task(id: str) -> None:
    task = said({"command_id": "c-1", "task_id": id, "agency": "pa.comune"})

    assert refused(said(a_statement(referral_id=id)), "pa.accura") == ("unknown_referral", "/referral_id")
    assert refused(task, "pa.comune") == ("unknown_referral", "/task_id")


# -- said again -------------------------------------------------------------------------------------------------------
def test_the_same_message_again_is_answered_again() -> None:
    read, answer = said(a_statement()), an_answer()

    assert admit(read, Voice("pa.accura"), known(read, answer)) is answer


def test_the_same_message_again_before_its_answer_says_nothing() -> None:
    read = said(a_statement())

    assert admit(read, Voice("pa.accura"), known(read)) is None


def test_the_same_command_under_a_new_message_id_is_answered_again() -> None:
    first, again, answer = said(a_statement()), said(a_statement(), "m-2"), an_answer()
    remembered = Known(by_command=Use(first.content, first.message_id), answered=answer)

    assert admit(again, Voice("pa.accura"), remembered) is answer
    assert remembered.first == "m-1"


@pytest.mark.parametrize(
    ("first", "other", "agency", "pointer"),
    [
        (an_intake("k-1"), an_intake("k-1", priority="HIGH"), "pa.comune", "/idempotency_key"),
        (a_statement(), a_statement("acknowledge"), "pa.accura", "/command_id"),
        (a_statement(), a_statement(actor="pa.accura:w02"), "pa.accura", "/command_id"),
        (a_statement(), a_statement(referral_id="nonsense"), "pa.accura", "/command_id"),
    ],
)
def test_an_id_used_before_for_something_else_is_a_conflict(
    first: Entry, other: Entry, agency: str, pointer: str
) -> None:
    remembered = Known(by_command=Use(said(first).content, "m-1"), answered=an_answer())

    assert refused(said(other, "m-2"), agency, remembered) == ("idempotency_conflict", pointer)


def test_a_message_id_used_before_for_something_else_is_a_conflict_of_no_field() -> None:
    first, other = said(a_statement(command_id="c-1")), said(a_statement(command_id="c-2"))
    remembered = Known(by_message=Use(first.content, "m-1"))

    assert refused(other, "pa.accura", remembered) == ("idempotency_conflict", None)


# -- ids --------------------------------------------------------------------------------------------------------------
def test_an_agency_that_sends_the_id_of_a_coming_event_gets_an_id_of_its_own() -> None:
    coming = uuid5(minted("pa.comune", "m-1"), "staffetta.intake.recorded.v1:1")

    [id] = forwarded(said(an_intake(), str(coming)), "pa.comune")

    assert id != coming


@pytest.mark.parametrize("agency", ["pa.comune", "rm.comune"])
def test_one_agency_cannot_make_the_id_of_another(agency: str) -> None:
    mine = minted(agency, "m-1")

    assert mine == minted(agency, "m-1")
    assert mine != minted("to.comune", "m-1")
    assert mine != minted("to.comune", f"{agency}/m-1")


def test_an_agencys_system_cannot_make_the_id_of_its_people() -> None:
    people, system = Voice("pa.comune", "pa.comune:w01", ("supervisor",)), Voice("pa.comune")

    for id in ("people/m-1", "@people/m-1", "/people/m-1", "people@pa.comune/m-1"):
        assert minted(system.name, id) != minted(people.name, "m-1")
        assert f"{system.name}/{id}" != f"{people.name}/m-1"


# -- people -----------------------------------------------------------------------------------------------------------
SUPERVISOR = Voice("pa.accura", "pa.accura:w01", ("supervisor",))


def test_what_a_person_says_goes_on_with_who_they_are_by_their_token_and_not_by_the_payload() -> None:
    read = said(a_statement("accept", actor="pa.accura:the_director"))

    found = admit(read, SUPERVISOR, NOTHING)

    assert isinstance(found, Forward)
    [(id, command)] = found.messages.items()
    assert isinstance(command, ReferralCommand)
    assert (command.asked.actor, command.asked.roles) == ("pa.accura:w01", ("supervisor",))
    assert command.role == "agency"
    assert id != minted("pa.accura", "m-1"), "an agency's system may use the same ids"


def test_that_a_person_is_to_be_erased_is_passed_on_with_who_says_it_and_no_key_tells_what_was_typed() -> None:
    stated = {"command_id": "e-1", "agency": "pa.accura", "person_ref": "Amina Prova"}
    read = reading.read(json.dumps(stated).encode(), id="m-1", type=EraseStatedPerson.TYPE)

    found = admit(read, SUPERVISOR, NOTHING)

    assert isinstance(found, Forward)
    [command] = found.messages.values()
    assert isinstance(command, ErasePerson)
    assert (command.person_ref, command.asked.actor, command.asked.roles) == (
        "Amina Prova", "pa.accura:w01", ("supervisor",),
    )  # fmt: skip
    assert catalogue.BY_MODEL[ErasePerson].key_of(command) == str(command.person_id)
    assert refused(read, "pa.comune") == ("not_authorised", "/agency")


def test_a_person_speaks_for_their_own_agency_alone() -> None:
    with pytest.raises(Refusal, match="not_authorised"):
        admit(said(a_statement(by="pa.comune")), SUPERVISOR, NOTHING)


def test_an_agencys_system_has_no_role_of_a_person() -> None:
    [command] = forwarded(said(a_statement()), "pa.accura").values()

    assert command.asked.roles == ()


def test_a_draft_has_the_id_that_follows_from_its_key() -> None:
    first, again = said(a_draft()), said(a_draft(command_id="c-2"), "m-2")

    [one], [other] = forwarded(first, "pa.comune").values(), forwarded(again, "pa.comune").values()

    assert isinstance(one, AskOneMore)
    assert (one.person_ref, one.service, one.asked.command_id) == ("p-1", "lab.it", "c-1")
    assert one.referral_id == other.referral_id
