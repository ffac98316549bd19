"""Every word of a state, an outcome, a priority or a role has its meaning, and each link to one arrives."""

import re
from importlib.resources import files

import pytest

from contracts import codes
from services.console.domain import access
from services.console.glossary import LABELLED, entries

LINK = re.compile(r'term\("([a-z_]+)-([A-Za-z_]*)"')
TEMPLATES = {p.name: p.read_text("utf-8") for p in files("services.console").joinpath("templates").iterdir()}


@pytest.mark.parametrize("part", LABELLED)
def test_every_label_of_a_state_an_outcome_and_a_priority_has_a_meaning(part):
    meant = {entry.id.removeprefix(f"{part}-"): entry.term for entry in entries()[part]}

    assert meant == {code: item["label"] for code, item in codes.codes(*LABELLED[part]).items()}


def test_every_role_and_every_side_of_a_referral_has_a_meaning():
    known = {entry.id for part in entries().values() for entry in part}

    assert {f"roles-{role}" for role in access.ROLES} <= known
    assert {"words-sender", "words-receiver", "words-glass", "roles-coordinator"} <= known


def test_every_meaning_is_there_in_both_languages_and_once():
    every = [entry for part in entries().values() for entry in part]

    assert all(entry.term[language] and entry.meaning[language] for entry in every for language in ("it", "en"))
    assert all(entry.meaning["it"] != entry.meaning["en"] for entry in every)
    assert len({entry.id for entry in every}) == len(every)


def test_a_term_of_a_page_leads_to_its_meaning():
    parts = {part: {entry.id for entry in of} for part, of in entries().items()}
    links = {link for text in TEMPLATES.values() for link in LINK.findall(text)}

    assert {"states", "words", "closure_outcomes"} <= {part for part, _ in links}
    assert {part for part, _ in links} <= parts.keys()
    assert not [link for link in links if link[1] and "-".join(link) not in parts[link[0]]]
