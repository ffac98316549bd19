"""Finding people by name: however it is spelled, by any of the names, and by whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.stated import PersonName
from services.http.tokens import Speaker
from services.intake.domain import naming, spelling

NAME = PersonName(given="Mohamed Amine", family="Ben Khaled")
LETTERS = st.text("abcdefghilmnoprstuvz", min_size=3, max_size=12).filter(lambda text: text not in spelling.PARTICLES)


def finds(asked: str, name: PersonName | None = NAME) -> bool:
    """Whether the index leads to the name, and the names agree."""
    parts = spelling.parts(asked)
    kept = naming.keys_of(naming.parts_of(name))
    return bool(set(naming.asked_keys(parts)) & set(kept)) and naming.is_called(parts, name)


@pytest.mark.parametrize("asked", [
    "Mohamed Amine Ben Khaled", "ben khaled", "MOHAMMED", "Muhamad", "ben khaléd, mohamed", "Benkhaled", "Bencaled",
    "Amin", "Mohamed  Benkhalid",
])  # fmt: skip
def test_a_name_is_found_by_any_of_its_parts_however_it_is_spelled(asked):
    assert finds(asked)


@pytest.mark.parametrize(
    "asked", ["Mohamed Rossi", "Fatima", "Mohamed Mohamed", "Mo", "Ben", "", "...", "Amine Aminata"]
)
def test_a_name_of_which_a_part_is_somebody_elses_finds_nobody(asked):
    assert not finds(asked)


def test_nobody_is_found_whose_name_is_not_known():
    assert not finds("Mohamed", None)
    assert not finds("Mohamed", PersonName())


@given(LETTERS, LETTERS, st.sampled_from(["given", "family"]))
def test_whoever_has_a_name_is_found_by_it_and_by_it_in_capitals(given_name, family, by):
    name = PersonName(given=given_name, family=family)

    assert finds(getattr(name, by), name)
    assert finds(f"{family} {given_name}".upper(), name)


@pytest.mark.parametrize("sign", ["\u3316", "\ufdfa", "a b", "al"])
def test_a_name_is_no_longer_for_being_written_in_few_signs(sign: str) -> None:
    parts = spelling.parts(sign * 120)

    assert len(parts) <= spelling.MOST_NAMES
    assert all(len(part) <= spelling.MOST_LETTERS for part in parts)
    assert sum(map(len, spelling.keys(parts))) < 20_000


@given(LETTERS.filter(lambda text: len(spelling.sound(text)) >= 5), st.integers(0, 11))
def test_a_long_name_is_found_though_a_letter_was_left_out(family, at):
    asked = family[: at % len(family)] + family[at % len(family) + 1 :]

    heard, asked_for = spelling.sound(family), spelling.sound(asked)
    near = len(heard) - len(asked_for) in (0, 1) and asked_for in {heard, *spelling.keys_alone(family)}
    assert not near or finds(asked, PersonName(family=family))


@pytest.mark.parametrize(("agency", "roles", "may"), [
    ("pa.comune", (), True), ("pa.comune", ("caseworker",), True), ("pa.comune", ("supervisor", "coordinator"), True),
    ("pa.comune", ("coordinator",), False), (None, ("auditor",), False), (None, (), False),
    (None, ("caseworker",), False),
])  # fmt: skip
def test_people_are_asked_for_by_those_who_work_for_an_agency(agency, roles, may):
    assert Speaker(sub="w-1", agency=agency, roles=frozenset(roles)).works is may


def test_who_is_written_as_asked_comes_before_who_sounds_alike():
    asked = spelling.parts("Amina Prova")
    names = [PersonName(given="Aminah", family="Prova"), PersonName(given="Amina", family="Prova")]

    assert [naming.closest(asked, name) for name in names] == [1, 0]
