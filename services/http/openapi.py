"""What the OpenAPI document of a service says beyond its code: the problems it answers with, and what may be posted."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance")},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "one of rejection_codes.json"},
        "pointer": {"type": ["string", "null"], "description": "where in the body the fault lies (RFC 6901)"},
        "parameters": {"type": "array", "items": {"type": "string"}, "description": "which parameters are at fault"},
        "allowed": {"type": "array", "items": {"type": "string"}, "description": "what would be taken instead"},
        "state": {"type": "string"},
        "version": {"type": "integer"},
    },
}
"""RFC 9457, with our own members."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a router or a route. Whatever has parameters names 422, else FastAPI tells of its own."""
    content = {"application/problem+json": {"schema": PROBLEM}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def posted(schema: Mapping[str, Any], examples: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """For `openapi_extra=` of a route that reads its body itself (`services.http.bodies`)."""
    content = {"schema": dict(schema)} | ({"examples": dict(examples)} if examples else {})
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
