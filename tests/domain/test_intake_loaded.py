"""What intake's commands are about is loaded for a whole batch at once."""

from typing import Any, cast
from uuid import uuid4

from contracts import catalogue, topics
from contracts.commands import AskOneMore
from contracts.erasure import ErasePerson
from contracts.identity import SeekTwins
from services.intake import store


def test_every_command_says_what_it_will_load_but_those_that_look_for_all_of_a_person() -> None:
    asked = {row.model for row in catalogue.INSIDE if row.topic is topics.INTAKE_COMMANDS}

    assert asked - store.LOADED.keys() == {AskOneMore, ErasePerson}
    assert store.LOADED.keys() <= asked
    assert {name for names in store.LOADED.values() for name in names} == set(store.AGGREGATES)


def test_it_is_loaded_under_the_key_of_the_command() -> None:
    seek, unused = SeekTwins(intake_id=uuid4()), cast(Any, None)

    assert store.ahead(seek, unused) == [("intakes", str(seek.intake_id)), ("personal", str(seek.intake_id))]
