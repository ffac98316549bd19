"""What the gateway makes of the bytes that an agency sends: a message, or a refusal that echoes nothing."""

import codecs
import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import catalogue
from contracts.codes import codes, commands_on_referrals, door_refusal
from contracts.refusals import Refusal
from contracts.values import MAX_BODY_BYTES
from services.gateway import reading
from services.gateway.domain.door import Read
from tests.builders import Entry, a_draft, a_statement, an_intake

BAD = Path(__file__).parents[1] / "samples/bad_input"
INDEX: list[Entry] = json.loads((BAD / "index.json").read_text("utf-8"))["items"]
AT_READING = [i for i in INDEX if i["expected"]["stage"] in ("parse", "schema")]
LATER = [i for i in INDEX if i["expected"]["stage"] not in ("parse", "schema")]

SUBMIT = "staffetta.intake.submit.v1"
SECRET = "Quaglia Zefirina"


def read(value: Any, type: str | None = SUBMIT, id: str | None = "m-1") -> Read:
    return reading.read(value if isinstance(value, bytes) else json.dumps(value).encode(), id=id, type=type)


def refused(value: Any, type: str | None = SUBMIT, id: str | None = "m-1") -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        read(value, type, id)
    return refusal.value.code, refusal.value.pointer


def with_field(path: str, value: Any) -> Entry:
    """An intake with one field replaced; path as in a pointer."""
    intake: Any = an_intake()
    *way, last = path.strip("/").split("/")
    at = intake
    for part in way:
        at = at[int(part) if part.isdigit() else part]
    at[last] = value
    return dict(intake)


def of_type(item: Entry) -> str:
    if item["message"] == "command":
        return f"staffetta.referral.{json.loads((BAD / item['file']).read_bytes())['command']}.v1"
    return str(item.get("type", SUBMIT))


# -- the samples ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("item", AT_READING, ids=lambda i: i["file"])
def test_a_sample_that_cannot_be_read_is_refused_as_its_index_says(item: Entry) -> None:
    value, expected = (BAD / item["file"]).read_bytes(), item["expected"]

    if expected["outcome"] == "rejected":
        code, pointer = refused(value, of_type(item))
        assert (code, pointer if expected["pointer"] is not None else None) == (expected["code"], expected["pointer"])
    else:
        assert expected["code"] in read(value, of_type(item)).flags


@pytest.mark.parametrize("item", LATER, ids=lambda i: i["file"])
def test_a_sample_that_is_wrong_only_by_a_rule_is_read(item: Entry) -> None:
    value = (BAD / item["file"]).read_bytes()

    message = read(value, of_type(item))

    assert message.flags == ()


