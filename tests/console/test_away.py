"""What a page says while the store is away: to try again in a moment, and no bug is looked for."""

import logging
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis.service import Context
from services.chassis.settings import Settings
from services.console.app import service
from tests.processes import free_port


@pytest.mark.parametrize(("language", "words"), [("it", "Un servizio non"), ("en", "A service does not answer")])
async def test_a_page_that_the_store_cannot_give_now_says_so_and_when_to_ask_again(
    caplog: pytest.LogCaptureFixture, language: str, words: str
) -> None:
    away: Any = AsyncIOMotorClient(f"mongodb://127.0.0.1:{free_port()}", timeoutMS=200)
    app = FastAPI()
    app.state.context = Context("console", Settings(), away.nowhere, AsyncMock())
    app.include_router(service.api)

    headers = {"Accept-Language": language, "Cookie": "staffetta=a-session"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console") as browser:
        page = await browser.get("/", headers=headers, follow_redirects=True)
    away.close()

    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert words in page.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
