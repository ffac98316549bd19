"""Who may see which referral, and that what the store is asked for and what a page may show agree."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.domain import access
from services.console.domain.access import Actor, grants, open_to, relations

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


def a_row(**fields):
    return {
        "_id": "r-1", "sender_agency": "pa.comune", "sender_queue": "pa.comune.desk", "receiver_agency": "pa.penc",
        "receiver_queue": "pa.penc.safe_space", "read_until": LATER, "cities": ["palermo"],
    } | fields  # fmt: skip


def an_actor(agency="pa.penc", *roles, **fields):
    known = {name: frozenset(values) for name, values in fields.items()}
    return Actor("s-1", "Rossella Prova", agency, frozenset(roles or ("caseworker",)), **known)


def seen_as(actor, row, glass=frozenset()):
    return relations(grants(actor, NOW, glass), row)


def test_both_agencies_of_a_referral_see_it_as_what_they_are():
    assert seen_as(an_actor("pa.comune"), a_row()) == {"sender"}
    assert seen_as(an_actor("pa.penc"), a_row()) == {"receiver"}
    assert seen_as(an_actor("pa.accura"), a_row()) == set()


def test_a_referral_is_a_grant_to_its_receiver_for_its_time():
    assert seen_as(an_actor("pa.penc"), a_row(read_until=BEFORE)) == set()
    assert seen_as(an_actor("pa.penc"), a_row(read_until=None)) == set()
    assert seen_as(an_actor("pa.comune"), a_row(read_until=None)) == {"sender"}


def test_a_caseworker_of_one_queue_sees_that_queue_and_a_supervisor_all():
    of_another = an_actor("pa.penc", "caseworker", queues={"pa.penc.other"})
    supervisor = an_actor("pa.penc", "supervisor", queues={"pa.penc.other"})

    assert seen_as(of_another, a_row()) == set()
    assert seen_as(supervisor, a_row()) == {"receiver"}


def test_a_coordinator_sees_the_own_cities():
    assert seen_as(an_actor("pa.comune", "coordinator", cities={"palermo"}), a_row()) == {"coordinator"}
    assert seen_as(an_actor("pa.comune", "coordinator", cities={"roma"}), a_row()) == set()


@pytest.mark.parametrize("role", ["auditor", "national", "ops"])
def test_who_watches_the_network_sees_no_person(role):
    assert seen_as(an_actor("pa.comune", role), a_row()) == set()
    assert seen_as(an_actor(None, role), a_row()) == set()


def test_broken_glass_opens_one_referral():
    actor = an_actor("pa.accura")

    assert seen_as(actor, a_row(), frozenset({"r-1"})) == {"glass"}
    assert seen_as(actor, a_row(_id="r-2"), frozenset({"r-1"})) == set()


def test_who_owes_a_receipt_sees_that_and_as_nothing_else_until_it_is_given():
    gone = a_row(read_until=None, owes="deletion_receipt")
    receiver, of_another = an_actor("pa.penc"), an_actor("pa.penc", "caseworker", queues={"pa.penc.other"})

    assert relations(access.debts(receiver), gone) == access.OWING
    assert seen_as(receiver, gone) == set(), "no list of referrals shows it"
    for actor in (of_another, an_actor("pa.comune"), an_actor("pa.penc", "auditor"), an_actor(None, "ops")):
        assert relations(access.debts(actor), gone) == set()
    assert relations(access.debts(receiver), gone | {"owes": None}) == set()
    assert relations(access.debts(receiver), a_row()) == set(), "of what was kept before"


ROWS = st.builds(
    a_row,
    _id=st.sampled_from(["r-1", "r-2"]),
    open=st.booleans(),
    sender_agency=st.sampled_from(["a", "b"]),
    sender_queue=st.sampled_from(["q1", "q2"]),
    receiver_agency=st.sampled_from([None, "a", "b"]),
    receiver_queue=st.sampled_from([None, "q1", "q2"]),
    read_until=st.sampled_from([None, BEFORE, LATER]),
    cities=st.lists(st.sampled_from(["roma", "palermo"]), max_size=2),
)
ACTORS = st.builds(
    Actor,
    subject=st.just("s"),
    name=st.just("n"),
    agency=st.sampled_from([None, "a", "b"]),
    roles=st.frozensets(st.sampled_from(sorted(access.ROLES))),
    queues=st.frozensets(st.sampled_from(["q1", "q2"])),
    cities=st.frozensets(st.sampled_from(["roma", "palermo"])),
)


def kept_by(where, row) -> bool:
    """What a store that knows `$in` and `$gt` keeps."""
    return all(matches(row.get(field), wanted) for field, wanted in where.items())


def matches(value, wanted) -> bool:
    held = value if isinstance(value, list) else [value]
    if isinstance(wanted, dict) and "$in" in wanted:
        return bool(set(held) & set(wanted["$in"]))
    if isinstance(wanted, dict):
        return value is not None and value > wanted["$gt"]
    return wanted in held


def as_drawn(row):
    """With what the read model says beside it."""
    shown = row["open"] and row["read_until"] == LATER
    return row | {"shown_to": row["receiver_agency"] if shown else None}


@given(ACTORS, ROWS.map(as_drawn), st.frozensets(st.sampled_from(["r-1", "r-2"])))
def test_the_lists_hold_exactly_what_is_open_and_seen_as_this(actor, row, glass):
    for grant in grants(actor, NOW, glass):
        seen = grant.relation in relations((grant,), row)

        assert any(kept_by(where, row) for where in open_to(grant)) == (seen and row["open"])


def test_a_coordinator_reads_of_notes_what_the_coordination_wrote():
    seen = {by: access.reads_note(frozenset({"coordinator"}), by) for by in ("sender", "receiver", "coordinator", None)}

    assert seen == {"sender": False, "receiver": False, "coordinator": True, None: False}
    assert all(access.reads_note(frozenset({side}), "coordinator") for side in ("sender", "receiver"))
    assert not access.reads_note(frozenset({"glass"}), "coordinator")