# -- bytes ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "empty_body"),
        (b" ", "malformed_json"),
        (codecs.BOM_UTF8, "malformed_json"),
        (codecs.BOM_UTF8 * 2 + b"{}", "malformed_json"),
        (b"{}{}", "malformed_json"),
        (b"{'a':1}", "malformed_json"),
        (b'{"a":01}', "malformed_json"),
        (b'{"a":1,}', "malformed_json"),
        (b'{"a":"\x00"}', "malformed_json"),
        (b'{"a":Infinity}', "malformed_json"),
        (b'{"a":-Infinity}', "malformed_json"),
        (b'{"a":NaN}', "malformed_json"),
        (b'{"a":"\xed\xa0\x80"}', "invalid_encoding"),
        ('{"a":"è"}'.encode("utf-16"), "invalid_encoding"),
        (b'{"a":"\\udc00"}', "invalid_unicode"),
        (b'{"\\ud800":1}', "invalid_unicode"),
        (b'{"a":1,"\\u0061":2}', "duplicate_key"),
        (b'{"a":[{"b":1,"b":1}]}', "duplicate_key"),
        (b"[" * 33 + b"]" * 33, "too_deep"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
        (b"[" * 200_000, "too_deep"),
        (b'"' + b"x" * MAX_BODY_BYTES, "too_large"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_one_json_value_are_refused(value: bytes, code: str) -> None:
    assert refused(value) == (code, None)


def test_as_many_levels_as_allowed_are_read_and_brackets_in_texts_do_not_count() -> None:
    deep = b"[" * 32 + b'"[[[[\\"[[["' + b"]" * 32

    assert refused(deep) == ("wrong_type", "")


def test_a_body_of_quotes_alone_does_not_take_long() -> None:
    assert refused(b'"\\' * (MAX_BODY_BYTES // 2))[0] == "malformed_json"


@pytest.mark.parametrize("digits", ["9" * 5000, "-" + "9" * 5000, "9" * 21, "1e999", str(2**70)])
def test_a_number_too_large_for_us_is_out_of_range_where_a_number_belongs(digits: str) -> None:
    value = json.dumps(with_field("/tier0/household_size", "N")).replace('"N"', digits).encode()

    assert refused(value)[1] == "/tier0/household_size"
    assert refused(value)[0] == "number_out_of_range"


# -- attributes -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("type", "id", "code"),
    [
        (SUBMIT, None, "missing_field"),
        (SUBMIT, "", "missing_field"),
        (None, "m-1", "missing_field"),
        (SUBMIT, "x" * 129, "string_too_long"),
        (SUBMIT, "a\nb", "control_character"),
        ("staffetta.intake.submit.v9", "m-1", "unsupported_version"),
        ("staffetta.referral.accept.v2", "m-1", "unsupported_version"),
        ("staffetta.intake.submit.v01", "m-1", "unknown_type"),
        ("staffetta.intake.submit", "m-1", "unknown_type"),
        ("staffetta.intake.delete.v1", "m-1", "unknown_type"),
        ("staffetta.referral.accepted.v1", "m-1", "unknown_type"),
        ("staffetta.referral.sent.v1", "m-1", "unknown_type"),
        ("staffetta.command.accepted.v1", "m-1", "unknown_type"),
        ("com.example.thing", "m-1", "unknown_type"),
    ],
)
def test_a_message_without_a_usable_id_or_type_is_refused(type: str | None, id: str | None, code: str) -> None:
    assert refused(an_intake(), type, id) == (code, None)


@pytest.mark.parametrize(
    ("type", "id", "attribute"), [(SUBMIT, None, "id"), (None, "m-1", "type"), (SUBMIT, "a\nb", "id")]
)
def test_which_attribute_is_missing_or_wrong_is_said_where_no_pointer_into_the_value_can(
    type: str | None, id: str | None, attribute: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        read(an_intake(), type, id)

    assert f"the attribute {attribute} of CloudEvents" in refusal.value.message


@pytest.mark.parametrize("command", ["offer_seat", "expire", "decline_full", "escalate", "revoke"])
def test_a_command_that_is_the_systems_own_is_not_authorised_from_outside(command: str) -> None:
    assert refused(a_statement(command), f"staffetta.referral.{command}.v1") == ("not_authorised", None)


@pytest.mark.parametrize("row", [r for r in catalogue.INSIDE if r.topic.kind == "commands"], ids=lambda r: r.type)
def test_what_our_services_ask_of_one_another_is_not_authorised_from_outside(row: catalogue.Row) -> None:
    assert refused(an_intake(), row.type) == ("not_authorised", None)


@pytest.mark.parametrize("person", [(), ("supervisor",), ("coordinator",), ("coordinator", "supervisor")])
@pytest.mark.parametrize("command", sorted({row["command"] for row in commands_on_referrals()}))
def test_a_command_is_taken_only_from_whom_it_is_switched_on_for(command: str, person: tuple[str, ...]) -> None:
    type, value = f"staffetta.referral.{command}.v1", a_draft() if command == "create" else a_statement(command)
    roles = frozenset(person)
    refusal = door_refusal(command, roles)

    if refusal:
        with pytest.raises(Refusal, match=refusal):
            reading.read(json.dumps(value).encode(), id="m-1", type=type, person=roles)
    else:
        assert type in reading.served(roles)
        assert reading.read(json.dumps(value).encode(), id="m-1", type=type, person=roles).kind == "command"


def test_an_agencys_system_is_not_told_of_what_it_may_not_say() -> None:
    assert "staffetta.referral.reopen.v1" not in reading.served()
    assert "staffetta.referral.reopen.v1" in reading.served(frozenset({"supervisor"}))
    assert set(reading.served()) < set(reading.SERVED)


def test_an_unknown_version_names_the_one_that_is_served() -> None:
    with pytest.raises(Refusal) as refusal:
        read(an_intake(), "staffetta.intake.submit.v9")

    assert refusal.value.allowed == (SUBMIT,)


def test_a_command_in_the_body_must_be_the_one_of_the_type() -> None:
    assert refused(a_statement("decline"), "staffetta.referral.accept.v1") == ("invalid_value", "/command")


# -- shape ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("/tier0", None, "wrong_type"),
        ("/tier0", [], "wrong_type"),
        ("/tier0/services", {}, "wrong_type"),
        ("/tier0/services", [], "missing_field"),
        ("/tier0/services", [{"service": "x"}] * 21, "invalid_value"),
        ("/tier0/sharing_basis", [], "missing_field"),
        ("/tier0/person_ref", "", "missing_field"),
        ("/tier0/person_ref", 7, "wrong_type"),
        ("/tier0/person_ref", {"$ne": 1}, "wrong_type"),
        ("/tier0/person_ref", "x" * 129, "string_too_long"),
        ("/tier0/person_ref", "a\tb", "control_character"),
        ("/tier0/sender_agency", "PA Comune", "invalid_format"),
        ("/tier0/household_size", 0, "number_out_of_range"),
        ("/tier0/household_size", -(2**70), "number_out_of_range"),
        ("/tier0/household_size", 1.0, "wrong_type"),
        ("/tier0/household_size", "1", "wrong_type"),
        ("/tier0/household_size", True, "wrong_type"),
        ("/tier0/in_reception", "true", "wrong_type"),
        ("/occurred_at", "2026-10-26T09:03:00", "invalid_format"),
        ("/occurred_at", "yesterday", "invalid_format"),
        ("/occurred_at", "1767225600", "invalid_format"),
        ("/occurred_at", "2026-13-26T09:03:00Z", "invalid_format"),
        ("/occurred_at", "0001-01-01T00:00:00+14:00", "invalid_format"),
        ("/occurred_at", "9999-12-31T23:59:59-14:00", "invalid_format"),
        ("/occurred_at", "9999-12-31T23:30:00Z", "invalid_format"),
        ("/occurred_at", "0001-01-01T00:30:00Z", "invalid_format"),
        ("/occurred_at", 1767225600, "wrong_type"),
        ("/occurred_at", None, "wrong_type"),
        ("/tier0/sharing_basis/0/valid_from", "2026-13-01", "invalid_format"),
        ("/tier0/sharing_basis/0/valid_from", "2026-10-01T10:00:00Z", "invalid_format"),
        ("/tier0/sharing_basis/0/valid_from", 1, "wrong_type"),
        ("/tier0/sharing_basis/0/surprise", 1, "unknown_field"),
        ("/tier1/name/given", "x" * 121, "string_too_long"),
        ("/tier2/narrative", "x" * 4001, "string_too_long"),
        ("/tier2/narrative", "a\u202eb", "control_character"),
        ("/idempotency_key", "a\u0000", "control_character"),
    ],
)
def test_a_field_of_the_wrong_shape_is_refused_where_it_is(path: str, value: Any, code: str) -> None:
    assert refused(with_field(path, value)) == (code, path)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("expected_version", -1, "number_out_of_range"),
        ("expected_version", 2**40, "number_out_of_range"),
        ("linked_referral_id", "ref-1", "invalid_format"),
        ("linked_referral_id", 3, "wrong_type"),
        ("documents", "x", "wrong_type"),
        ("role", "system", "unknown_field"),
        ("asked", {}, "unknown_field"),
        ("text_id", "5b1f0a52-6a0e-5c43-9d0a-0f6f1f3c9a11", "unknown_field"),
    ],
)
def test_a_command_carries_nothing_but_its_own_fields(field: str, value: Any, code: str) -> None:
    assert refused(a_statement(**{field: value}), "staffetta.referral.accept.v1") == (code, f"/{field}")


