"""What operations see and do in the console: how services are, and messages set aside without their content."""

import asyncio
import re
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from tests.console.desk import Desk, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "Amina Prova, 091 1234567"


async def set_aside(town: Town, key: str = "") -> str:
    """Something that nobody can read, on the topic of referral's commands; returns its id, once it is set aside."""
    key = key or uuid4().hex
    producer = AIOKafkaProducer(bootstrap_servers=town.settings.kafka_url)
    await producer.start()
    try:
        topic = town.settings.named("referral.commands")
        await producer.send_and_wait(topic, SECRET.encode(), key=key.encode())
    finally:
        await producer.stop()
    async with town.desk("ops") as desk:
        return await shown(desk, key)


async def shown(desk: Desk, key: str) -> str:
    async with asyncio.timeout(30):
        while not (found := re.search(key + r"<br>([0-9a-f-]{36})", (await desk.get("/ops/now")).text)):
            await asyncio.sleep(0.2)
    return str(UUID(found[1]))


async def gone(desk: Desk, id: str) -> None:
    async with asyncio.timeout(30):
        while id in (await desk.get("/ops/now")).text:
            await asyncio.sleep(0.2)


async def test_services_that_run_are_ready_and_others_do_not_answer(palermo: Town) -> None:
    async with palermo.desk("ops") as desk:
        page = (await desk.get("/ops")).text

    assert page.count("non si sa") == 2  # how much they set aside
    found = dict(re.findall(r'<th scope="row">(\w+)</th>\s*<td>.*?</span> (.+?)</span>', page))
    assert found == {
        "console": "pronto", "directory": "pronto", "gateway": "pronto", "intake": "pronto", "programmes": "pronto",
        "referral": "pronto", "housing": "non risponde", "notifications": "non risponde",
    }  # fmt: skip


async def test_a_message_set_aside_is_shown_without_its_content_and_discarded_with_a_reason(palermo: Town) -> None:
    id = await set_aside(palermo)
    async with palermo.desk("ops") as desk:
        page = (await desk.get("/ops")).text
        short = await desk.post(f"/ops/referral/{id}/discard", why="so")
        again = await desk.post(f"/ops/referral/{id}/replay", why="Si prova ancora")
        await asyncio.sleep(4)  # it is looked for every other second
        still = (await desk.get("/ops/now")).text
        done = await desk.post(f"/ops/referral/{id}/discard", why="Chi l'ha mandato lo sa")
        await gone(desk, id)
        twice = await desk.post(f"/ops/referral/{id}/discard", why="Chi l'ha mandato lo sa")
        told = (await desk.get(twice.headers["location"])).text

    assert "non leggibile" in page and SECRET not in page and "091 1234567" not in page
    assert short.status_code == 422
    assert again.headers["location"] == "/ops?said=waiting" and id in still
    assert done.headers["location"] == "/ops?said=waiting"
    assert "questo messaggio non è più accantonato" in told


async def test_what_waits_behind_another_has_no_button_and_goes_with_it(palermo: Town) -> None:
    key = uuid4().hex
    first = await set_aside(palermo, key)
    await set_aside(palermo, key)
    async with palermo.desk("ops") as desk:
        await behind(desk, key)
        page = (await desk.get("/ops")).text
        assert page.count(f'formaction="/ops/referral/{first}/discard"') == 1
        assert "aspetta dietro un altro" in page
        await desk.post(f"/ops/referral/{first}/discard", why="Chi l'ha mandato lo sa")
        await gone(desk, first)
        second = await shown(desk, key)
        page = (await desk.get("/ops")).text

    of_second = page[page.index(second) :].partition("</tr>")[0]
    assert "non leggibile" in of_second and "riprovato" in of_second
    assert f'formaction="/ops/referral/{second}/replay"' in of_second


async def behind(desk: Desk, key: str) -> None:
    async with asyncio.timeout(30):
        while (await desk.get("/ops/now")).text.count(key) < 2:
            await asyncio.sleep(0.2)


async def test_no_service_but_ours_is_asked(palermo: Town) -> None:
    async with palermo.desk("ops") as desk:
        answer = await desk.post(f"/ops/example.com/{uuid4()}/replay", why="Si prova ancora")

    assert answer.status_code == 404
