"""What the OpenAPI document says beyond the code: the messages that may be posted, with examples."""

from pydantic import TypeAdapter

from services.gateway.domain.door import Stated
from services.http.openapi import posted, problems

INTAKE = {
    "idempotency_key": "pa.comune/2026-000123/1",
    "occurred_at": "2026-11-23T09:30:00+01:00",
    "tier0": {
        "person_ref": "pa.comune:p123",
        "city_of_intake": "palermo",
        "sender_agency": "pa.comune",
        "services": [{"service": "health.primary"}],
        "sharing_basis": [
            {
                "basis_id": "b1",
                "type": "public_task",
                "recipient": "city:palermo",
                "purposes": ["referral"],
                "scope": "tier1",
                "valid_from": "2026-11-23",
            }
        ],
    },
}

DECLINE = {
    "command_id": "7f0c",
    "referral_id": "5b1f0a52-6a0e-5c43-9d0a-0f6f1f3c9a11",
    "command": "decline",
    "agency": "pa.accura",
    "decline_reason": "no_capacity",
}

WITHDRAWAL = {
    "command_id": "8a1d",
    "intake_id": "0e0a3a52-9f5e-5d2b-8b0e-1f2a3b4c5d6e",
    "agency": "pa.comune",
    "basis_ids": ["b1"],
    "revoke_cause": "consent_withdrawn",
}

ERASURE = {"command_id": "9b2e", "agency": "pa.comune", "person_ref": "p_7K3M9QX2V4N6R8T0W1Y5"}

PROBLEMS_OF_COMMANDS = problems(400, 401, 403, 404, 408, 409, 413, 422, 429, 503)

COMMAND = posted(
    TypeAdapter(Stated).json_schema() | {"$id": "urn:staffetta:stated"},
    {
        "an intake": {"summary": "ce-type: staffetta.intake.submit.v1", "value": INTAKE},
        "a decline": {"summary": "ce-type: staffetta.referral.decline.v1", "value": DECLINE},
        "a consent withdrawn": {"summary": "ce-type: staffetta.sharing.withdraw.v1", "value": WITHDRAWAL},
        "a person erased": {"summary": "ce-type: staffetta.person.erase.v1, by a supervisor", "value": ERASURE},
    },
)
"""The schema is a resource of its own ($id): its references are relative to it (JSON Schema 2020-12)."""
