"""One town and one browser for all tests of the console in a file."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from services.chassis.settings import Settings
from tests.console.browser import chromium
from tests.console.desk import Town, town


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def palermo(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with town(settings, tmp_path_factory.mktemp("town")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found
