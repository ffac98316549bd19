"""One HTTP port of a process: its routers, and refusals as problem documents."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from services.http import problems


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

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
