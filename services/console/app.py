"""The console: pages for people, drawn from what the topics say; whatever they answer enters by the gateway."""

from fastapi import APIRouter

from services.chassis.service import Service
from services.console import (
    batch,
    boards,
    cases,
    correcting,
    counting,
    erasing,
    glossary,
    handlers,
    lists,
    live,
    login,
    meeting,
    operating,
    store,
    twins,
    vital,
)

pages = APIRouter()
of_people = (
    lists.router, boards.router, correcting.router, glossary.router, batch.router, meeting.router, erasing.router,
    twins.router, vital.router, operating.router, cases.router,
)  # fmt: skip
for router in (lists.static, login.router, *of_people, lists.elsewhere):
    pages.include_router(router)

service = Service(
    name="console",
    handlers=handlers.handlers,
    api=pages,
    indexes=store.INDEXES,
    jobs=(live.keep_looking, counting.keep_counting),
)
