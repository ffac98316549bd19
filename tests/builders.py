"""What a test begins with: valid by default, one field overridden."""

import json
import re
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from contracts.commands import Need, RecordIntake, ReferralCommand
from contracts.directory import Admission, Agency, AreaServed, Capacity, Offer, Queue, Rule
from contracts.events import IntakeRecorded
from contracts.stated import SubmitIntake
from contracts.values import Asked, PersonFacts, SharingBasis, basis_id
from services.intake.domain.known import Directory
from services.referral.domain import rules, table
from services.referral.domain.candidates import candidates
from services.referral.domain.case import Facts
from services.referral.domain.clocks import Calendar
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Decision, Place, Search, route
from services.referral.domain.timers import Timer

Entry = dict[str, Any]

INTAKE: Entry = {
    "idempotency_key": "pa.comune/T-1/1",
    "occurred_at": "2026-10-26T09:03:00+01:00",
    "tier0": {
        "person_ref": "pa.comune:t1",
        "city_of_intake": "palermo",
        "city_of_presence": "palermo",
        "sender_agency": "pa.comune",
        "sender_queue": "pa.comune.desk",
        "sender_ref": "T-1",
        "intake_channel": "desk",
        "age_band": "25-39",
        "gender": "female",
        "household": "single_adult",
        "household_size": 1,
        "language": "bn",
        "other_languages": ["en", "it"],
        "priority": "MEDIUM",
        "services": [{"service": "health.primary", "offer": "any", "priority": "MEDIUM", "depends_on": None}],
        "sharing_basis": [
            {
                "basis_id": "b1",
                "type": "public_task",
                "recipient": "city:palermo",
                "purposes": ["referral", "appointment_contact"],
                "scope": "tier1",
                "given_by": "not_applicable",
                "language": "it",
                "valid_from": "2026-10-26",
                "valid_to": "2031-12-31",
            }
        ],
    },
    "tier1": {"name": {"given": "Amina", "family": "Prova"}, "birth_date": {"value": "1995-03-14", "precision": "day"}},
    "tier2": {"needs": ["needs_doctor"], "narrative": "Sintetico."},
}
BORN = re.compile(r"(?<![\w-])1995(?!\w)")
"""Her year of birth, where it is not four digits of somebody's id."""


def an_intake(
    key: str = "pa.comune/T-1/1", *, sender: str = "pa.comune", services: tuple[str, ...] = (), **tier0: Any
) -> Entry:
    """The value of one `staffetta.intake.submit.v1`; each key is another person."""
    intake = deepcopy(INTAKE)
    intake["idempotency_key"] = key
    if key != INTAKE["idempotency_key"]:
        intake["tier1"] = another_person(key)
    intake["tier0"] |= {"person_ref": f"{sender}:{key}", "sender_agency": sender, "sender_ref": key[-40:]} | tier0
    if sender != "pa.comune":
        intake["tier0"]["sender_queue"] = None
    if services:
        intake["tier0"]["services"] = [{"service": s} for s in services]
    return intake


def another_person(key: str) -> Entry:
    """Names that no two keys have in common, nor have two that sound alike."""
    letters = "".join("bdfklmnprst"[byte % 11] + "aeiou"[byte % 5] for byte in sha256(key.encode()).digest())
    born = date(1987, 1, 2) + timedelta(days=sha256(key.encode()).digest()[0] * 14)
    name = {"given": letters[:14].title(), "family": letters[14:30].title()}
    return {"name": name, "birth_date": {"value": str(born), "precision": "day"}}


# -- referrals ---------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 10, 27, 9, 0, tzinfo=UTC)
"""A Tuesday morning in Palermo, ten o'clock there."""

TODAY = date(2026, 10, 27)
PALERMO = Calendar(ZoneInfo("Europe/Rome"), frozenset())
ACCURA = Place("pa.accura.primary", "pa.accura", "pa.accura.clinic", "palermo")
INTAKE_ID = UUID("00000000-0000-4000-8000-000000000001")
REFERRAL_ID = uuid5(INTAKE_ID, "referral:0")


def a_basis(recipient: str = "city:palermo", **known: Any) -> SharingBasis:
    given = {
        "basis_id": "b1",
        "type": "public_task",
        "recipient": recipient,
        "purposes": ["referral"],
        "scope": "tier1",
    }
    return SharingBasis(**given | {"valid_from": date(2026, 1, 1)} | known)


