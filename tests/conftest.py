"""Engines for the tests that need them: a real broker and a store, and a namespace of its own for each test."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from services.chassis.settings import Settings, from_environment

LONGEST = (
    "test_journeys_in_time", "test_guarantee", "test_palermo", "test_in_a_browser", "test_whole", "test_relay",
    "test_journeys", "test_access", "test_cli_relay",
)  # fmt: skip
APART = ("test_journeys_in_time", "test_guarantee")
"""Each test of these has a network of its own, and takes a while."""

hypothesis.settings.register_profile("whenever", deadline=None)
hypothesis.settings.load_profile("whenever")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how often each crash point is tried (default 1)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files run side by side, and the tests of some. The longest begin first, so that none ends alone."""
    order = {stem: place for place, stem in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONGEST)))
    for item in items:
        if item.path.stem not in APART:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def engines() -> Settings:
    """KAFKA_URL and MONGO_URL say where they are; `./dev test` starts both."""
    if not (os.environ.get("KAFKA_URL") and os.environ.get("MONGO_URL")):
        pytest.fail(
            "this test needs a broker and a store: run ./dev test, or set KAFKA_URL and MONGO_URL", pytrace=False
        )
    return from_environment().model_copy(update={"environment": "test"})


@pytest.fixture
def network(engines: Settings) -> Settings:
    """Settings of a network of its own on the shared engines."""
    return engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    """Where the processes of a test write; shown when it fails."""
    yield tmp_path
    for log in sorted(tmp_path.glob("*.log")):
        print(f"--- {log.name}\n{log.read_text('utf-8', 'replace')[-3000:]}")
