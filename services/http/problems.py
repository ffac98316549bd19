"""How HTTP says no (RFC 9457): the code of a refusal and where the fault lies, never what was sent."""

import logging
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pymongo.errors import ConnectionFailure, ExecutionTimeout
from starlette.exceptions import HTTPException

from contracts.refusals import Refusal

log = logging.getLogger("staffetta.problems")

AWAY = (KafkaError, ConnectionFailure, ExecutionTimeout, TimeoutError)
"""What passes by itself: the broker or the store is away or slow."""
RETRY_AFTER_S = 5
UNREAD = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
"""With what is said before all of a body has come: nobody waits for the rest."""

A_TIME = "a time with its offset, such as 2026-11-20T00:00:00Z or 2026-11-20T00:00:00%2B01:00"
RULES = {
    "datetime": A_TIME, "timezone": A_TIME, "one_of_two": "give a cursor or a time, not both",
    "int": "a whole number", "float": "a number", "uuid": "a UUID",
    "greater_than": "not below the least that is allowed", "less_than": "not above the most that is allowed",
}  # fmt: skip
"""What a parameter must be, by how the name of its fault begins."""


def install(app: FastAPI) -> None:
    app.exception_handlers |= {
        Refusal: _refused, RequestValidationError: _invalid, HTTPException: _http, Exception: _unexpected,
        **dict.fromkeys(AWAY, _away),
    }  # fmt: skip


async def _refused(_request: Request, refusal: Any) -> JSONResponse:
    also = {name: getattr(refusal, name) for name in ("state", "version", "allowed")}
    more = {name: value for name, value in also.items() if value not in (None, ())}
    headers = {"WWW-Authenticate": "Bearer"} if refusal.http_status == HTTPStatus.UNAUTHORIZED else None
    return _problem(refusal.http_status, headers, code=refusal.code, pointer=refusal.pointer,
                    detail=refusal.message, **more)  # fmt: skip


async def _invalid(_request: Request, fault: Any) -> JSONResponse:
    """Only parameters and headers: bodies are read by the door itself."""
    parameters = sorted({str(error["loc"][-1]) for error in fault.errors()})
    absent = all(error["type"] == "missing" for error in fault.errors())
    rules = sorted({rule for error in fault.errors() if (rule := _rule(error["type"]))})
    detail = {"detail": "; ".join(rules)} if rules else {}
    return _problem(422, code="missing_field" if absent else "invalid_value", parameters=parameters, **detail)


def _rule(fault: str) -> str | None:
    """fault: the name of one of pydantic's, or of ours."""
    return next((rule for begins, rule in RULES.items() if fault.startswith(begins)), None)


async def _http(_request: Request, fault: Any) -> JSONResponse:
    """A detail that is an object goes into the problem as it is."""
    more = fault.detail if isinstance(fault.detail, dict) else {}
    return _problem(fault.status_code, fault.headers, **more)


async def _away(_request: Request, fault: Exception) -> JSONResponse:
    log.warning("a request must wait: %s", type(fault).__name__)
    return _problem(503, {"Retry-After": str(RETRY_AFTER_S)})


async def _unexpected(_request: Request, bug: Exception) -> JSONResponse:
    id = uuid4()
    log.error("a request failed, problem %s", id, exc_info=bug)
    return _problem(500, instance=f"urn:uuid:{id}")


def _problem(status: int, headers: Any = None, **more: Any) -> JSONResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status} | more
    closing = {"Connection": "close"} if status in UNREAD else {}
    return JSONResponse(body, status, {**(headers or {}), **closing}, media_type="application/problem+json")
