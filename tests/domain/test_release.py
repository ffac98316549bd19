"""Who is told who a person is, from when, until when, and how much of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts import codes
from contracts.commands import EndAccess, GrantAccess
from contracts.events import IntakeRecorded, ReferralEvent
from services.intake.domain.access import ENDS, OPENS, Grant, asked_by, change
from services.intake.domain.pseudonym import is_pseudonym, pseudonym
from services.intake.domain.release import Parties, Verdict, Voice, is_covered, judge, may_read_text
from tests.builders import INTAKE_ID, NOW, REFERRAL_ID, TODAY, a_basis, a_recorded_intake, an_agency

DAY = timedelta(days=1)
BOTH = ("tier1", "tier2")
LATER_ID = UUID("00000000-0000-4000-8000-000000000002")


def a_grant(**known: Any) -> Grant:
    given: dict[str, Any] = {"referral_id": REFERRAL_ID, "intake_id": INTAKE_ID, "agency": "pa.accura", "version": 3}
    return Grant(**given | known)


def met(*bases: Any, **known: Any) -> IntakeRecorded:
    return a_recorded_intake(sharing_basis=bases or (a_basis(),), **known)


def judged(*intakes: IntakeRecorded, now: datetime = NOW, grant: Grant | None = None, **agency: Any) -> Verdict:
    return judge(intakes or (met(),), [grant or a_grant()], an_agency(**agency), now)


def an_event(state: str, **known: Any) -> ReferralEvent:
    given: dict[str, Any] = dict.fromkeys(ReferralEvent.model_fields) | {
        "referral_id": REFERRAL_ID, "journey_id": INTAKE_ID, "version": 3, "at": NOW, "by": "receiver", "hop": 0,
        "service": "health.primary", "priority": "MEDIUM", "sender_agency": "pa.comune", "sender_queue": "desk",
        "receiver_agency": "pa.accura", "receiver_told": True, "state": state,
    }  # fmt: skip
    return ReferralEvent(**given | known)


# -- what a basis covers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("basis", "tiers"),
    [
        ({"scope": "tier0"}, ()),
        ({"scope": "tier1"}, ("tier1",)),
        ({"scope": "tier2"}, BOTH),
        ({"scope": "tier2", "recipient": "pa.accura"}, BOTH),
        ({"scope": "tier2", "recipient": "pa.penc"}, ()),
        ({"scope": "tier2", "recipient": "city:milano"}, ()),
        ({"scope": "tier2", "purposes": ["appointment_contact"]}, ("tier1",)),
        ({"scope": "tier2", "purposes": ["care_coordination"]}, ("tier2",)),
        ({"scope": "tier2", "purposes": ["reporting_aggregate"]}, ()),
        ({"scope": "tier2", "purposes": []}, ()),
        ({"scope": "tier1", "valid_from": TODAY, "valid_to": TODAY}, ("tier1",)),
        ({"scope": "tier1", "valid_from": TODAY + DAY}, ()),
        ({"scope": "tier1", "valid_to": TODAY - DAY}, ()),
        ({"scope": "tier1", "withdrawn_at": NOW - DAY}, ()),
        ({"scope": "tier1", "refused": True}, ()),
    ],
)
def test_a_receiver_is_told_what_the_basis_covers_today_and_no_more(
    basis: dict[str, Any], tiers: tuple[str, ...]
) -> None:
    verdict = judged(met(a_basis(**basis)))

    assert verdict == Verdict(a_grant(), tiers, None if tiers else "not_covered")


def test_each_tier_may_have_a_basis_of_its_own() -> None:
    city, named = a_basis(scope="tier1"), a_basis("pa.accura", scope="tier2", purposes=["care_coordination"])

    assert judged(met(city, named)).tiers == BOTH


@pytest.mark.parametrize(
    ("role", "tiers"), [("public_body", ("tier1",)), ("delegated_partner", ("tier1",)), ("private_partner", ())]
)
def test_a_basis_for_a_city_does_not_cover_its_private_partners(role: str, tiers: tuple[str, ...]) -> None:
    assert judged(met(a_basis("city:palermo")), sharing_role=role).tiers == tiers
    assert judged(met(a_basis("pa.accura")), sharing_role=role).tiers == ("tier1",)


@pytest.mark.parametrize(
    "excluded",
    [
        {"withhold": ("pa.accura",)},
        {"sharing_basis": (a_basis(scope="tier2"), a_basis("pa.accura", scope="tier0", refused=True))},
        {"sharing_basis": (a_basis("pa.accura", scope="tier2"), a_basis("city:palermo", refused=True))},
    ],
)
def test_what_the_person_refused_wins_over_every_basis(excluded: dict[str, Any]) -> None:
    assert judged(a_recorded_intake(**excluded)).refused == "not_covered"


def test_a_day_ends_at_midnight_in_the_city_of_who_asks() -> None:
    last = met(a_basis(valid_to=date(2026, 10, 27)))
    before, after = datetime(2026, 10, 27, 22, 59, tzinfo=UTC), datetime(2026, 10, 27, 23, 0, tzinfo=UTC)

    assert judged(last, now=before).tiers == ("tier1",)
    assert judged(last, now=after).tiers == ()


# -- who may ask -------------------------------------------------------------------------------------------------------


def test_nobody_is_told_without_an_accepted_referral_that_is_open() -> None:
    verdicts = [
        judge([], [a_grant()], an_agency(), NOW),
        judge([met()], [], an_agency(), NOW),
        judge([met()], [a_grant(ended="CLOSED")], an_agency(), NOW),
        judge([met()], [a_grant(intake_id=uuid4())], an_agency(), NOW),
        judge([met()], [a_grant()], None, NOW),
        judge([met()], [a_grant()], an_agency(status="suspended"), NOW),
    ]

    assert [verdict.tiers for verdict in verdicts] == [()] * 6
    assert [verdict.refused for verdict in verdicts] == ["unknown_person"] + ["no_accepted_referral"] * 5


def test_of_several_accepted_referrals_the_one_of_the_latest_meeting_that_covers_is_told_of() -> None:
    first, second = met(a_basis(scope="tier2")), met(a_basis(), intake_id=LATER_ID, occurred_at=NOW + DAY)
    narrow = met(a_basis(scope="tier0"), intake_id=LATER_ID, occurred_at=NOW + DAY)
    grants = [a_grant(), a_grant(referral_id=uuid4(), intake_id=LATER_ID)]

    both = judge([first, second], grants, an_agency(), NOW + DAY)
    older = judge([first, narrow], grants, an_agency(), NOW + DAY)

    assert (both.grant, both.tiers) == (grants[1], ("tier1",))
    assert (older.grant, older.tiers) == (grants[0], BOTH)


def test_what_the_person_refuses_at_a_later_meeting_holds_for_an_earlier_one_and_not_the_other_way_round() -> None:
    excluding = {"intake_id": LATER_ID, "withhold": ("pa.accura",)}

    assert judged(met(), met(occurred_at=NOW + DAY, **excluding)).tiers == ()
    assert judged(met(), met(occurred_at=NOW - DAY, **excluding)).tiers == ("tier1",)


# -- from when, until when ---------------------------------------------------------------------------------------------


def test_access_opens_only_in_open_states_after_acceptance_and_ends_in_every_state_that_may_follow() -> None:
    states = codes.codes("transitions", "states")
    accepting = {row["to"] for row in codes.table("transitions")["transitions"] if row["event"] == "referral.accepted"}
    beginning = {"DRAFT", "REQUESTED", "ACKNOWLEDGED", "WAITLISTED"}

    assert accepting <= OPENS
    assert {states[state]["kind"] for state in OPENS} == {"open"}
    assert not OPENS & beginning
    assert {"CLOSED", "WITHDRAWN", "REVOKED", "ENTERED_IN_ERROR"} <= ENDS
    assert set(states) == OPENS | ENDS | beginning | {"DECLINED", "REROUTED", "EXPIRED"}


@pytest.mark.parametrize("state", sorted(codes.codes("transitions", "states")))
def test_an_event_asks_for_what_its_state_says(state: str) -> None:
    asked = asked_by(an_event(state))

    if state in OPENS:
        expected = GrantAccess(referral_id=REFERRAL_ID, intake_id=INTAKE_ID, agency="pa.accura", version=3)
        assert asked == expected
    elif state in ENDS:
        assert asked == EndAccess(referral_id=REFERRAL_ID, version=3, cause=state)
    else:
        assert asked is None


def test_a_grant_follows_the_versions_of_its_referral() -> None:
    granted = GrantAccess(referral_id=REFERRAL_ID, intake_id=INTAKE_ID, agency="pa.accura", version=3)
    ended = EndAccess(referral_id=REFERRAL_ID, version=5, cause="CLOSED")

    over = change(change(None, granted), ended)

    assert over == a_grant(version=5, ended="CLOSED")
    assert change(over, granted) == over
    assert change(over, granted.model_copy(update={"version": 6})) == a_grant(version=6)
    assert change(None, ended) is None


# -- what is kept of who asked -----------------------------------------------------------------------------------------


def test_only_what_can_be_a_pseudonym_is_taken_for_one() -> None:
    assert is_pseudonym(pseudonym(b"key", "pa.comune", "pa.comune:p1"))
    assert not any(is_pseudonym(text) for text in ("Amina Prova", "pa.comune:p1", "p_", "p_" + "U" * 20, ""))


CITIES = frozenset({"palermo", "roma"})
COMUNE, ACCURA, PENC = (Voice(agency, "palermo") for agency in ("pa.comune", "pa.accura", "pa.penc"))
COORDINATION = Voice("pa.rete", "palermo", coordinates=True)


def lying(state: str = "ACCEPTED", *, covered: bool = True) -> Parties:
    return Parties("pa.comune", "pa.accura", state, CITIES, covered)


def by(reader: Voice, *, coordinates: bool = False) -> Voice:
    """Somebody of that agency who does not work for it."""
    return replace(reader, coordinates=coordinates, works=False)


@pytest.mark.parametrize(
    ("reader", "state", "may"),
    [
        (COMUNE, "REQUESTED", True), (COMUNE, "REVOKED", True), (ACCURA, "REQUESTED", False),
        (ACCURA, "ACCEPTED", True), (ACCURA, "CLOSED", False), (ACCURA, "REVOKED", False),
        (PENC, "ACCEPTED", False), (COORDINATION, "ACCEPTED", False), (None, "ACCEPTED", False),
    ],
)  # fmt: skip
def test_a_note_of_the_sender_is_read_by_who_has_the_person(reader, state, may):
    assert may_read_text(COMUNE, lying(state), reader) is may


def test_what_the_receiver_wrote_reaches_the_sender_whatever_became_of_it():
    assert may_read_text(ACCURA, lying("DECLINED"), COMUNE)
    assert may_read_text(ACCURA, lying("DECLINED"), ACCURA)
    assert not may_read_text(ACCURA, lying(), COORDINATION)


def test_a_note_of_a_stranger_reaches_nobody():
    assert not may_read_text(PENC, lying(), COMUNE)
    assert not may_read_text(PENC, None, COMUNE)
    assert may_read_text(PENC, None, PENC)


@pytest.mark.parametrize(
    ("reader", "state", "may"),
    [
        (COMUNE, "REQUESTED", True), (COMUNE, "REVOKED", True), (ACCURA, "DRAFT", False), (ACCURA, "REQUESTED", True),
        (ACCURA, "ACCEPTED", True), (ACCURA, "REVOKED", False), (ACCURA, "CLOSED", False), (PENC, "REQUESTED", False),
        (Voice("rm.comune", "roma", coordinates=True), "REQUESTED", True), (None, "REQUESTED", False),
        (Voice("mi.comune", "milano", coordinates=True), "REQUESTED", False),
        (Voice("rm.x", "roma"), "ACCEPTED", False),
    ],
)  # fmt: skip
def test_a_note_of_the_coordination_is_read_by_the_two_agencies_and_by_who_coordinates(reader, state, may):
    assert may_read_text(COORDINATION, lying(state), reader) is may


@pytest.mark.parametrize("author", [Voice("mi.comune", "milano", coordinates=True), Voice("pa.rete", "palermo")])
def test_who_does_not_coordinate_a_city_of_the_referral_writes_to_nobody(author):
    assert not any(
        may_read_text(author, lying(), reader)
        for reader in (COMUNE, ACCURA, COORDINATION)
        if reader.agency != author.agency
    )


def test_a_receiver_that_may_be_told_no_more_reads_nothing_but_what_it_wrote_itself():
    later = lying(covered=False)

    read = [may_read_text(author, later, ACCURA) for author in (COMUNE, COORDINATION, ACCURA)]

    assert read == [False, False, True]
    assert may_read_text(ACCURA, later, COMUNE) and may_read_text(COORDINATION, later, COMUNE)


def test_what_is_private_to_its_authors_agency_is_read_by_nobody_else():
    read = [may_read_text(COMUNE, lying(), reader, private=True) for reader in (COMUNE, ACCURA, COORDINATION)]

    assert read == [True, False, False]
    assert not may_read_text(ACCURA, lying(), COMUNE, private=True)


@pytest.mark.parametrize("agency", [COMUNE, ACCURA, COORDINATION])
def test_who_only_coordinates_reads_what_the_coordination_wrote_and_other_roles_read_nothing(agency):
    coordinator, auditor = by(agency, coordinates=True), by(agency)

    written = [COMUNE, ACCURA, COORDINATION]
    assert [may_read_text(author, lying(), coordinator) for author in written] == [False, False, True]
    assert not any(may_read_text(author, lying(), auditor) for author in written)


def test_a_coordinator_of_the_senders_agency_reads_what_it_wrote_as_the_coordination():
    withdrawn = replace(COMUNE, coordinates=True)

    assert may_read_text(withdrawn, lying(), by(COMUNE, coordinates=True))
    assert not may_read_text(withdrawn, lying(), by(ACCURA, coordinates=True))


@pytest.mark.parametrize(
    ("meetings", "agency", "covered"),
    [
        ([met(a_basis(scope="tier0"))], {}, True),
        ([met()], {"status": "suspended"}, False),
        ([met()], {"status": "left"}, False),
        ([met(a_basis(withdrawn_at=NOW))], {}, False),
        ([met(a_basis(valid_to=TODAY - DAY))], {}, False),
        ([met(withhold=("pa.accura",))], {}, False),
        ([met(), met(intake_id=LATER_ID, occurred_at=NOW + DAY, withhold=("pa.accura",))], {}, False),
        ([met(), met(intake_id=LATER_ID, occurred_at=NOW - DAY, withhold=("pa.accura",))], {}, True),
        ([met()], {"sharing_role": "private_partner"}, False),
    ],
)  # fmt: skip
def test_a_receiver_is_covered_while_it_works_and_a_basis_stands_and_the_person_does_not_exclude_it(
    meetings: list[IntakeRecorded], agency: dict[str, str], covered: bool
) -> None:
    assert is_covered(meetings[0], meetings, an_agency(**agency), NOW) is covered


def test_nobody_unknown_is_covered() -> None:
    assert not is_covered(met(), [met()], None, NOW)
