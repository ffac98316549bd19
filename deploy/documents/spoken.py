"""Which message travels on which topic, under which name."""

from collections.abc import Iterator
from dataclasses import dataclass

from contracts import catalogue, codes, feeds, topics
from contracts.catalogue import Row
from contracts.stated import StatedCommand
from contracts.topics import Topic
from contracts.values import Message

FEED_COPIES: dict[str, type[Message]] = {model.TYPE: model for model in feeds.COPIES}
"""What a feed shows with less in it than our own topic: the whole of `contracts.feeds`."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message type as it travels on one topic. name: of its schema; key: what its key is."""

    name: str
    ce_type: str
    model: type[Message]
    topic: Topic
    key: str

    @property
    def is_from_outside(self) -> bool:
        return self.topic.kind == "door"

    @property
    def command(self) -> str | None:
        """Of a command on a referral: its name in `transitions.json`."""
        return self.ce_type.split(".")[2] if self.model is StatedCommand else None

    @property
    def meaning(self) -> str:
        """What the tables say of it, else the first paragraph of the model's own words."""
        if self.command:
            return _transition(self.command)
        short = self.ce_type.removeprefix("staffetta.").rpartition(".")[0]
        listed = {item["type"]: item["meaning"] for item in codes.table("events")["items"]}
        own = (self.model.__doc__ or "").partition("\n\n")[0]
        return str(listed.get(short) or " ".join(own.split()))


def _transition(command: str) -> str:
    row = next(row for row in codes.commands_on_referrals() if row["command"] == command)
    by = [role for role in codes.table("running")["commands"][command] if role != "system"]
    needed, may = (
        [name for name in row.get(kind, ()) if name in StatedCommand.model_fields]
        for kind in ("required_fields", "optional_fields")
    )
    whither = f"from {', '.join(row['from'])} to {row['to']}" if "to" in row else f"in {', '.join(row['allowed_in'])}"
    supervised = " (a supervisor)" if row.get("supervised") else ""
    said = f"By the {' or the '.join(by)}{supervised}: {whither}."
    said += f" Must carry {', '.join(needed)}." if needed and row.get("to") != "REQUESTED" else ""
    return said + (f" May carry {', '.join(may)}." if may else "")


def all_spoken() -> list[Spoken]:
    return [*_at_the_door(), *_on_feeds(), *_inside()]


def by_name() -> dict[str, Spoken]:
    """One for each schema, in the order of their names."""
    return {spoken.name: spoken for spoken in sorted(all_spoken(), key=lambda spoken: spoken.name)}


def _at_the_door() -> Iterator[Spoken]:
    """What an agency's system may say on its topic; what persons in their roles may, on theirs."""
    for topic, person in ((topics.AGENCY_COMMANDS, frozenset[str]()), (topics.PEOPLE_COMMANDS, codes.PERSON_ROLES)):
        for type, model in catalogue.OUTSIDE.items():
            yield Spoken(type, type, model, topic, topic.key)
        for command in codes.table("running")["commands"]:
            type = f"staffetta.referral.{command}.v1"
            if codes.door_refusal(command, person) is None and type not in catalogue.OUTSIDE:
                yield Spoken(type, type, StatedCommand, topic, topic.key)


def _on_feeds() -> Iterator[Spoken]:
    for answer in catalogue.ANSWERS:
        yield Spoken(answer.TYPE, answer.TYPE, answer, topics.AGENCY_FEED, topics.AGENCY_FEED.key)
    for row in catalogue.INSIDE:
        if _is_told_to_agencies(row.topic) and row.model not in feeds.TOLD_TO_NOBODY:
            less = FEED_COPIES.get(row.type)
            name = f"{row.type}.feed" if less else row.type
            yield Spoken(name, row.type, less or row.model, topics.AGENCY_FEED, row.key)


def _is_told_to_agencies(topic: Topic) -> bool:
    return topic.kind == "events" and "gateway" in topic.readers


def _key(row: Row) -> str:
    return f"{row.prefix}{{{row.key}}}" if row.prefix else row.key


def _inside() -> Iterator[Spoken]:
    for row in catalogue.INSIDE:
        for topic in (row.topic, *row.also):
            yield Spoken(row.type, row.type, row.model, topic, _key(row))
    for topic in topics.TOPICS:
        if topic.kind == "state" or _is_told_to_agencies(topic):
            for answer in catalogue.ANSWERS:
                key = "answer/" + topic.key if topic.kind == "state" else topic.key
                yield Spoken(answer.TYPE, answer.TYPE, answer, topic, key)
