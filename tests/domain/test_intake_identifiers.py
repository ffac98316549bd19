"""Which identifiers can be what they say they are, and by what name the network knows a person."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codes
from services.intake.domain.identifiers import is_sound
from services.intake.domain.pseudonym import pseudonym

EXAMPLES = [(type, value) for type, known in codes.codes("identifiers").items() for value in known["examples"]]
FISCAL = "RSSMRA85T10A562S"


@pytest.mark.parametrize(("type", "value"), EXAMPLES)
def test_the_examples_of_the_reference_data_are_sound(type: str, value: str) -> None:
    assert is_sound(type, value)


@pytest.mark.parametrize("letter", "ABCDEFGHIJKLMNOPQRTUVWXYZ")
def test_a_tax_code_has_one_right_check_letter(letter: str) -> None:
    assert not is_sound("codice_fiscale", FISCAL[:-1] + letter)


def test_a_tax_code_may_be_written_in_small_letters() -> None:
    assert is_sound("codice_fiscale", f" {FISCAL.lower()} ")


@given(st.integers(0, 9), st.integers(0, 10))
def test_one_wrong_digit_of_a_numeric_tax_code_is_noticed(digit: int, place: int) -> None:
    right = "12345678903"
    wrong = right[:place] + str(digit) + right[place + 1 :]

    assert is_sound("codice_fiscale_numeric", wrong) == (wrong == right)


@pytest.mark.parametrize(
    ("type", "value"), [("stp", "STP123"), ("eni", "STP1909990000001"), ("case_code", "PA-26-ILOU")]
)
def test_an_identifier_of_another_shape_is_not_sound(type: str, value: str) -> None:
    assert not is_sound(type, value)


REFS = st.text(min_size=1, max_size=128)
AGENCIES = st.from_regex(r"[a-z]{2}\.[a-z]{1,12}", fullmatch=True)


@given(AGENCIES, REFS)
def test_a_pseudonym_is_short_opaque_and_the_same_each_time(agency: str, person_ref: str) -> None:
    name = pseudonym(b"key", agency, person_ref)

    assert re.fullmatch(r"p_[0-9A-HJKMNP-TV-Z]{20}", name)
    assert name == pseudonym(b"key", agency, person_ref)


@given(AGENCIES, REFS, REFS)
def test_two_people_have_two_pseudonyms_and_another_key_gives_others(agency: str, one: str, other: str) -> None:
    assert (pseudonym(b"key", agency, one) == pseudonym(b"key", agency, other)) == (one == other)
    assert pseudonym(b"key", agency, one) != pseudonym(b"another", agency, one)


def test_what_two_agencies_call_the_same_is_not_taken_for_one_person() -> None:
    assert pseudonym(b"key", "pa.penc", "p1") != pseudonym(b"key", "pa.accura", "p1")


def test_a_pseudonym_never_changes_for_a_given_key() -> None:
    assert pseudonym(b"key", "pa.penc", "p1") == "p_4WTRGGVPXPNV98DY4H5D"
