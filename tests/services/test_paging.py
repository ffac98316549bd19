"""A list longer than a page: everything is on one of its pages, once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from services.chassis.settings import Settings
from services.cli.http import next_page
from services.referral.paging import After, Page, following, page
from tests.networks import database

AT = datetime(2026, 10, 27, 9, tzinfo=UTC)


async def fill(tasks: Any, *due: datetime | None) -> None:
    docs = [{"_id": str(UUID(int=i)), "agency": "pa.accura", "due_at": due_at} for i, due_at in enumerate(due)]
    await tasks.insert_many(docs)


async def paged(tasks: Any, most: int) -> list[list[int]]:
    """The pages of it, each beginning where the last one said."""
    pages: list[list[int]] = []
    after: After | None = None
    while True:
        found = await page(tasks, {"agency": "pa.accura"}, after, most)
        pages.append([UUID(doc["_id"]).int for doc in found.docs])
        if found.next is None:
            return pages
        after = following(str(found.next))


async def test_every_entry_is_on_one_page_whatever_is_due_at_the_same_time(network: Settings) -> None:
    later = AT + timedelta(hours=1)
    async with database(network, "referral") as db:
        await fill(db.tasks, later, AT, None, AT, AT, later, None)
        found = {most: await paged(db.tasks, most) for most in (1, 2, 3, 7, 8)}

    for most, pages in found.items():
        assert [id for one in pages for id in one] == [2, 6, 1, 3, 4, 0, 5]
        assert all(0 < len(one) <= most for one in pages)


async def test_what_was_done_meanwhile_hides_nothing_of_the_next_page(network: Settings) -> None:
    async with database(network, "referral") as db:
        await fill(db.tasks, *(AT + timedelta(hours=i) for i in range(4)))
        first = await page(db.tasks, {"agency": "pa.accura"}, None, 2)
        for doc in first.docs:
            await db.tasks.delete_one({"_id": doc["_id"]})

        rest = await page(db.tasks, {"agency": "pa.accura"}, first.next, 2)

    assert [UUID(doc["_id"]).int for doc in rest.docs] == [2, 3]


@pytest.mark.parametrize("stated", ["", "~", "x~" + str(UUID(int=1)), "2026-10-27T09:00:00~" + str(UUID(int=1)), "~1"])
def test_where_no_page_of_ours_ends_is_refused(stated: Any) -> None:
    with pytest.raises(RequestValidationError):
        following(stated)


def test_the_link_of_a_page_leads_a_client_to_the_next_one() -> None:
    asked = Request({"type": "http", "method": "GET", "path": "/v1/tasks", "query_string": b"agency=pa.accura",
                     "headers": [], "scheme": "http", "server": ("127.0.0.1", 80)})  # fmt: skip
    told, last = Response(), After(AT, str(UUID(int=7)))

    Page([], last).link(asked, told)

    path_on = next_page(httpx.Response(200, headers=dict(told.headers)))
    assert path_on is not None
    path, _, query = path_on.partition("?")
    stated = dict(parse_qsl(query))
    assert (path, stated.pop("agency")) == ("/v1/tasks", "pa.accura")
    assert following(stated.pop("after")) == last
    assert not stated


def test_the_last_page_leads_nowhere() -> None:
    told = Response()

    Page([]).link(Request({"type": "http", "headers": []}), told)

    assert next_page(httpx.Response(200, headers=dict(told.headers))) is None
