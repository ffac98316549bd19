"""The documents made from the code are current and say what travels."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from contracts import topics
from deploy.documents import __main__ as documents
from deploy.documents import asyncapi, tables
from deploy.documents.spoken import by_name
from services.chassis import messages


def headers(known: str = "", sequence: int | None = None) -> set[str]:
    """The names of the headers of a message of which this is known, beside what always is."""
    given = messages.headers(
        id=UUID(int=1), source="/services/intake", type="staffetta.intake.recorded.v1", time=datetime.now(UTC),
        subject="x", correlation_id=known, causation_id=known, sequence=sequence, traceparent=known,
    )  # fmt: skip
    return {name for name, _ in given}


def test_the_documents_are_current() -> None:
    assert documents.stale() == []


def test_a_document_that_is_not_current_would_be_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(documents, "DOCS", tmp_path)
    documents.write()
    assert documents.stale() == []

    (tmp_path / "events.md").write_text("old", "utf-8")
    (tmp_path / "schemas" / "staffetta.old.v1.json").write_text("{}", "utf-8")

    assert [path.name for path in documents.stale()] == ["events.md", "staffetta.old.v1.json"]


def test_the_page_of_events_says_which_of_the_list_no_service_publishes_yet() -> None:
    _, heading, later = tables.page().partition("## Later\n")

    assert heading
    assert "`staffetta.case_transfer.requested.v1`" in later
    assert "`staffetta.intake.recorded.v1`" not in later


def test_the_documented_headers_are_those_that_are_written() -> None:
    every = headers("known", sequence=0)

    documented = asyncapi.document()["components"]["schemas"]["headers"]

    assert set(documented["properties"]) == every
    assert set(documented["required"]) == headers()


def test_every_topic_has_its_channel_with_who_writes_and_who_reads() -> None:
    made = asyncapi.document()

    assert [channel["address"] for channel in made["channels"].values()] == [topic.name for topic in topics.TOPICS]
    used = {operation["channel"]["$ref"] for operation in made["operations"].values()}
    assert used == {f"#/channels/{name}" for name in made["channels"]}
    assert {"agencies.agency.feed.gateway.send", "agencies.agency.feed.agency.receive"} <= set(made["operations"])


def test_every_reference_leads_somewhere() -> None:
    made = asyncapi.document()
    channels, parts = made["channels"], made["components"]

    for channel in channels.values():
        for name, message in channel["messages"].items():
            assert message["$ref"] == f"#/components/messages/{name}"
            assert parts["messages"][name]["payload"]["$ref"] == f"./schemas/{name}.json"
            assert parts["messages"][name]["headers"]["$ref"].rpartition("/")[2] in parts["schemas"]


@pytest.mark.parametrize("name", by_name())
def test_every_schema_is_json_and_names_itself(name: str) -> None:
    text = (documents.DOCS / "schemas" / f"{name}.json").read_text("utf-8")

    assert json.loads(text)["$id"] == f"{name}.json"


def test_a_command_s_schema_takes_that_command_alone() -> None:
    made = documents.schema(by_name()["staffetta.referral.accept.v1"])

    assert made["properties"]["command"] == {"const": "accept"}
    assert made["additionalProperties"] is False
