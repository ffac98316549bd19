"""What agencies say: commands with the fields that they need, mostly, and with days counted from now."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts import codes
from tests.builders import VALID, an_intake

Doc = dict[str, Any]

DAY = timedelta(days=1)
TEXT = "Sintetico."
REASONS = {name: tuple(codes.codes(name)) for name in
           ("decline_reasons", "closure_outcomes", "withdraw_reasons", "hold_reasons")}  # fmt: skip


def body(command: str, random: Random, now: datetime) -> Doc:
    """One time in eight something is left out."""
    known = {name: value for name, value in VALID.get(command, {}).items() if name != "text_id"}
    if "text_id" in VALID.get(command, {}):
        known["text"] = TEXT
    known |= FIELDS.get(command, nothing)(random, now)
    if known and not random.randrange(8):
        known.pop(random.choice([*known]))
    return known


def nothing(_random: Random, _now: datetime) -> Doc:
    return {}


def a_reason(random: Random, _now: datetime) -> Doc:
    """With all that any of them may ask for."""
    why = {"decline_reason": random.choice(REASONS["decline_reasons"]), "text": TEXT, "failed_rule": "age_between"}
    return why | {"documents": ["stp"], "linked_referral_id": "00000000-0000-4000-8000-000000000006"}


def another(random: Random, now: datetime) -> Doc:
    return a_reason(random, now) | {"next_agency": random.choice(("pa.a", "pa.b", "pa.priv"))}


def an_outcome(random: Random, _now: datetime) -> Doc:
    return {"closure_outcome": random.choice(REASONS["closure_outcomes"]), "text": TEXT}


def a_pause(random: Random, now: datetime) -> Doc:
    reason = random.choice(REASONS["hold_reasons"])
    return {"hold_reason": reason, "review_date": (now + 5 * DAY).date(), "text": TEXT}


def interest(random: Random, _now: datetime) -> Doc:
    return {"person_still_interested": random.random() < 0.8}


FIELDS: dict[str, Callable[[Random, datetime], Doc]] = {
    "acknowledge": lambda _, now: {"phone_call_recorded_at": now},
    "decline": a_reason,
    "unaccept": a_reason,
    "pass_on": another,
    "close": an_outcome,
    "close_suspended": an_outcome,
    "withdraw": lambda random, _: {"withdraw_reason": random.choice(REASONS["withdraw_reasons"]), "text": TEXT},
    "revoke": lambda random, _: {"revoke_cause": random.choice(REASONS["withdraw_reasons"])},
    "hold": a_pause,
    "renew_hold": a_pause,
    "start": lambda _, now: {"first_contact_at": now, "contact_mode": "desk"},
    "confirm_seat": interest,
    "confirm_interest": interest,
    "change_priority": lambda random, _: {"priority": random.choice([*codes.codes("priorities")])},
    "record_contact_attempt": lambda random, _: {"channel": random.choice(("phone", "sms")), "result": "no_answer"},
    "schedule_appointment": lambda random, now: {"starts_at": now + random.randrange(-1, 4) * DAY},
    "confirm_receipt": lambda random, _: {"obligation": random.choice(("deletion_receipt", "withdraw_seen_receipt"))},
}


def a_meeting(key: str, sender: str, person: str, services: list[Doc], bases: list[Doc], now: datetime) -> Doc:
    """The value of one intake, met now."""
    intake = an_intake(f"{sender}/{key}", sender=sender, person_ref=f"{sender}:{person}", sharing_basis=bases)
    intake["tier0"] |= {"services": services, "priority_reason": TEXT}
    return intake | {"occurred_at": now}


def a_basis(ref: str, recipient: str, now: datetime, days: int | None = None, *, refused: bool = False) -> Doc:
    """days: how many it stands for beyond today; None: without an end."""
    return {
        "basis_id": ref,
        "type": "consent",
        "recipient": recipient,
        "purposes": ["referral"],
        "scope": "tier0" if refused else "tier1",
        "given_by": "person",
        "language": "it",
        "form_version": "2026-01",
        "valid_from": (now - DAY).date(),
        "valid_to": None if days is None else (now + days * DAY).date(),
        "refused": refused,
    }
