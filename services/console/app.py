"""The console: pages for people, drawn from what the topics say; whatever they answer enters by the gateway."""

from fastapi import APIRouter

from services.chassis.service import Service
from services.console import batch, boards, cases, handlers, lists, live, login, meeting, store

pages = APIRouter()
for router in (
    lists.static,
    login.router,
    lists.router,
    boards.router,
    batch.router,
    meeting.router,
    cases.router,
    lists.elsewhere,
):
    pages.include_router(router)

service = Service(
    name="console", handlers=handlers.handlers, api=pages, indexes=store.INDEXES, jobs=(live.keep_looking,)
)
