"""What `staffetta` says without a relay: where it looks, how it tells things, what it asks before it sends."""

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.local import issuer
from services.cli import answer, doctor, endpoints, fields, submit, tokens, wire, words
from services.cli.faults import CannotDo
from services.cli.session import Options, Session
from tests.builders import INTAKE

ROOT = Path(__file__).parents[2]


def staffetta(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, in a folder, with no relay unless the environment names one."""
    kept = {name: value for name, value in os.environ.items() if name not in ("KAFKA_URL", "MONGO_URL", "COLUMNS")}
    command = [sys.executable, "-W", "error", "-m", "services.cli", *args]
    return subprocess.run(
        command,
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"} | environment,
        capture_output=True,
        text=True,
    )


# -- where the relay is ------------------------------------------------------------------------------------------------


def test_the_relay_is_found_from_any_folder_under_the_one_it_was_started_in(tmp_path: Path, monkeypatch: Any) -> None:
    known = {"kafka": "here:9092", "mongo": "mongodb://here", "services": {"gateway": "http://here:8080"}}
    _write(tmp_path / ".staffetta" / "endpoints.json", known)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    found = endpoints.find(None, {})

    assert (found.kafka, found.services) == ("here:9092", {"gateway": "http://here:8080"})
    assert found.state == tmp_path / ".staffetta"


def test_the_environment_has_the_last_word_on_each_address(tmp_path: Path) -> None:
    file = _write(tmp_path / "endpoints.json", {"kafka": "here:9092", "services": {"gateway": "http://here:8080"}})
    environment = {"KAFKA_URL": "there:9092", "STAFFETTA_REFERRAL_URL": "http://there:8083", "STAFFETTA_NAMESPACE": "n"}

    found = endpoints.find(file, environment)

    assert found.kafka == "there:9092"
    assert found.services == {"gateway": "http://here:8080", "referral": "http://there:8083"}
    assert found.named("agencies.pa.penc.feed") == "n-agencies.pa.penc.feed"


def test_a_command_that_finds_no_relay_says_how_to_start_one(tmp_path: Path) -> None:
    asked = staffetta("queue", "--agency", "pa.penc", cwd=tmp_path)

    assert asked.returncode == 1
    assert "./dev up" in asked.stderr
    assert "Traceback" not in asked.stderr


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("queue",), ("Missing option", "staffetta queue -h")),
        (("nonsense",), ("No such command", "staffetta -h")),
        (("token", "--minutes", "soon"), ("--minutes", "staffetta token -h")),
        (("queue", "-a", "pa.penc", "--lang", "xx"), ("--lang", "staffetta queue -h")),
        (("parked", "show"), ("Missing argument", "staffetta parked show -h")),
    ],
)
def test_a_program_that_asks_wrongly_is_told_in_json_too(
    tmp_path: Path, wrong: tuple[str, ...], told: tuple[str, str]
) -> None:
    asked, as_a_person = staffetta(*wrong, "--json", cwd=tmp_path), staffetta(*wrong, cwd=tmp_path)

    said = json.loads(asked.stdout)
    assert told[0] in said["error"] and told[1] in said["remedy"]
    assert (asked.returncode, asked.stderr) == (2, "")
    assert as_a_person.returncode == 2 and told[0] in as_a_person.stderr


@pytest.mark.parametrize("said", [(), ("some-id", "--all"), ("some-id", "--service", "intake")])
def test_parked_messages_are_replayed_one_or_all_and_never_by_half(tmp_path: Path, said: tuple[str, ...]) -> None:
    asked = staffetta("parked", "replay", *said, "--why", "mended", cwd=tmp_path)

    assert asked.returncode == 2 and "--all" in asked.stderr


@pytest.mark.parametrize("why", ["", " ", "x" * 501])
def test_who_acts_on_a_parked_message_says_why_in_words_that_can_be_kept(tmp_path: Path, why: str) -> None:
    asked = staffetta("parked", "discard", "some-id", "--why", why, cwd=tmp_path)

    assert asked.returncode == 2
    assert "--why" in asked.stderr and "500" in asked.stderr


def test_a_program_is_told_a_fault_in_json_wherever_the_option_stands(tmp_path: Path) -> None:
    before = staffetta("--json", "queue", "--agency", "pa.penc", cwd=tmp_path)
    after = staffetta("queue", "--agency", "pa.penc", "--json", cwd=tmp_path)

    assert json.loads(before.stdout) == json.loads(after.stdout)
    assert json.loads(after.stdout).keys() == {"error", "remedy"}


def test_the_doctor_names_what_is_missing_and_fails(tmp_path: Path) -> None:
    asked = staffetta("doctor", "--json", cwd=tmp_path)

    found = {check["name"]: check for check in json.loads(asked.stdout)}
    assert asked.returncode == 1
    assert found["Python"]["well"]
    assert not found["endpoints"]["well"] and found["endpoints"]["remedy"]


def test_the_doctor_tells_a_service_that_waits_from_one_that_is_silent() -> None:
    silent = doctor.service("referral", "http://127.0.0.1:9")

    assert not silent.well
    assert "referral.log" in silent.remedy


def test_help_costs_less_than_half_a_second_and_loads_nothing_heavy() -> None:
    heavy = ("aiokafka", "pymongo", "httpx", "joserfc", "pydantic", "fastapi")
    look = f"import services.cli.__main__, sys; print([m for m in {heavy!r} if m in sys.modules])"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, cwd=ROOT)

    assert loaded.stdout.strip() == "[]", loaded.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_the_help_of_answer_lists_every_reason_an_agency_may_give(tmp_path: Path) -> None:
    page = staffetta("answer", "--help", cwd=tmp_path, LANG="it_IT.UTF-8").stdout

    assert "no_capacity" in page and "served_completed" in page and "person_request" in page
    assert "Documenti mancanti" in page
    assert "consent_withdrawn" not in page


def test_the_help_of_answer_lists_what_each_command_needs_as_the_table_says(tmp_path: Path) -> None:
    said = staffetta("answer", "--help", cwd=tmp_path, COLUMNS="4000").stdout
    needed = {line.split(":")[0].strip(" │"): line for line in said.splitlines() if "--field" in line}

    assert "--field person_still_interested=true|false" in needed["confirm_seat"]
    assert all(f"--field {name}=" in needed["start"] for name in ("first_contact_at", "contact_mode"))
    assert "--field requested_by=person|sender" in needed["withdraw"]
    assert "--field next_agency=" in needed["pass_on"] and "--reason" in needed["pass_on"]
    assert "contact_mode: " in said and "failed_rule: " in said
    assert "reply_by" not in said


def test_a_command_that_is_stopped_says_so_without_a_trace(tmp_path: Path) -> None:
    look = "import os, signal, services.cli.doctor as d; d.python = lambda: os.kill(os.getpid(), signal.SIGINT)"
    run = f"{look}; from services.cli.__main__ import main; main()"

    asked = subprocess.run([sys.executable, "-c", run, "doctor"], cwd=ROOT, capture_output=True, text=True)

    assert asked.returncode == 130
    assert asked.stderr.strip() == "staffetta: stopped"


# -- the directory -----------------------------------------------------------------------------------------------------


def test_the_file_of_the_runbook_is_right_as_it_stands(tmp_path: Path) -> None:
    section = (ROOT / "docs/operating.md").read_text("utf-8").partition("## Add an agency")[2]
    (tmp_path / "agency.json").write_text(section.partition("```json\n")[2].partition("```")[0], "utf-8")

    asked = staffetta("directory", "load", "--check", "agency.json", cwd=tmp_path)

    assert (asked.stdout, asked.stderr) == ("The file is right: 1 agency and 1 offer\n", "")
    assert asked.returncode == 0


def test_a_directory_file_with_a_slip_of_the_pen_is_told_where(tmp_path: Path) -> None:
    stated = json.loads((ROOT / "tests/samples/directory.palermo.json").read_text("utf-8"))
    stated["offers"][0]["admision"] = stated["offers"][0].pop("admission")
    _write(tmp_path / "agency.json", stated)

    asked = staffetta("directory", "load", "agency.json", "--check", cwd=tmp_path)
    as_json = staffetta("directory", "load", "agency.json", "--check", "--json", cwd=tmp_path)

    assert "agency.json: /offers/0/admision: is no field here: is `admission` meant? (unknown_field)" in asked.stderr
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "/offers/0/admision" in json.loads(as_json.stdout)["error"]


def test_a_directory_is_loaded_where_the_endpoints_say_kafka_is(tmp_path: Path) -> None:
    _write(tmp_path / ".staffetta" / "endpoints.json", {"kafka": "127.0.0.1:9"})

    asked = staffetta("directory", "load", str(ROOT / "tests/samples/directory.palermo.json"), cwd=tmp_path)

    assert asked.returncode == 1
    assert asked.stderr.startswith("staffetta: Kafka does not answer at 127.0.0.1:9 (")
    assert len(asked.stderr.splitlines()) == 1


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_a_token_is_good_for_who_knows_the_local_issuers_public_key(tmp_path: Path) -> None:
    known = issuer.token_environment(tmp_path)
    keys = KeySet.import_key_set(json.loads(Path(known["TOKEN_JWKS"]).read_text("utf-8")))

    token = jwt.decode(tokens.sign(tmp_path, agency="pa.penc", roles=["ops"], minutes=5), keys, algorithms=["ES256"])

    assert token.claims["iss"] == known["TOKEN_ISSUER"] and token.claims["aud"] == known["TOKEN_AUDIENCE"]
    assert token.claims["agency"] == "pa.penc" and token.claims["roles"] == ["ops"]
    assert token.claims["exp"] - token.claims["iat"] == 300


def test_without_the_local_issuer_one_is_told_where_a_token_may_come_from(tmp_path: Path) -> None:
    with pytest.raises(CannotDo) as fault:
        tokens.sign(tmp_path, agency="pa.penc", roles=[], minutes=5)

    assert "STAFFETTA_TOKEN" in fault.value.remedy
    assert "from here upwards" in fault.value.remedy and "--endpoints" in fault.value.remedy


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_a_file_with_one_unreadable_line_is_not_sent_at_all(tmp_path: Path) -> None:
    file = tmp_path / "intakes.jsonl"
    file.write_text(json.dumps(INTAKE) + "\n" + '{"tier0": {}}' + "\n", "utf-8")

    with pytest.raises(CannotDo) as fault:
        submit.read(file)

    assert fault.value.reason.startswith("Line 2 ") and "nothing was sent" in fault.value.reason
    assert fault.value.status == 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"idempotency_key": "k" * 129}, "idempotency_key"),
        ({"idempotency_key": "two\tparts"}, "idempotency_key"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"tier2": {"narrative": "x" * 1_000_000}}, "256 kB"),
    ],
)
def test_a_line_whose_answer_nobody_could_find_or_that_no_broker_takes_is_named_and_nothing_is_sent(
    tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    """The relay refuses it too, and cannot say in its answer which it was."""
    file = tmp_path / "intakes.jsonl"
    file.write_text(json.dumps(INTAKE) + "\n" + json.dumps(INTAKE | changed), encoding="utf-8")

    with pytest.raises(CannotDo, match=r"Line 2 .*nothing was sent") as fault:
        submit.read(file)

    assert told in fault.value.reason + fault.value.remedy


def test_the_same_line_twice_waits_for_one_answer_and_other_content_under_its_key_for_another() -> None:
    changed = INTAKE | {"occurred_at": "2026-10-27T09:03:00+01:00"}
    answers = submit.Answers([_line(1, INTAKE), _line(2, INTAKE), _line(3, changed)])
    accepted = wire.Entry("pa.comune", "1", "command.accepted", {"asked": {"command_id": INTAKE["idempotency_key"]}})
    refused = wire.Entry("pa.comune", "2", "command.rejected", {"asked": {"command_id": INTAKE["idempotency_key"]}})

    taken = [answers.take(accepted), answers.wanted, len(answers.missing)]
    answers.take(refused)

    assert taken == [True, 2, 1]
    assert answers.missing == []


def test_another_agencys_answer_to_the_same_name_is_not_ours() -> None:
    answers = submit.Answers([_line(1, INTAKE)])
    other = wire.Entry("pa.penc", "1", "command.accepted", {"asked": {"command_id": INTAKE["idempotency_key"]}})

    assert not answers.take(other)
    assert answers.missing == [("pa.comune", INTAKE["idempotency_key"])]


@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        ("open", {}, "Choose one of: "),
        ("accept", {"reason": "other"}, "takes no --reason"),
        ("close", {"reason": "other"}, "close takes --outcome"),
        ("start", {"stated": ["first_contact_at"]}, "name=value"),
        ("start", {"stated": ["contact_moed=phone"]}, "no field contact_moed"),
        ("start", {"stated": ["first_contact_at=yesterday"]}, "first_contact_at is a time"),
        ("confirm_seat", {"stated": ["person_still_interested=perhaps"]}, "person_still_interested is true|false"),
    ],
)
def test_what_the_command_line_itself_has_wrong_is_said_before_anything_is_sent(
    tmp_path: Path, command: str, options: dict[str, Any], sentence: str
) -> None:
    file = _write(tmp_path / "endpoints.json", {"services": {"gateway": "http://127.0.0.1:9"}})
    none: dict[str, Any] = {"reason": None, "outcome": None, "text": None, "stated": (), "expected_version": None}

    with pytest.raises(CannotDo) as fault:
        answer.answer(
            Session(Options(endpoints=file)), "0d4d8f1e-6d6a-4f5c-9b0e-6f3c1f0f8a11", command,
            agency="pa.penc", **none | options,
        )  # fmt: skip

    assert sentence in f"{fault.value.reason} {fault.value.remedy}"
    assert fault.value.status == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("person_still_interested=true", True),
        ("order_rule_version=3", 3),
        ("documents=cf,passport", ["cf", "passport"]),
        ("first_contact_at=2026-11-24T09:00:00+01:00", "2026-11-24T08:00:00Z"),
        ("contact_mode=phone", "phone"),
        ("next_agency=1.2", "1.2"),
    ],
)
def test_a_field_is_sent_as_the_type_that_the_commands_model_gives_it(text: str, value: object) -> None:
    assert fields.pair(text) == (text.partition("=")[0], value)


def test_now_is_a_time() -> None:
    name, value = fields.pair("first_contact_at=now")

    assert name == "first_contact_at"
    assert datetime.fromisoformat(value).tzinfo is not None


@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        ({"code": "missing_field", "pointer": "/person_still_interested", "allowed": ["confirm_seat"]},
         "Add --field person_still_interested=true|false."),
        ({"code": "missing_field", "pointer": "/requested_by", "allowed": ["withdraw"]},
         "Add --field requested_by=person|sender|receiver|coordinator."),
        ({"code": "missing_text", "pointer": "/text", "allowed": ["decline"]}, "Add --text TEXT."),
        ({"code": "invalid_transition", "allowed": ["accept", "decline"]}, "Taken would be: accept, decline."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_add_or_what_would_be_taken(refusal: dict[str, Any], hint: str) -> None:
    assert answer._remedy(refusal) == hint


# -- how it is told ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "told"), [("2026-07-01T10:00:00Z", "12:00"), ("2026-12-01T10:00:00+00:00", "11:00")]
)
def test_times_are_those_of_italian_clocks_in_summer_and_winter(instant: str, told: str) -> None:
    assert words.Words("it").at(instant).endswith(told)


def test_what_is_late_says_by_how_much() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    assert words.Words("it").left(now + timedelta(hours=1, minutes=5), now) == "tra 1 h 05 min"
    assert words.Words("en").left(now - timedelta(days=2, hours=3), now) == "late by 2 d 3 h"


def test_a_board_does_not_name_a_sensitive_service_and_a_partys_page_does() -> None:
    italian = words.Words("it")

    assert italian.service_on_a_board("protection.gbv") == "Servizio riservato"
    assert "iservat" not in italian.service("protection.gbv")
    assert italian.service_on_a_board("health.primary") == italian.service("health.primary")


@pytest.mark.parametrize(
    ("spoken", "language"), [("it_IT.UTF-8", "it"), ("it", "it"), ("en_GB.UTF-8", "en"), ("", "en")]
)
def test_the_machines_language_is_used(spoken: str, language: str) -> None:
    assert words.language({"LANG": spoken}) == language


def _write(file: Path, known: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known), "utf-8")
    return file


def _line(number: int, intake: dict[str, Any]) -> submit.Line:
    return submit.Line(number, intake["tier0"]["sender_agency"], intake["idempotency_key"], intake)
