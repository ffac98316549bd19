"""A service reads the topics whose rows name it, and no other: rights on the broker follow the table."""

from importlib import import_module
from pathlib import Path

import pytest

from contracts.topics import TOPICS
from services.chassis.service import Service

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_handles_every_topic_whose_readers_it_is_among_and_no_other(name: str) -> None:
    service: Service = import_module(f"services.{name}.app").service

    # a feed is read for who asks for it over HTTP, and not handled
    named = {topic.name for topic in TOPICS if name in topic.readers and topic.kind != "feed"}
    assert service.handlers.routes.keys() == named
