"""The topics and messages as a page that people read."""

from collections.abc import Iterable, Iterator

from contracts import codes, topics
from contracts.topics import Topic
from deploy.documents.spoken import Spoken, all_spoken

HEAD = """# Topics and messages

Made from `contracts/` by `python -m deploy.documents`; do not edit. Each type links to its JSON Schema; the same for
machines: [asyncapi.json](asyncapi.json). One valid message of each type lies in `contracts/samples/`.

An answer (`staffetta.command.accepted.v1`, `staffetta.command.rejected.v1`) travels on the topic of the service that
was asked, in order with the events it caused, and reaches the agency on its feed.
"""


def page() -> str:
    messages = (line for topic in topics.TOPICS for line in _messages(topic))
    return "\n".join([HEAD, *_topics(), *messages, *_later()]) + "\n"


def _topics() -> Iterator[str]:
    yield "## Topics\n"
    columns = ("Topic", "Written by", "Read by", "Key", "Partitions", "Kept", "Personal data")
    rows = ((f"`{t.name}`", ", ".join(t.writers), ", ".join(t.readers), t.key, str(t.partitions), _kept(t),
             _yes(t.personal)) for t in topics.TOPICS)  # fmt: skip
    yield from table(columns, rows)


def _messages(topic: Topic) -> Iterator[str]:
    yield f"\n## `{topic.name}`\n"
    rows = ((_link(spoken), f"`{spoken.key}`", spoken.meaning) for spoken in all_spoken() if spoken.topic is topic)
    yield from table(("Type", "Key", "Meaning"), rows)


def _later() -> Iterator[str]:
    yield "\n## Later\n"
    yield "Events that `contracts/data/events.json` lists, and that no service publishes yet.\n"
    later = (item for item in codes.table("events")["items"] if item.get("later"))
    yield from table(("Type", "Meaning"), ((f"`staffetta.{item['type']}.v1`", item["meaning"]) for item in later))


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _link(spoken: Spoken) -> str:
    return f"[`{spoken.ce_type}`](schemas/{spoken.name}.json)"


def _kept(topic: Topic) -> str:
    return "for ever (compacted)" if topic.retention_days is None else f"{topic.retention_days} days"


def _yes(true: bool) -> str:
    return "yes" if true else ""
