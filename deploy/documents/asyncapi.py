"""The network's topics and messages as AsyncAPI 3.0."""

from typing import Any

from contracts import topics
from contracts.topics import Topic
from deploy.documents.spoken import Spoken, all_spoken, by_name

Json = dict[str, Any]
DAY_MS = 86_400_000

HEADERS = {
    "content-type": "application/json",
    "ce_specversion": "CloudEvents 1.0",
    "ce_id": "The message's own id: a repeat has the same",
    "ce_source": "Who says it: /services/<service> or /agencies/<agency>",
    "ce_type": "staffetta.<what>.v<major>",
    "ce_time": "When the network's edge took in what this follows from (RFC 3339)",
    "ce_subject": "The aggregate it is about",
    "ce_correlationid": "The journey: everything that came of one intake",
    "ce_causationid": "The id of the message that this one follows from",
    "ce_sequence": "The aggregate's version after it",
    "traceparent": "W3C Trace Context",
}
"""Every header of a message of ours; a test holds it against what the chassis writes."""

OPTIONAL = ("ce_correlationid", "ce_causationid", "ce_sequence", "traceparent")
NEEDED_AT_THE_DOOR = ("ce_specversion", "ce_id", "ce_source", "ce_type")


def document() -> Json:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Staffetta",
            "version": "1.0.0",
            "description": "What agencies and the services of the network say to one another over Kafka. "
            "CloudEvents 1.0 in Kafka's binary mode; keys are opaque ids. Made from the code: do not edit.",
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": "application/json",
        "channels": {_id(topic): _channel(topic) for topic in topics.TOPICS},
        "operations": {name: operation for topic in topics.TOPICS for name, operation in _operations(topic).items()},
        "components": {
            "messages": {name: _message(spoken) for name, spoken in by_name().items()},
            "schemas": {"headers": _headers(), "headersAtTheDoor": _headers_at_the_door()},
        },
    }


def _on(topic: Topic) -> list[Spoken]:
    return [spoken for spoken in all_spoken() if spoken.topic is topic]


def _id(topic: Topic) -> str:
    return topic.name.replace("{agency}", "agency")


def _channel(topic: Topic) -> Json:
    agency = {"agency": {"description": "The agency's code in the directory, such as pa.penc."}}
    return {
        "address": topic.name,
        "description": _about(topic),
        "messages": {spoken.name: {"$ref": f"#/components/messages/{spoken.name}"} for spoken in _on(topic)},
        **({"parameters": agency} if topic.one_per_agency else {}),
        "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": _kept(topic), **KAFKA}},
        "x-owner": ", ".join(topic.writers) if topic.kind == "events" else topic.owner,
        "x-readers": list(topic.readers),
        "x-key": topic.key,
        "x-personal-data": topic.personal,
    }


KAFKA = {"bindingVersion": "0.5.0"}

ABOUT = {
    "door": "What one agency's system says. The topic, not the payload, says who speaks; time is the broker's.",
    "feed": "What one agency's system is told: the answers to its commands, in order with what they caused.",
    "commands": "What a service is asked; nobody else may read it.",
    "events": "What happened, and the answers to commands, in order for each key.",
    "state": "The latest state of each entry, for ever (compacted); answers lie under keys of their own.",
}


def _about(topic: Topic) -> str:
    personal = " Holds personal data: only its readers may read it." if topic.personal else ""
    return ABOUT[topic.kind] + personal


def _kept(topic: Topic) -> Json:
    if topic.retention_days is None:
        return {"cleanup.policy": ["compact"]}
    return {"cleanup.policy": ["delete"], "retention.ms": topic.retention_days * DAY_MS}


def _operations(topic: Topic) -> Json:
    """Who writes and who reads."""
    who = {f"{writer}.send": "send" for writer in topic.writers}
    who |= {f"{reader}.receive": "receive" for reader in topic.readers}
    return {
        f"{_id(topic)}.{name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{_id(topic)}"},
            "tags": [{"name": name.partition(".")[0]}],
        }
        for name, action in who.items()
    }


def _message(spoken: Spoken) -> Json:
    return {
        "name": spoken.ce_type,
        "title": spoken.model.__name__,
        "summary": spoken.meaning,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/headers{'AtTheDoor' if spoken.is_from_outside else ''}"},
        "payload": {"$ref": f"./schemas/{spoken.name}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": spoken.key}, **KAFKA}},
    }


def _headers() -> Json:
    properties = {name: {"type": "string", "description": says} for name, says in HEADERS.items()}
    return {"type": "object", "required": [n for n in HEADERS if n not in OPTIONAL], "properties": properties}


def _headers_at_the_door() -> Json:
    """What an agency's system sends: CloudEvents' own; everything else is set by the network."""
    own = ("content-type", *NEEDED_AT_THE_DOOR, "ce_time", "traceparent")
    properties = {name: {"type": "string", "description": HEADERS[name]} for name in own}
    return {"type": "object", "required": list(NEEDED_AT_THE_DOOR), "properties": properties}
