"""What the OpenAPI document says beyond the code: the messages that may be posted, with examples, and the problems."""

from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from services.gateway.domain.door import Stated

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

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance")},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "one of rejection_codes.json"},
        "pointer": {"type": ["string", "null"], "description": "where in the body the fault lies (RFC 6901)"},
        "allowed": {"type": "array", "items": {"type": "string"}, "description": "what would be taken instead"},
        "state": {"type": "string"},
        "version": {"type": "integer"},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": PROBLEM}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


PROBLEMS_OF_COMMANDS = problems(400, 401, 403, 404, 409, 413, 422, 503)

COMMAND: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": TypeAdapter(Stated).json_schema() | {"$id": "urn:staffetta:stated"},
                "examples": {
                    "an intake": {"summary": "ce-type: staffetta.intake.submit.v1", "value": INTAKE},
                    "a decline": {"summary": "ce-type: staffetta.referral.decline.v1", "value": DECLINE},
                    "a consent withdrawn": {"summary": "ce-type: staffetta.sharing.withdraw.v1", "value": WITHDRAWAL},
                },
            }
        },
    },
}
"""The schema is a resource of its own ($id): its references are relative to it (JSON Schema 2020-12)."""
