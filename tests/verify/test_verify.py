"""A network at rest keeps every promise; each way to break one is found by its check; nothing personal is told."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient

from contracts import codes
from services.chassis.settings import Settings
from services.cli.verify.loaded import Loaded
from services.cli.verify.network import opened
from services.cli.verify.report import HISTORY_GONE
from services.cli.verify.verifying import CHECKS, judge, verify
from tests import nursery
from tests.builders import an_intake
from tests.nursery import Asked
from tests.verified import assert_verified
from tests.verify.plants import FOUND_BY, Faults, parked_and_replayed, repeated, without_beginnings
from tests.verify.scene import CASE, Scene, scene

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with scene(network, tmp_path_factory.mktemp("network")) as played:
        yield played


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(played: Scene) -> Loaded:
    """What is read of the network at rest, with every promise kept."""
    await assert_verified(played.settings)
    async with opened(played.settings) as network:
        return await network.load(lambda _done, _total: None)


async def test_a_network_at_rest_keeps_every_promise_and_every_check_has_looked(loaded: Loaded) -> None:
    report = judge(loaded)

    assert report.findings == ()
    assert all(looked.looked_at and not looked.not_checked for looked in report.checks)
    assert report.of("needs").looked_at == 12
    assert {"CLOSED", "ACCEPTED", "REQUESTED", "DECLINED", "WAITLISTED", "DRAFT"} == {
        doc["state"] for doc in loaded.stored("referral", "referrals").values()
    }


@pytest.mark.parametrize(("check", "fault"), [(check, fault) for check in FOUND_BY for fault in FOUND_BY[check]])
async def test_a_broken_promise_is_found_and_told_without_what_is_known_of_anybody(
    played: Scene, loaded: Loaded, check: str, fault: str
) -> None:
    report = judge(Faults(loaded, played.referrals).named(fault))

    assert [f for f in report.of(check).findings if FOUND_BY[check][fault] in f.wrong]
    _tells_nothing_personal(json.dumps(report.as_data()), loaded)


async def test_every_check_is_seen_to_find_something() -> None:
    assert FOUND_BY.keys() == CHECKS.keys()


async def test_a_message_that_came_again_under_its_own_id_is_counted_and_is_no_finding(loaded: Loaded) -> None:
    report = judge(repeated(loaded))

    assert report.findings == ()
    assert report.repeats == judge(loaded).repeats + len(loaded.said["referrals"])


async def test_an_answer_for_the_time_being_may_be_followed_by_another(loaded: Loaded) -> None:
    """A message that was parked and then replayed."""
    report = judge(parked_and_replayed(loaded, "agencies.pa.accura.feed"))

    assert report.of("answers").findings == ()


async def test_what_lost_its_history_is_counted_and_is_no_finding(loaded: Loaded) -> None:
    report = judge(without_beginnings(loaded))

    assert [f for f in report.findings if f.check in ("state", "versions", "answers", "places", "feeds")] == []
    assert report.of("state").not_checked[HISTORY_GONE] > 5
    assert report.of("feeds").not_checked[HISTORY_GONE] > 0


async def test_what_is_still_under_way_is_no_finding(played: Scene) -> None:
    """Looked at in the middle of a burst, and again when it has passed."""
    for n in range(12):
        await played.comune.submit(an_intake(f"burst-{n}", services=("health.primary", "legal.documents")))

    report = await verify(played.settings, patience_s=0, moment_s=12)

    assert report.findings == ()
    await assert_verified(played.settings)


async def test_the_command_says_what_is_wrong_and_fails_and_is_content_when_it_is_mended(played: Scene) -> None:
    client: Any = AsyncIOMotorClient(played.settings.mongo_url.get_secret_value())
    referrals, id = client[played.settings.named("referral")].referrals, played.referrals["taken"]
    await referrals.update_one({"_id": id}, {"$set": {"state": "IN_SERVICE"}})

    broken = await _staffetta(played.settings, "--json", "--again", "0.1")
    page = await _staffetta(played.settings, "--again", "0.1")
    await referrals.update_one({"_id": id}, {"$set": {"state": "ACCEPTED"}})
    mended = await _staffetta(played.settings)
    client.close()

    assert broken.status == page.status == 1
    wrong = [found for looked in json.loads(broken.said)["checks"] for found in looked["findings"]]
    assert [(f["check"], f["aggregate"]) for f in wrong] == [("state", f"referral {id}")]
    assert "state is IN_SERVICE, its events say ACCEPTED" in page.said
    assert mended.status == 0, mended.said + mended.complaint


async def test_a_topic_whose_old_messages_are_gone_is_said_to_be_so(played: Scene) -> None:
    settings = played.settings
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_url)
    await admin.start()
    at = [TopicPartition(settings.named("referrals"), p) for p in range(6)]
    await admin.delete_records({p: RecordsToDelete(before_offset=3) for p in at})
    await admin.close()

    report = await assert_verified(settings)

    assert report.of("state").not_checked[HISTORY_GONE] > 0


async def _staffetta(settings: Settings, *args: str) -> Asked:
    told = {
        "KAFKA_URL": settings.kafka_url, "MONGO_URL": settings.mongo_url.get_secret_value(),
        "STAFFETTA_NAMESPACE": settings.namespace, "LANG": "C.UTF-8",
    }  # fmt: skip
    return await nursery.run("services.cli", "verify", *args, environment=os.environ | told)


def _tells_nothing_personal(text: str, loaded: Loaded) -> None:
    people = {doc["recorded"]["person_ref"] for doc in loaded.stored("intake", "intakes").values()}
    sensitive = {code for code, item in codes.codes("services").items() if item["sensitive"]}
    assert not [word for word in {CASE} | people | sensitive if word in text]
