"""One HTTP port of a process: its routers, and refusals as problem documents."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from services.http import problems

LOOK_S = 0.5


class Server(uvicorn.Server):
    """The process decides when to stop, not the HTTP server."""

    def __init__(self, title: str, routers: Iterable[APIRouter], *, host: str, port: int, **state: Any) -> None:
        """state: what endpoints find at `request.app.state`."""
        app = FastAPI(title=title, docs_url=None, redoc_url=None)
        for name, value in state.items():
            setattr(app.state, name, value)
        for router in routers:
            app.include_router(router)
        problems.install(app)
        super().__init__(uvicorn.Config(app, host=host, port=port, log_config=None, timeout_graceful_shutdown=2))

    async def main_loop(self) -> None:
        """uvicorn's own looks ten times a second whether to stop, and wakes a process that has nothing to do."""
        while not await self.on_tick(0):
            await asyncio.sleep(LOOK_S)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
