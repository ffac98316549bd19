"""A long list by due time, a page at a time. Where there is more, `Link: <...>; rel="next"` names it (RFC 8288)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pymongo import ASCENDING

from services.chassis.transaction import Doc

LONGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class After:
    """The last entry of the page before, as it stood then: what is due later follows, and of the same time by id."""

    due_at: datetime | None
    id: str

    def __str__(self) -> str:
        return f"{self.due_at.isoformat() if self.due_at else ''}~{self.id}"


def following(after: Annotated[str | None, Query(max_length=100)] = None) -> After | None:
    """As a `Link` header of ours has it. Raises RequestValidationError: no page of ours ends so."""
    if after is None:
        return None
    due_at, _, id = after.partition("~")
    try:
        last = After(datetime.fromisoformat(due_at) if due_at else None, str(UUID(id)))
    except ValueError:
        last = None
    if last is None or (last.due_at and not last.due_at.tzinfo):
        raise RequestValidationError([{"type": "value_error", "loc": ("query", "after")}])
    return last


Following = Annotated[After | None, Depends(following)]


@dataclass(frozen=True, slots=True)
class Page:
    docs: list[Doc]
    next: After | None = None

    def link(self, request: Request, response: Response) -> None:
        """Say where it goes on."""
        if self.next:
            query = urlencode(dict(request.query_params) | {"after": str(self.next)})
            response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'


async def page(collection: Any, query: Doc, after: After | None, most: int = LONGEST_PAGE) -> Page:
    """What has no due time comes first."""
    later = {"due_at": {"$gte": after.due_at}} if after and after.due_at else {}
    found = collection.find(query | later).sort([("due_at", ASCENDING), ("_id", ASCENDING)])
    docs: list[Doc] = []
    async for doc in _behind(found, after):
        if len(docs) == most:
            return Page(docs, After(docs[-1]["due_at"], docs[-1]["_id"]))
        docs.append(doc)
    return Page(docs)


async def _behind(found: AsyncIterator[Doc], after: After | None) -> AsyncIterator[Doc]:
    async for doc in found:
        if after is None or doc["due_at"] != after.due_at or doc["_id"] > after.id:
            yield doc
