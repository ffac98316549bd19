"""CloudEvents 1.0 in Kafka's binary mode: from a record to a message and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts import catalogue
from contracts.topics import Topic
from contracts.values import Message

PLACES = uuid5(NAMESPACE_URL, "staffetta:places")

LATEST_MS = 1 << 42
"""A broker that does not stamp what it appends passes on any number."""

Record = Any
"""What Kafka hands out."""
Source = tuple[str, int]
Lane = tuple[str, int, bytes]
Offsets = dict[Source, int]
Headers = list[tuple[str, bytes]]


class Outgoing(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    headers: Headers


Said = Mapping[Source, list[Outgoing]]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it came in. `message` is None for a door's record, for a type we do not know, and for `fault`."""

    id: UUID
    topic: Topic
    name: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, str]
    time: datetime
    message: Message | None = None
    fault: str | None = None

    @property
    def source(self) -> Source:
        return self.name, self.partition

    @property
    def lane(self) -> Lane:
        """What stays in order: a key of a partition."""
        return self.name, self.partition, self.key

    @property
    def place(self) -> str:
        return f"{self.name}/{self.partition}/{self.offset}"

    @property
    def where(self) -> dict[str, object]:
        """For a log line: never the content, nor what a stranger's header says."""
        type = self.message.TYPE if self.message else ""
        return {"topic": self.name, "partition": self.partition, "offset": self.offset, "type": type}

    @property
    def correlation_id(self) -> str:
        """Empty at a door: what a stranger's header says is not repeated."""
        return "" if self.topic.kind == "door" else self.headers.get("ce_correlationid", "")

    @property
    def is_ours(self) -> bool:
        """False for an event of a later release: what this one knows nothing of, it has nothing to do about."""
        return self.message is not None or self.fault is not None or self.topic.kind == "door"


def read(record: Record, topic: Topic, ahead: timedelta = timedelta(0)) -> Incoming:
    """Never raises: what cannot be read or done comes back with its `fault`. ahead: of the edge's clock, for a door."""
    headers = {k: v.decode("utf-8", "replace") for k, v in record.headers or () if v is not None}
    key, value, fault = record.key or b"", record.value or b"", None
    try:
        id, time, message = _by_place(record) if topic.kind == "door" else _by_name(headers, value)
    except (KeyError, ValueError, OverflowError) as bad:
        (id, time, message), fault = _by_place(record), f"unreadable:{type(bad).__name__}"
    if topic.kind == "commands" and not (message or fault):
        fault = "unknown_type"  # of a later release: passed over, it would never be answered
    at = record.topic, record.partition, record.offset
    time += ahead if topic.kind == "door" else timedelta(0)
    return Incoming(id, topic, *at, key, value, headers, time, message, fault)


def _by_name(headers: dict[str, str], value: bytes) -> tuple[UUID, datetime, Message | None]:
    model = catalogue.BY_TYPE.get(headers["ce_type"])
    time = datetime.fromisoformat(headers["ce_time"]).astimezone(UTC)
    return UUID(headers["ce_id"]), time, model.model_validate_json(value) if model else None


def _by_place(record: Record) -> tuple[UUID, datetime, None]:
    """What has no id and time of its own, or none that we trust: where it lies, and when the broker appended it."""
    id = place_id(record.topic, record.partition, record.offset, record.timestamp)
    return id, datetime.fromtimestamp(_told(record.timestamp) / 1000, UTC), None


def place_id(topic: str, partition: int, offset: int, at_ms: int) -> UUID:
    """at_ms: when it was put there. A topic that is made anew has the same places once more, for other messages."""
    return uuid5(PLACES, f"{topic}/{partition}/{offset}/{_told(at_ms)}")


def _told(at_ms: int) -> int:
    return min(max(at_ms, 0), LATEST_MS)


def headers(*, id: UUID, source: str, type: str, time: datetime, subject: str, **more: object) -> Headers:
    """more: `correlation_id`, `causation_id`, `sequence`, `traceparent`. What is empty is left out.

    time: to the millisecond, which is what the store keeps of an instant.
    """
    given = {
        "content-type": "application/json", "ce_specversion": "1.0", "ce_id": id, "ce_source": source, "ce_type": type,
        "ce_time": time.isoformat(timespec="milliseconds"), "ce_subject": subject,
        "ce_correlationid": more.get("correlation_id"), "ce_causationid": more.get("causation_id"),
        "ce_sequence": more.get("sequence"), "traceparent": more.get("traceparent"),
    }  # fmt: skip
    return [(name, str(value).encode()) for name, value in given.items() if value not in (None, "")]
