"""What the services' OpenAPI documents promise, held against answers of a network that runs.

The long form: `python -m tests.fuzz --cases 20000 --seed 1`.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from services.chassis.settings import Settings
from tests.fuzz.asking import PROBLEM, ask
from tests.fuzz.scene import Scene, scene
from tests.processes import plain_http

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with scene(settings, tmp_path_factory.mktemp("fuzz")) as found:
        yield found


async def test_every_answer_is_one_that_the_document_declares(asked):
    seen = await asyncio.to_thread(ask, asked, CASES, 1)

    assert not seen.faults, "\n\n".join(f"{name}\n  {example}" for name, example in seen.faults.items())
    assert seen.total == CASES
    assert {200, 401, 404, 422} <= seen.statuses.keys()


async def test_a_method_that_nothing_answers_to_is_a_problem_too(asked):
    async with plain_http(timeout=10) as client:
        for url in asked.urls.values():
            paths = (await client.get(f"{url}/openapi.json")).json()["paths"]
            for path, answers in paths.items():
                for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {name.upper() for name in answers}:
                    other = await client.request(method, f"{url}{path}")
                    named = path.replace("{", "").replace("}", "").endswith("command_id")
                    assert other.status_code in ((401, 404, 405) if named else (404, 405)), f"{method} {path}"
                    assert other.headers["content-type"] == PROBLEM


async def test_who_is_not_known_is_refused_before_what_they_sent_is_read(asked):
    async with plain_http(timeout=10) as client:
        for url in asked.urls.values():
            garbage = await client.post(f"{url}/ops/parked/x/replay", content=b"\xff{")
            endless = await client.post(f"{url}/ops/parked/x/replay", content=b"x" * 2_000_000)

            assert (garbage.status_code, endless.status_code) == (401, 401)


async def test_what_ops_send_has_a_limit_and_is_named_where_it_is_wrong(asked):
    intake, ops = asked.urls["intake"], asked.headers["ops"]
    async with plain_http(timeout=10, headers=ops) as client:
        there = f"{intake}/ops/parked/x/replay"
        large = await client.post(there, content=b"x" * 2_000_000)
        wrong = [await client.post(there, content=body) for body in (b"", b"{", b'{"why": ""}', b'{"why": "\\ud800"}')]

    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert [(one.status_code, one.json()["parameters"]) for one in wrong] == [
        (422, ["body"]), (422, ["body"]), (422, ["why"]), (422, ["body"]),
    ]  # fmt: skip
