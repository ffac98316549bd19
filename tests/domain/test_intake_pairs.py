"""Two people who may be one: suspected once, decided by those who were asked, undone for good; nothing is merged."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandAccepted
from contracts.identity import (
    DecidePair,
    DuplicateDecided,
    DuplicateEvent,
    DuplicateSuspected,
    IdentityLinked,
    IdentityUnlinked,
    UndoPair,
    pair_id,
)
from contracts.refusals import Refusal
from contracts.values import Asked
from services.intake.domain import pairs
from services.intake.domain.intake import Intake
from services.intake.domain.pairs import Pair, one_person
from tests.builders import NOW, a_recorded_intake, an_agency

P1, P2, P3 = "p_1", "p_2", "p_3"
COMUNE = an_agency("pa.comune")


def taken(at: datetime | None, **known: Any) -> Intake:
    """A meeting that came to the door then."""
    recorded = a_recorded_intake(**known)
    answer = CommandAccepted(asked=Asked(agency=recorded.sender_agency), subject=str(recorded.intake_id))
    return Intake(recorded, "", answer, taken_at=at)


FIRST = taken(NOW - timedelta(days=1), person_ref=P1)
LAST = taken(NOW, sender_agency="pa.mobile", sender_queue="pa.mobile.team", person_ref=P2)
BOTH = {"pa.comune", "pa.mobile"}
ASKS = pairs.asks_about(LAST, FIRST, ("similar_name", "same_language"))


def a_pair(**known: Any) -> Pair:
    pair, _ = pairs.suspect(None, ASKS, NOW)
    return Pair(**{name: getattr(pair, name) for name in Pair.__dataclass_fields__} | known)


def decided(decision: str, by: str = "pa.mobile") -> DecidePair:
    return DecidePair(pair_id=ASKS.pair_id, asked=Asked(agency=by, actor="op-3"), decision=decision, text="Lo stesso")


def undone(by: str = "pa.comune", *roles: str) -> UndoPair:
    return UndoPair(pair_id=ASKS.pair_id, asked=Asked(agency=by, actor="op-9", roles=roles), text="Due cugini")


def test_who_puts_it_off_for_ever_is_refused_in_the_end() -> None:
    pair = a_pair()
    for _ in range(pairs.MOST_DECISIONS):
        pair, _ = pairs.decide(pair, decided("later"), NOW)

    with pytest.raises(Refusal, match="invalid_transition"):
        pairs.decide(pair, decided("later"), NOW)
    assert pairs.decide(pair, decided("same"), NOW)[0].state == pairs.SAME


@pytest.mark.parametrize("before", [NOW - timedelta(days=1), None])
def test_the_desk_that_met_one_of_them_last_is_asked_whichever_is_found(before: datetime | None) -> None:
    """None: recorded before it was kept when an intake came."""
    first = taken(before, person_ref=P1)

    found = [pairs.asks_about(*pairs.in_order(*two, BOTH), ASKS.reasons) for two in ((first, LAST), (LAST, first))]

    assert set(found) == {ASKS}
    assert (ASKS.sender_agency, ASKS.person_refs) == ("pa.mobile", (P2, P1))
    assert pairs.met_last([LAST, first]) is LAST


def test_of_two_desks_the_one_that_works_is_asked() -> None:
    assert pairs.in_order(LAST, FIRST, {"pa.comune"}) == (FIRST, LAST)
    assert pairs.in_order(FIRST, LAST, {"pa.comune"}) == (FIRST, LAST)


OTHER_WAY = pairs.asks_about(FIRST, LAST, ("similar_name",))


@pytest.mark.parametrize("status", ["suspended", "left"])
@pytest.mark.parametrize("put_off", [0, 2])
def test_what_an_agency_that_works_no_more_did_not_decide_is_asked_of_the_other(status: str, put_off: int) -> None:
    pair = a_pair()
    for _ in range(put_off):
        pair, _ = pairs.decide(pair, decided("later"), NOW)

    after, (asked,) = pairs.suspect(pair, OTHER_WAY, NOW, an_agency("pa.mobile", status=status))

    assert isinstance(asked, DuplicateSuspected)
    assert (asked.pair_id, asked.sender_agency, asked.person_refs, asked.turn) == (
        ASKS.pair_id, "pa.comune", (P1, P2), put_off + 1)  # fmt: skip
    assert (after.agency, after.state, len(after.decisions)) == ("pa.comune", pairs.SUSPECTED, put_off)
    assert pairs.suspect(after, OTHER_WAY, NOW, COMUNE)[1] == [], "once"
    assert pairs.decide(after, decided("same", by="pa.comune"), NOW)[0].state == pairs.SAME
    with pytest.raises(Refusal, match="unknown_referral"):
        pairs.decide(after, decided("same", by="pa.mobile"), NOW)


def test_no_two_turns_of_a_pair_are_alike_though_a_desk_is_asked_about_the_same_meeting_again() -> None:
    left, right = an_agency("pa.mobile", status="suspended"), an_agency("pa.comune", status="suspended")
    pair, said = pairs.suspect(None, ASKS, NOW)
    for command, asked in ((OTHER_WAY, left), (ASKS, right)):
        pair, more = pairs.suspect(pair, command, NOW, asked)
        said += more
    pair, put_off = pairs.decide(pair, decided("later"), NOW)
    pair, ended = pairs.decide(pair, decided("same"), NOW)

    told = [m for m in [*said, *put_off, *ended] if isinstance(m, DuplicateEvent)]
    assert [(m.sender_agency, m.turn) for m in told] == [
        ("pa.mobile", 0), ("pa.comune", 1), ("pa.mobile", 2), ("pa.mobile", 3), ("pa.mobile", 4)
    ]  # fmt: skip
    versions = [m.version for m in [*put_off, *ended] if isinstance(m, CommandAccepted | IdentityLinked)]
    assert versions == [1, 2, 2], "as they are told under the name of the pair"
    assert pair.state == pairs.SAME


def test_what_was_decided_or_is_asked_of_who_works_stays_there() -> None:
    gone = an_agency("pa.mobile", status="left")

    for state in (pairs.SAME, pairs.DIFFERENT, pairs.UNDONE):
        assert pairs.suspect(a_pair(state=state), OTHER_WAY, NOW, gone)[1] == []
    assert pairs.suspect(a_pair(), ASKS, NOW, gone)[1] == []
    for asked in (an_agency("pa.mobile"), None):
        assert pairs.suspect(a_pair(), OTHER_WAY, NOW, asked)[1] == []


def test_a_suspicion_is_told_once_with_ids_and_codes_and_no_more() -> None:
    pair, said = pairs.suspect(None, ASKS, NOW)

    assert [type(message) for message in said] == [DuplicateSuspected]
    assert said[0].model_dump()["reasons"] == ("similar_name", "same_language")
    assert pair.person_refs == (P2, P1)
    for state in (pair.state, pairs.DIFFERENT, pairs.UNDONE):
        assert pairs.suspect(a_pair(state=state), ASKS, NOW)[1] == []


def test_a_pair_has_one_name_whoever_comes_first() -> None:
    assert pair_id([P1, P2]) == pair_id([P2, P1]) != pair_id([P1, P3])


def test_who_was_asked_decides_that_two_are_one_and_who_and_why_is_kept() -> None:
    pair, said = pairs.decide(a_pair(), decided("same"), NOW)

    assert [type(message) for message in said] == [CommandAccepted, IdentityLinked, DuplicateDecided]
    assert (pair.state, pair.version) == (pairs.SAME, 1)
    [kept] = pair.decisions
    assert (kept.agency, kept.actor, kept.decision, kept.text, kept.at) == (
        "pa.mobile",
        "op-3",
        "same",
        "Lo stesso",
        NOW,
    )
    assert all("Lo stesso" not in message.model_dump_json() for message in said)


@pytest.mark.parametrize(("decision", "state"), [("different", pairs.DIFFERENT), ("later", pairs.LATER)])
def test_two_who_are_not_one_and_what_is_put_off_link_nobody(decision: str, state: str) -> None:
    pair, said = pairs.decide(a_pair(), decided(decision), NOW)

    assert [type(message) for message in said] == [CommandAccepted, DuplicateDecided]
    assert pair.state == state


def test_a_coordinator_of_the_city_undoes_a_link_and_it_stays_undone() -> None:
    pair, said = pairs.undo(a_pair(state=pairs.SAME, version=1), undone("pa.comune", "coordinator"), COMUNE, NOW)

    assert [type(message) for message in said] == [CommandAccepted, IdentityUnlinked, DuplicateDecided]
    assert (pair.state, pair.decisions[-1].text) == (pairs.UNDONE, "Due cugini")
    with pytest.raises(Refusal, match="invalid_transition"):
        pairs.decide(pair, decided("same"), NOW)


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_a_coordinator_of_an_agency_that_does_not_work_undoes_nothing(status: str) -> None:
    speaker = an_agency("pa.comune", status=status)

    with pytest.raises(Refusal, match="unknown_referral"):
        pairs.undo(a_pair(state=pairs.SAME, version=1), undone("pa.comune", "coordinator"), speaker, NOW)


def test_who_decided_may_undo_it() -> None:
    pair, _ = pairs.undo(a_pair(state=pairs.SAME), undone("pa.mobile"), None, NOW)

    assert pair.state == pairs.UNDONE


@pytest.mark.parametrize("known", [None, a_pair()])
def test_to_others_a_suspicion_looks_like_none(known: Pair | None) -> None:
    for asked in (
        lambda: pairs.decide(known, decided("same", by="pa.accura"), NOW),
        lambda: pairs.undo(known, undone("pa.comune"), COMUNE, NOW),
        lambda: pairs.undo(known, undone("to.comune", "coordinator"), an_agency("to.comune", city="torino"), NOW),
    ):
        with pytest.raises(Refusal) as refusal:
            asked()
        assert (refusal.value.code, refusal.value.pointer) == ("unknown_referral", "/person_refs")


@pytest.mark.parametrize(
    ("state", "decision", "code"),
    [
        (pairs.SUSPECTED, "merge", "unknown_code"),
        (pairs.SUSPECTED, "undone", "unknown_code"),
        (pairs.SAME, "different", "invalid_transition"),
        (pairs.SAME, "later", "invalid_transition"),
        (pairs.DIFFERENT, "different", "invalid_transition"),
    ],
)
def test_what_cannot_be_decided_now_is_refused(state: str, decision: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        pairs.decide(a_pair(state=state), decided(decision), NOW)

    assert refusal.value.code == code


def test_only_a_link_can_be_undone() -> None:
    with pytest.raises(Refusal, match="invalid_transition"):
        pairs.undo(a_pair(), undone("pa.mobile"), None, NOW)


def test_names_that_are_linked_one_by_one_are_all_one_person_until_a_link_is_undone() -> None:
    first = a_pair(state=pairs.SAME)
    second = a_pair(pair_id=UUID(int=9), person_refs=(P1, P3), state=pairs.SAME)
    elsewhere = a_pair(pair_id=UUID(int=8), person_refs=("p_8", "p_9"), state=pairs.SAME)
    gone = a_pair(state=pairs.UNDONE)

    assert one_person(P2, [second, first, elsewhere]) == {P1, P2, P3}
    assert one_person(P2, [second, gone]) == {P2}