def a_need(service: str = "health.primary", **known: Any) -> Need:
    person = {k: known.pop(k) for k in set(known) & set(PersonFacts.model_fields)}
    given: dict[str, Any] = {
        "need_id": REFERRAL_ID,
        "intake_id": INTAKE_ID,
        "journey_id": INTAKE_ID,
        "person_ref": "p-1",
        "service": service,
        "priority": "MEDIUM",
        "sender_agency": "pa.comune",
        "sender_queue": "pa.comune.desk",
        "sender_city": "palermo",
        "city_of_presence": "palermo",
        "sharing_basis": (a_basis(),),
        "person": PersonFacts(**person),
    }
    return Need(**given | known)


def an_agency(code: str = "pa.accura", **known: Any) -> Agency:
    queue = Queue(code=f"{code}.desk", kind="desk", name={"it": code})
    given: dict[str, Any] = {"code": code, "name": {"it": code}, "kind": "ngo", "city": "palermo", "status": "active"}
    given |= {"sharing_role": "delegated_partner", "delivery": "event_topic", "queues": (queue,)}
    return Agency(**given | known)


def an_offer(code: str = "pa.accura.primary", **known: Any) -> Offer:
    """agency: all of the code but its last part, unless told otherwise."""
    agency = code.rpartition(".")[0]
    given: dict[str, Any] = {"code": code, "service": "health.primary", "agency": agency, "queue": f"{agency}.desk"}
    given |= {"label": {"it": code}, "status": "open", "area_served": AreaServed(cities=("palermo",))}
    given |= {"capacity": Capacity(kind="appointment_slot"), "valid_from": date(2026, 1, 1)}
    rules = known.pop("rules", ())
    return Offer(**given | {"admission": Admission(all_of=tuple(Rule(**rule) for rule in rules))} | known)


NETWORK_1 = rules.RULE_SETS["network-1"]


def a_decision(
    *offers: Offer,
    search: Search | None = None,
    agencies: tuple[Agency, ...] = (),
    waiting: dict[str, int] | None = None,
    rule_set: str = "network-1",
) -> Decision:
    """What routing says of these offers (one that admits everybody, unless told otherwise), of active agencies."""
    judged = offers or (an_offer(),)
    known = {offer.agency: an_agency(offer.agency) for offer in judged} | {agency.code: agency for agency in agencies}
    return route(search or Search(a_need()), candidates(judged, known, waiting), TODAY, rules.RULE_SETS[rule_set])


def the_facts(now: datetime = NOW, **known: Any) -> Facts:
    return Facts(now, PALERMO, **known)


def a_referral(state: str = "REQUESTED", **known: Any) -> Referral:
    """One to Centro Accura, with the timers that its state requires; a draft has no receiver yet."""
    timers = tuple(Timer(c, 1, NOW, NOW + timedelta(days=1)) for c in table.STATES[state]["timers_required"])
    sent = {} if state == "DRAFT" else {"place": ACCURA, "sent_at": NOW, "rule_set": "network-1"}
    given: dict[str, Any] = {"referral_id": REFERRAL_ID, "need": a_need(), "state": state, "version": 3}
    return Referral(**given | {"timers": timers} | sent | known)


def a_recorded_intake(*services: str | Entry, **known: Any) -> IntakeRecorded:
    """What intake says of one intake of pa.comune; a first visit is asked for, unless told otherwise."""
    asked = [s if isinstance(s, dict) else {"service": s} for s in services or ("health.primary",)]
    given: dict[str, Any] = dict.fromkeys(IntakeRecorded.model_fields) | {
        "intake_id": INTAKE_ID,
        "occurred_at": NOW,
        "person_ref": "p-1",
        "city_of_intake": "palermo",
        "city_of_presence": "palermo",
        "sender_agency": "pa.comune",
        "sender_queue": "pa.comune.desk",
        "services": asked,
        "sharing_basis": (a_basis(),),
    }
    person = {"age_band": "25-39", "gender": "female", "household": "single_adult"}
    lists = ("other_languages", "accessibility", "willing_to_travel", "withhold")
    return IntakeRecorded(**given | person | dict.fromkeys(lists, ()) | known)


