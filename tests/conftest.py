"""Engines for the tests that need them: a real broker and a store, and a namespace of its own for each test."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from services.chassis.settings import Settings, from_environment

LONGEST = (
    "test_palermo", "test_in_a_browser", "test_journeys_in_time", "test_guarantee", "test_verify",
    "test_roles_in_a_browser", "test_attacks", "test_whole", "test_cli_conform", "test_cli_relay", "test_contributing",
    "test_journeys", "test_relay", "test_access", "test_parking", "test_recovery", "test_up",
)  # fmt: skip
"""The first waits more than it computes, and the second computes: side by side they leave no core idle."""
APART = ("test_journeys_in_time", "test_guarantee", "test_contributing")
"""Each test of these has a network or a tree of its own, and takes a while."""
SHORT = ("domain", "contracts")

hypothesis.settings.register_profile("whenever", deadline=None)
hypothesis.settings.load_profile("whenever")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="how often each crash point is tried (default 1)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first and the shortest come last, so that none ends alone."""
    order = {stem: place for place, stem in enumerate(LONGEST)}
    items.sort(key=lambda item: (order.get(item.path.stem, len(LONGEST)), item.path.parent.name in SHORT))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Whole files run side by side, and the tests of some: what a file's tests share is there once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if Path(file).stem in APART else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Its own grouping by marks is lost on this pytest, without a word."""
    return Scheduling(config, log)


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