def test_right_to_left_letters_and_lines_of_a_text_are_welcome() -> None:
    intake = with_field("/tier2/narrative", "أمينة\nሰላም\tciao")

    assert read(intake).command_id == intake["idempotency_key"]


# -- what is answered -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", [SECRET, "x" * 65, "a\nb", "città"])
def test_a_key_that_does_not_look_like_a_field_is_not_named(key: str) -> None:
    assert refused(with_field(f"/tier1/{key}", 1)) == ("unknown_field", "/tier1")


def test_a_pointer_is_written_as_rfc_6901_says() -> None:
    assert reading.pointer(("tier0", "services", 0, "a/b~c")) == "/tier0/services/0/a~1b~0c"


@pytest.mark.parametrize(
    "item", [i for i in AT_READING if i["expected"]["outcome"] == "rejected"], ids=lambda i: i["file"]
)
def test_a_refusal_holds_nothing_of_what_was_sent(item: Entry) -> None:
    with pytest.raises(Refusal) as refusal:
        read((BAD / item["file"]).read_bytes(), of_type(item))

    assert refusal.value.__context__ is None
    assert refusal.value.__cause__ is None
    assert "Amina" not in "".join(traceback.format_exception(refusal.value)) + repr(vars(refusal.value))


def test_equal_content_is_known_again_however_it_is_written() -> None:
    intake = an_intake()
    again = codecs.BOM_UTF8 + json.dumps(dict(reversed(intake.items())), indent=3, ensure_ascii=False).encode()

    assert read(intake).content == read(again).content
    assert read(intake).content != read(with_field("/tier0/priority", "HIGH")).content


