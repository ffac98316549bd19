"""CloudEvents 1.0 in Kafka's binary mode: from a record to a message and back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import ValidationError

from contracts import catalogue
from contracts.topics import Topic
from contracts.values import Message

PLACES = uuid5(NAMESPACE_URL, "staffetta:places")
CONTENT_TYPE = b"application/json"


class Record(Protocol):
    """What Kafka hands out."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


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
    def source(self) -> tuple[str, int]:
        return self.name, self.partition

    @property
    def place(self) -> str:
        return f"{self.name}/{self.partition}/{self.offset}"

    @property
    def correlation_id(self) -> str:
        return self.headers.get("ce_correlationid", "")


def place_id(topic: str, partition: int, offset: int) -> UUID:
    """The identity of what has none of its own, or none that we trust: where it lies."""
    return uuid5(PLACES, f"{topic}/{partition}/{offset}")


def read(record: Record, topic: Topic) -> Incoming:
    """Never raises: what cannot be read comes back with its `fault`."""
    headers = {k: v.decode("utf-8", "replace") for k, v in record.headers or () if v is not None}
    known: dict[str, Any] = {
        "topic": topic, "name": record.topic, "partition": record.partition, "offset": record.offset,
        "key": record.key or b"", "value": record.value or b"", "headers": headers,
    }  # fmt: skip
    here, edge = place_id(record.topic, record.partition, record.offset), _edge(record)
    if topic.kind == "door":
        return Incoming(id=here, time=edge, **known)
    try:
        id, time = UUID(headers["ce_id"]), datetime.fromisoformat(headers["ce_time"]).astimezone(UTC)
        model = catalogue.BY_TYPE.get(headers["ce_type"])
        message = model.model_validate_json(known["value"]) if model else None
    except (KeyError, ValueError, ValidationError) as fault:
        return Incoming(id=here, time=edge, fault=f"unreadable:{type(fault).__name__}", **known)
    return Incoming(id=id, time=time, message=message, **known)


def _edge(record: Record) -> datetime:
    """The broker's own clock: door topics are stamped when the message is appended."""
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def headers(
    *, id: UUID, source: str, type: str, time: datetime, subject: str, correlation_id: str, causation_id: str,
    sequence: int | None, traceparent: str | None,
) -> list[tuple[str, bytes]]:  # fmt: skip
    given = {
        "ce_specversion": "1.0",
        "ce_id": str(id),
        "ce_source": source,
        "ce_type": type,
        "ce_time": time.isoformat(),
        "ce_subject": subject,
        "ce_correlationid": correlation_id,
        "ce_causationid": causation_id,
        "ce_sequence": None if sequence is None else str(sequence),
        "traceparent": traceparent,
    }
    return [("content-type", CONTENT_TYPE), *((k, v.encode()) for k, v in given.items() if v)]
