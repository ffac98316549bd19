"""A relay that cannot run is not said to be up."""

import sys
from pathlib import Path

import pytest

from deploy.local.faults import CannotRun
from deploy.local.session import Session
from deploy.local.stack import Stack
from deploy.local.supervisor import Child


class Failing(Stack):
    @property
    def services(self) -> dict[str, str]:
        return {"intake": "http://127.0.0.1:9"}

    def child(self, service: str) -> Child:
        return Child(service, lambda: [sys.executable, "-c", "raise SystemExit(3)"], self.state / "intake.log")


async def test_a_service_that_does_not_keep_running_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    session = Session(Failing("127.0.0.1:9", "mongodb://127.0.0.1:9", "smtp://127.0.0.1:9", 1, tmp_path), [], False)
    session.supervisor.keep([session.stack.child("intake")])

    with pytest.raises(CannotRun, match="intake does not keep running"):
        await session._services_are_ready()

    await session.supervisor.stop(last=0)