def test_a_refused_message_is_answered_under_the_name_that_its_sender_gave_it() -> None:
    unreadable = b'{"command_id": '
    misshapen = json.dumps({"command_id": "c-9", "surprise": 1}).encode()
    nameless = json.dumps({"command_id": "x" * 200}).encode()

    assert reading.names(unreadable, id="m-1") == ("m-1", "m-1")
    assert reading.names(misshapen, id="m-1") == ("c-9", "m-1")
    assert reading.names(json.dumps(an_intake("k-1")).encode(), id="m-1") == ("k-1", "m-1")
    assert reading.names(nameless, id="a\nb") == (None, None)


# -- for ever ---------------------------------------------------------------------------------------------------------
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PLACES = (
    *("idempotency_key", "occurred_at", "tier0", "tier1", "tier2", "tier0/services", "tier0/sharing_basis"),
    *(
        "tier0/language",
        "tier0/household_size",
        "tier0/withhold",
        "tier1/name",
        "tier1/birth_date",
        "tier2/identifiers",
    ),
)


def never_raises_but_a_refusal(value: bytes, type: str | None, id: str | None) -> None:
    try:
        read(value, type, id)
    except Refusal as refusal:
        assert refusal.code in codes("rejection_codes")
    reading.names(value, id=id)


@given(
    st.binary() | st.text().map(str.encode),
    st.none() | st.text() | st.sampled_from(reading.SERVED),
    st.none() | st.text(),
)
def test_whatever_bytes_come_they_are_read_or_refused(value: bytes, type: str | None, id: str | None) -> None:
    never_raises_but_a_refusal(value, type, id)


@given(JSON, st.sampled_from(reading.SERVED))
def test_whatever_json_comes_it_is_read_or_refused(value: Any, type: str) -> None:
    never_raises_but_a_refusal(json.dumps(value).encode(), type, "m-1")


@given(st.sampled_from(PLACES), JSON | st.datetimes().map(str) | st.dates().map(str))
def test_whatever_stands_in_a_field_of_an_intake_it_is_read_or_refused(place: str, value: Any) -> None:
    never_raises_but_a_refusal(json.dumps(with_field(place, value)).encode(), SUBMIT, "m-1")


@given(st.sampled_from([*a_statement(), "text", "documents", "first_contact_at", "linked_referral_id"]), JSON)
def test_whatever_stands_in_a_field_of_a_command_it_is_read_or_refused(field: str, value: Any) -> None:
    never_raises_but_a_refusal(
        json.dumps(a_statement() | {field: value}).encode(), "staffetta.referral.accept.v1", "m-1"
    )
