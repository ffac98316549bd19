"""Reading what was posted, once it is known who posts: never more than is allowed, and never for longer."""

import asyncio
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from contracts.refusals import Refusal
from contracts.values import MAX_BODY_BYTES

SLOWEST_S = 15

Model = TypeVar("Model", bound=BaseModel)


async def read(request: Request) -> bytes:
    """Raises Refusal too_large however much is sent, and HTTPException 408 however slowly it comes."""
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Refusal("too_large")
    except TimeoutError:
        raise HTTPException(408) from None
    return bytes(body)


async def read_as(model: type[Model], request: Request) -> Model:
    """Raises RequestValidationError as well, which names the fields and shows nothing of what was sent."""
    body = await read(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as fault:
        found = [{"type": e["type"], "loc": ("body", *e["loc"])} for e in fault.errors(include_input=False)]
    raise RequestValidationError(found)
