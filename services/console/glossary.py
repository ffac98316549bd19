"""The words of the console in the words of Italian social services: what each means, for whoever is new to them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response

from contracts import codes
from services.console import pages, web
from services.console.bound import gate_of

router = APIRouter(route_class=web.Page, include_in_schema=False)

LABELLED = {"states": ("transitions", "states"), "closure_outcomes": ("closure_outcomes", "items"),
            "priorities": ("priorities", "items")}  # fmt: skip
"""The parts whose terms are the labels of reference data."""

Both = dict[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """term, meaning: by language. id: by which pages lead to it."""

    id: str
    term: Both
    meaning: Both


@cache
def entries() -> dict[str, tuple[Entry, ...]]:
    """By part of the page, each in the order of its file; words by their Italian."""
    said = json.loads(files("services.console").joinpath("glossary.json").read_text("utf-8"))
    found = {part: tuple(_entries(part, items)) for part, items in said.items()}
    return found | {"words": tuple(sorted(found["words"], key=lambda entry: entry.term["it"].casefold()))}


def _entries(part: str, items: list[dict[str, Any]]) -> Iterator[Entry]:
    labels = {code: item["label"] for code, item in codes.codes(*LABELLED[part]).items()} if part in LABELLED else {}
    for item in items:
        yield Entry(f"{part}-{item['code']}", labels.get(item["code"]) or item["term"], item["meaning"])


@router.get("/glossary")
async def glossary(request: Request) -> Response:
    return pages.page(request, "glossary.html", gate_of(request).now, parts=entries())
