"""What a desk is shown of two people who may be one, and what it may say of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.identity import DuplicateDecided, DuplicateSuspected
from services.console.domain import access, twins
from services.console.domain.access import Actor
from tests.builders import INTAKE_ID, NOW

ABOUT: dict[str, Any] = {
    "intake_id": INTAKE_ID, "pair_id": UUID(int=7), "at": NOW, "sender_agency": "pa.mobile",
    "sender_queue": "pa.mobile.team", "city": "palermo", "service": "health.primary", "person_refs": ("p_2", "p_1"),
    "turn": 0,
}  # fmt: skip
LATER = NOW + timedelta(days=3)
SUSPECTED = twins.after(None, DuplicateSuspected(**ABOUT, reasons=("similar_name",)))


def after(*decisions: str) -> dict[str, Any]:
    row = SUSPECTED
    for decision in decisions:
        row = twins.after(row, DuplicateDecided(**ABOUT, decision=decision, by="pa.mobile"))
    return row


@pytest.mark.parametrize(
    ("decisions", "desk", "coordinator"),
    [
        ((), twins.CHOICES, ()),
        (("later",), twins.CHOICES, ()),
        (("same",), ("undo",), ("undo",)),
        (("different",), (), ()),
        (("later", "same", "undone"), (), ()),
    ],
)
def test_a_desk_decides_what_is_open_and_a_link_is_undone_by_it_or_the_coordination(
    decisions: tuple[str, ...], desk: tuple[str, ...], coordinator: tuple[str, ...]
) -> None:
    row = after(*decisions)

    assert twins.choices(row, frozenset({"sender"})) == desk
    assert twins.choices(row, frozenset({"coordinator"})) == coordinator
    assert twins.choices(row, frozenset()) == ()


def test_the_reasons_stay_when_it_is_decided() -> None:
    assert after("later")["reasons"] == ["similar_name"]


@pytest.mark.parametrize("decisions", [(), ("later",)])
def test_a_desk_that_is_asked_in_the_place_of_another_reads_when_it_was_asked_and_nothing_of_what_the_other_said(
    decisions: tuple[str, ...],
) -> None:
    asked = ABOUT | {"sender_agency": "pa.comune", "sender_queue": "pa.comune.desk", "person_refs": ("p_1", "p_2")}

    row = twins.after(after(*decisions), DuplicateSuspected(**asked | {"at": LATER}, reasons=("same_language",)))

    assert (row["state"], row["asked_at"], row["reasons"]) == ("suspected", LATER, ["same_language"])
    assert (row["sender_agency"], row["person_refs"]) == ("pa.comune", ["p_1", "p_2"])


def test_what_the_desk_before_said_and_is_read_late_changes_nothing_for_the_one_that_is_asked() -> None:
    asked = ABOUT | {"sender_agency": "pa.comune", "intake_id": UUID(int=9), "turn": 2}
    row = twins.after(SUSPECTED, DuplicateSuspected(**asked, reasons=("same_language",)))

    put_off = DuplicateDecided(**ABOUT | {"turn": 1}, decision="later", by="pa.mobile")

    assert twins.after(row, put_off) == row
    assert twins.after(row, DuplicateSuspected(**ABOUT, reasons=("similar_name",))) == row


def test_the_desk_that_met_the_person_sees_it_and_its_coordinator_and_nobody_else() -> None:
    def seen_as(agency: str, *roles: str, cities: tuple[str, ...] = ()) -> frozenset[str]:
        actor = Actor("s", "n", agency, frozenset(roles), cities=frozenset(cities))
        return access.relations(access.grants(actor, NOW), SUSPECTED)

    assert seen_as("pa.mobile", "caseworker") == {"sender"}
    assert seen_as("pa.comune", "coordinator", cities=("palermo",)) == {"coordinator"}
    assert seen_as("pa.comune", "caseworker") == frozenset()
    assert seen_as("to.comune", "coordinator", cities=("torino",)) == frozenset()
