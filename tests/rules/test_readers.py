"""A service reads no topic whose row does not name it: broker ACLs follow the table."""

from importlib import import_module
from pathlib import Path

import pytest

from services.chassis.service import Service

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_among_the_readers_of_every_topic_it_handles(name: str) -> None:
    service: Service = import_module(f"services.{name}.app").service

    assert [route.topic.name for route in service.handlers.routes.values() if name not in route.topic.readers] == []
