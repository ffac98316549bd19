"""The people of a run, who do not exist and say so, and the messages about them that must be refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from services.cli.conform.transcript import Body

SUBMIT = "staffetta.intake.submit.v1"
NOBODY = "Persona sintetica di staffetta conform: non esiste. Synthetic person, made by staffetta conform."
BASIS = "b1"
NO_OFFER = "any"
"""Where an agency has none, which its intakes name all the same."""


@dataclass(frozen=True, slots=True)
class Own:
    """An agency and the offer of its own to which a run sends: no other agency is asked, or told.

    others: those to which it could send instead.
    """

    agency: str
    city: str
    offer: str = NO_OFFER
    service: str = "social.assessment"
    others: tuple[str, ...] = ()


def intake(own: Own, key: str, mark: str, now: datetime, recipients: tuple[str, ...] = ()) -> Body:
    """Somebody whose data may go to nobody but the agency itself, and to `recipients`."""
    shared = (own.agency, *recipients)
    return {
        "idempotency_key": key,
        "occurred_at": now.isoformat(),
        "tier0": {
            "person_ref": f"{own.agency}:{key}",
            "city_of_intake": own.city,
            "city_of_presence": own.city,
            "sender_agency": own.agency,
            "sender_ref": mark,
            "intake_channel": "desk",
            "age_band": "25-39",
            "gender": "female",
            "household": "single_adult",
            "household_size": 1,
            "language": "it",
            "priority": "MEDIUM",
            "services": [{"service": own.service, "offer": own.offer, "priority": "MEDIUM"}],
            "sharing_basis": [_basis(f"b{n}", recipient, now) for n, recipient in enumerate(shared, 1)],
        },
        "tier1": {"name": {"given": "Sintetica", "family": _family(key)}},
        "tier2": {"narrative": NOBODY},
    }


def _family(key: str) -> str:
    """A name that no two people of any run share, so that no desk is asked whether they are one."""
    return "".join(chr(ord("a") + byte % 26) for byte in sha256(key.encode()).digest()[:16]).title()


def _basis(ref: str, recipient: str, now: datetime) -> Body:
    first = (now - timedelta(days=1)).date()  # it is another day there
    return {
        "basis_id": ref, "type": "consent", "recipient": recipient, "purposes": ["referral", "appointment_contact"],
        "scope": "tier1", "given_by": "person", "language": "it",
        "valid_from": first.isoformat(), "valid_to": (first + timedelta(days=30)).isoformat(),
    }  # fmt: skip


# -- what must be refused ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Bad:
    """A message with one thing wrong. spoil: makes it of a sound intake; outcome: how it must be answered.

    label: in Italian and English.
    """

    step: str
    label: tuple[str, str]
    outcome: str
    spoil: Callable[[Body], bytes]
    type: str = SUBMIT


def _text(change: Callable[[str], str]) -> Callable[[Body], bytes]:
    return lambda sound: change(json.dumps(sound)).encode()


def _with(**fields: Any) -> Callable[[Body], bytes]:
    return lambda sound: json.dumps(sound | fields).encode()


def _in_tier0(**fields: Any) -> Callable[[Body], bytes]:
    return lambda sound: json.dumps(sound | {"tier0": sound["tier0"] | fields}).encode()


def _tomorrow_and_more(sound: Body) -> bytes:
    later = datetime.fromisoformat(sound["occurred_at"]) + timedelta(days=3)
    return json.dumps(sound | {"occurred_at": later.isoformat()}).encode()


def _of_old(sound: Body) -> bytes:
    """A basis whose last day is long over."""
    basis = [{**one, "valid_from": "2020-01-01", "valid_to": "2020-12-31"} for one in sound["tier0"]["sharing_basis"]]
    return _in_tier0(sharing_basis=basis)(sound)


BAD: tuple[Bad, ...] = (
    Bad("malformed", ("JSON troncato", "truncated JSON"), "malformed_json", _text(lambda text: text[:-1])),
    Bad("duplicate_key", ("una chiave due volte", "a key that comes twice"), "duplicate_key",
        _text(lambda text: text.replace('"priority": ', '"priority": "HIGH", "priority": ', 1))),
    Bad("nan", ("NaN al posto di un numero", "NaN in place of a number"), "malformed_json",
        _text(lambda text: text.replace('"household_size": 1', '"household_size": NaN'))),
    Bad("encoding", ("byte che non sono UTF-8", "bytes that are not UTF-8"), "invalid_encoding",
        lambda sound: json.dumps(sound).encode().replace(b"Sintetica", b"Sintetic\xe0")),
    Bad("too_large", ("più di 256 kB", "more than 256 kB"), "too_large", _with(padding="x" * 300_000)),
    Bad("unknown_field", ("un campo che non c'è", "a field that there is not"), "unknown_field /surprise",
        _with(surprise=True)),
    Bad("missing_field", ("nessun servizio richiesto", "no service asked for"), "missing_field /tier0/services",
        _in_tier0(services=[])),
    Bad("unknown_code", ("un servizio sconosciuto", "an unknown service"),
        "unknown_code /tier0/services/0/service", _in_tier0(services=[{"service": "no.such_service"}])),
    Bad("no_offset", ("un'ora senza fuso", "a time without offset"), "invalid_format /occurred_at",
        lambda sound: json.dumps(sound | {"occurred_at": sound["occurred_at"][:19]}).encode()),
    Bad("future", ("un'ora tra tre giorni", "a time three days ahead"), "future_timestamp /occurred_at",
        _tomorrow_and_more),
    Bad("of_old", ("un consenso scaduto", "a consent that is over"),
        "sharing_not_covered /tier0/sharing_basis", _of_old),
    Bad("forged", ("il nome di un altro ente", "another agency's name"), "not_authorised /tier0/sender_agency",
        _in_tier0(sender_agency="zz.another")),
    Bad("not_ours", ("un comando della sola rete", "a command of the network alone"), "not_authorised",
        _with(), "staffetta.referral.expire.v1"),
    Bad("unknown_type", ("un tipo che non c'è", "a type that there is not"), "unknown_type",
        _with(), "staffetta.intake.imagine.v1"),
    Bad("version", ("una versione che non c'è ancora", "a version that there is not yet"), "unsupported_version",
        _with(), "staffetta.intake.submit.v9"),
)  # fmt: skip