TEXT_ID = UUID(int=5)
VALID: dict[str, dict[str, Any]] = {
    "decline": {"decline_reason": "no_capacity"},
    "pass_on": {"decline_reason": "out_of_area", "next_agency": "pa.salute"},
    "start": {"first_contact_at": NOW, "contact_mode": "desk"},
    "close": {"closure_outcome": "no_longer_needed"},
    "withdraw": {"withdraw_reason": "need_resolved", "requested_by": "person"},
    "revoke": {"basis_id": str(basis_id(INTAKE_ID, "b1")), "revoke_cause": "consent_withdrawn"},
    "confirm_receipt": {"obligation": "deletion_receipt"},
    "escalate": {"timer": "decide", "escalation_level": 2},
    "waitlist": {"order_rule_version": 1},
    "offer_seat": {"order_rule_version": 1},
    "decline_suspended": {"decline_reason": "agency_suspended"},
    "decline_full": {"decline_reason": "no_capacity"},
    "expire": {"timer": "decide", "escalation_level": 3},
    "confirm_seat": {"person_still_interested": True},
    "lapse_seat": {"lapse_cause": "person_refused"},
    "confirm_interest": {"person_still_interested": True},
    "unaccept": {"decline_reason": "no_capacity"},
    "record_update": {"update_code": "in_progress"},
    "hold": {"hold_reason": "temporarily_away", "review_date": date(2026, 11, 10)},
    "renew_hold": {"hold_reason": "temporarily_away", "review_date": date(2026, 11, 10)},
    "close_suspended": {"text_id": TEXT_ID},
    "reopen": {"text_id": TEXT_ID},
    "mark_error": {"text_id": TEXT_ID},
    "mark_error_after_accept": {"text_id": TEXT_ID},
    "assign_worker": {"assigned_worker": "pa.accura:w01"},
    "add_note": {"text_id": TEXT_ID},
    "change_priority": {"priority": "URGENT", "text_id": TEXT_ID},
    "record_contact_attempt": {"channel": "phone", "result": "no_answer"},
    "schedule_appointment": {"starts_at": NOW + timedelta(days=2)},
}
"""The fields that a command needs to be taken."""


def a_command(command: str = "accept", by: str | None = "pa.accura", **known: Any) -> ReferralCommand:
    """by: the agency that asks; None for the network itself. roles: of the person who speaks for it."""
    who = Asked(agency=by, command_id="c-1", roles=known.pop("roles", ()))
    asked = {"asked": who, "role": "agency"} if by else {"role": "system"}
    given = {"referral_id": REFERRAL_ID, "command": command}
    return ReferralCommand(**given | asked | VALID.get(command, {}) | known)


# -- intakes -----------------------------------------------------------------------------------------------------------


def a_record(
    *, tier1: Entry | None = None, tier2: Entry | None = None, flags: tuple[str, ...] = (), **known: Any
) -> RecordIntake:
    """One intake as the door passes it on, met the day before NOW; occurred_at, sender or fields of tier 0 as told."""
    intake = an_intake(sender=known.pop("sender", "pa.comune"))
    intake["occurred_at"] = known.pop("occurred_at", intake["occurred_at"])
    intake["tier0"] |= known
    intake["tier1"] |= tier1 or {}
    intake["tier2"] |= tier2 or {}
    submitted = SubmitIntake.model_validate_json(json.dumps(intake))
    asked = Asked(agency=submitted.tier0.sender_agency, command_id=submitted.idempotency_key)
    return RecordIntake(intake_id=INTAKE_ID, asked=asked, submitted=submitted, flags=flags)


def the_directory(*entries: Agency | Offer) -> Directory:
    """Palermo's Comune, Centro Accura with its first visits, and what else is told."""
    known: tuple[Agency | Offer, ...] = (an_agency("pa.comune", sharing_role="public_body"), an_agency(), an_offer())
    agencies = {entry.code: entry for entry in known + entries if isinstance(entry, Agency)}
    return Directory(agencies, {entry.code: entry for entry in known + entries if isinstance(entry, Offer)})


def a_statement(command: str = "accept", by: str = "pa.accura", **fields: Any) -> Entry:
    """The value of one `staffetta.referral.<command>.v1`, as an agency says it."""
    known = {"command_id": "c-1", "referral_id": str(REFERRAL_ID), "command": command, "agency": by}
    not_said = ("first_contact_at", "text_id", "review_date", "starts_at")
    return known | {name: value for name, value in VALID.get(command, {}).items() if name not in not_said} | fields


def a_draft(by: str = "pa.comune", **fields: Any) -> Entry:
    """The value of one `staffetta.referral.create.v1`, as a caseworker's system says it."""
    known = {"command_id": "c-1", "command": "create", "agency": by, "idempotency_key": f"{by}/D-1"}
    return known | {"person_ref": "p-1", "service": "lab.it"} | fields
