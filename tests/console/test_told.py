"""What people are told beside their own work: counts of the whole network, and nothing of anybody in them."""

import re
from uuid import uuid4

import pytest

from tests.builders import an_intake
from tests.console.desk import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b[A-Z]{2}-[0-9A-Z]{6}\b|\bp[0-9a-f]{16,}")
"""An id of ours, a code that people say."""


async def test_the_national_desk_reads_counts_and_nothing_of_anybody(palermo: Town) -> None:
    await palermo.submit(*[an_intake(f"pa.comune/{uuid4().hex}/1", services=("material.food",)) for _ in range(6)])
    async with palermo.desk("national") as desk:
        begun = await desk.get("/")
        page = (await desk.get("/national")).text
        english = (await desk.get("/national?lang=en")).text

    shown = page.partition("<main")[2]
    assert begun.headers["location"] == "/national"
    assert "<strong>5</strong> Bisogni" in shown and "<strong>5</strong> Needs" in english
    assert ">Palermo</th>" in shown
    assert not ID.search(shown) and "pa." not in shown and "Unità" not in shown
