"""Topics on the broker: made where they are missing, with the retention of the contracts and the broker's clock."""

import asyncio
import logging
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import TopicAlreadyExistsError

from contracts.topics import Topic
from services.chassis import reaching
from services.chassis.messages import Source
from services.chassis.settings import Settings

log = logging.getLogger("staffetta.kafka")

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
TOLD_S = 30
"""How long a broker may take to tell of a topic that was made."""


class Refused(Exception):
    """By the names of topics, why the broker makes none of them."""


async def ensure_topics(settings: Settings, wanted: Iterable[tuple[str, Topic]]) -> None:
    """Make the topics (given by their name in this network) that do not exist.

    Who subscribes before the broker tells of them all is given nothing, and looks again only seconds later: so they are
    waited for, whoever makes them. Raises TimeoutError, and Refused once all others are there.
    """
    named = [(settings.named(name), topic) for name, topic in wanted]
    admin = AIOKafkaAdminClient(**reaching.broker(settings))
    await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = [_new(name, topic, settings.kafka_replication) for name, topic in named if name not in there]
        refused = _refused((await admin.create_topics(missing)).topic_errors if missing else ())
        await _until_told(admin, {name for name, _ in named} - refused.keys())
    finally:
        await admin.close()
    if refused:
        log.error("the broker makes none of these topics: %s", refused)
        raise Refused(refused)


async def _until_told(admin: AIOKafkaAdminClient, made: set[str]) -> None:
    unseen = made
    try:
        async with asyncio.timeout(TOLD_S):
            while unseen := made - set(await admin.list_topics()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        log.error("these topics are there, and the broker does not show them: have we the right? %s", sorted(unseen))
        raise


def _refused(answers: Iterable[tuple[Any, ...]]) -> dict[str, object]:
    """Another replica may have made the same topic a moment before."""
    fine = (0, TopicAlreadyExistsError.errno)
    return {name: rest[0] if rest else code for name, code, *rest in answers if code not in fine}


def _new(name: str, topic: Topic, copies: int) -> NewTopic:
    """As it is made. What a broker loses of its tail is not seen once as much has followed, so that must not happen."""
    # by a worker's own clock, if that is wrong, the broker would refuse what it says, or drop it before it is read
    kept = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "compact"}
    if topic.retention_days is not None:
        kept |= {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * DAY_MS)}
    if topic.personal:
        # a broker drops whole segments, and only once all in them is old: by itself one holds a week of what comes
        kept["segment.ms"] = str(HOUR_MS)
    if topic.kind == "door":
        # whatever a client packs, and however, the broker unpacks, and measures what comes out
        kept["compression.type"] = "uncompressed"
    if copies > 1:
        # acknowledged is what two have, and who lacks it does not lead
        kept |= {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}
    return NewTopic(name, num_partitions=topic.partitions, replication_factor=copies, topic_configs=kept)


async def given(settings: Settings, group: str) -> set[Source] | None:
    """What the members of a consumer group have been given; None while they share out."""
    admin = AIOKafkaAdminClient(**reaching.broker(settings))
    await admin.start()
    try:
        [described] = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    [(_error, _group, state, _type, _protocol, members)] = described.groups
    if state != "Stable":
        return None
    shares = [ConsumerProtocolMemberAssignment.decode(share).assignment for *_, share in members if share]
    return {(topic, partition) for share in shares for topic, partitions in share for partition in partitions}


def pattern(settings: Settings, topics: Iterable[Topic]) -> str:
    """One subscription for all topics of a service; a new agency's topic matches as soon as it exists."""
    any_agency = r"[a-z0-9_]+(\.[a-z0-9_]+)*"
    names = (re.escape(settings.named(t.name)).replace(r"\{agency\}", any_agency) for t in topics)
    return f"^({'|'.join(names)})$"


def is_whole(topic: Topic, begin: int, first_at: datetime | None, since: datetime, now: datetime) -> bool:
    """Whether nothing is missing of what was put on a partition since then.

    begin: its first offset; first_at: when that was put there, None when nothing is left. A broker drops what is older
    than the retention, and often later than it might.
    """
    if begin == 0 or topic.retention_days is None:
        return True
    return since >= now - timedelta(days=topic.retention_days) or (first_at is not None and since >= first_at)


def kept_from(topic: Topic, now: datetime) -> datetime:
    """What was put there since then stays there for the next hour, in which one may ask for it."""
    return (now - timedelta(days=topic.retention_days or 0) + timedelta(hours=1)).replace(microsecond=0)
