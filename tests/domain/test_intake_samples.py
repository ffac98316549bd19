"""The 200 sample intakes are taken with the remarks the samples say; each wrong one is judged as its index says."""

import json
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted
from contracts.commands import RecordIntake
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from contracts.stated import SubmitIntake
from contracts.values import Asked
from services.intake.domain.intake import again, digest, record
from services.intake.domain.known import Directory

SAMPLES = Path(__file__).parents[1] / "samples"
EXPECTED = json.loads((SAMPLES / "intakes.palermo.expected.json").read_text("utf-8"))
LINES = (SAMPLES / "intakes.palermo.jsonl").read_text("utf-8").splitlines()
NOON = datetime.combine(datetime.fromisoformat(EXPECTED["as_of"]), time(12), UTC)

BAD = SAMPLES / "bad_input"
BY_THE_DOOR = ("parse", "schema", "access")
JUDGED = [
    item
    for item in json.loads((BAD / "index.json").read_text("utf-8"))["items"]
    if item["message"] == "intake" and item["expected"]["stage"] not in BY_THE_DOOR and "precondition" not in item
]


@cache
def directory() -> Directory:
    files = [json.loads((SAMPLES / name).read_text("utf-8")) for name in EXPECTED["directories"]]
    agencies = [Agency.model_validate(a) for file in files for a in file["agencies"]]
    offers = [Offer.model_validate(o) for file in files for o in file["offers"]]
    return Directory({a.code: a for a in agencies}, {o.code: o for o in offers})


def a_record(value: str | bytes) -> RecordIntake:
    submitted = SubmitIntake.model_validate_json(value)
    asked = Asked(agency=submitted.tier0.sender_agency, command_id=submitted.idempotency_key)
    return RecordIntake(intake_id=UUID(int=1), asked=asked, submitted=submitted)


def answer(command: RecordIntake) -> CommandAccepted:
    return record(command, directory(), NOON, b"key")[0].answer


@pytest.mark.parametrize("line", EXPECTED["lines"], ids=lambda line: f"{line['line']}-{line['ref']}")
def test_each_sample_intake_is_taken_with_the_remarks_that_the_samples_say(line: dict[str, Any]) -> None:
    said = line["answer"] if "answer" in line else EXPECTED["lines"][line["same_answer_as_line"] - 1]["answer"]

    flags = answer(a_record(LINES[line["line"] - 1])).flags

    assert (said["outcome"], list(flags)) == ("accepted", said["flags"])


@pytest.mark.parametrize("resend", EXPECTED["resends"], ids=lambda resend: resend["ref"])
def test_a_sample_sent_again_word_for_word_gets_the_stored_answer(resend: dict[str, Any]) -> None:
    first, second = (a_record(LINES[line - 1]) for line in resend["lines"])

    intake, _ = record(first, directory(), NOON, b"key")

    assert again(intake, second) == intake.answer


@pytest.mark.parametrize("item", JUDGED, ids=lambda item: item["file"])
def test_each_wrong_intake_that_can_be_read_is_judged_as_its_index_says(item: dict[str, Any]) -> None:
    command, expected = a_record((BAD / item["file"]).read_bytes()), item["expected"]

    if expected["outcome"] == "rejected":
        with pytest.raises(Refusal) as refused:
            answer(command)

        assert (refused.value.code, refused.value.pointer) == (expected["code"], expected["pointer"])
        assert refused.value.http_status == expected["http_status"]
    else:
        assert answer(command).flags == ((expected["code"],) if expected["code"] else ())


def test_the_same_key_with_other_content_is_a_conflict() -> None:
    intake, _ = record(a_record((BAD / "00_valid_control.json").read_bytes()), directory(), NOON, b"key")

    with pytest.raises(Refusal) as refused:
        again(intake, a_record((BAD / "34_idempotency_conflict.json").read_bytes()))

    assert refused.value.code == "idempotency_conflict"


def test_an_intake_that_was_stored_is_known_again_by_a_later_release() -> None:
    control = a_record((BAD / "00_valid_control.json").read_bytes())

    assert digest(control.submitted) == "a207dfec60f9ad392b9920cce8d35673844883b3a3f16d979ce7a8c17c73f70e"


def test_nothing_that_can_be_read_was_left_out() -> None:
    judged = {int(item["file"][:2]) for item in JUDGED}

    assert judged == {0, 15, 17, 18, 24, 25, 26, 27, 29, 30, 31, 32}
