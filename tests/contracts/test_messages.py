"""Every message can be read as it was written, the stored ones too; none says more than it may."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts import catalogue, codes, feeds, topics
from contracts.events import IntakeRecorded
from contracts.stated import StatedCommand, SubmitIntake, Tier0, Tier1, Tier2
from contracts.topics import said_by
from contracts.values import Message
from deploy.documents.spoken import FEED_COPIES, Spoken, all_spoken
from tests.contracts.messages import MODELS, messages

SAMPLES = Path(__file__).parents[2] / "contracts" / "samples"
TYPES = {spoken.ce_type: spoken for spoken in all_spoken() if spoken.model not in FEED_COPIES.values()}
TIERS = codes.table("sharing")["tiers"]
PERSONAL = frozenset(TIERS["tier1"]) | frozenset(TIERS["tier2"])
EVENTS = [row for row in catalogue.INSIDE if row.topic.kind == "events"]
OPEN_TO_SERVICES = [row.model for row in EVENTS] + list(feeds.COPIES)


# -- samples ----------------------------------------------------------------------------------------------------------


def test_one_message_of_each_type_is_stored() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} >= set(TYPES)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_stored_message_is_read_and_written_again_with_all_it_said(path: Path) -> None:
    stored = json.loads(path.read_text("utf-8"))
    model = TYPES[path.stem].model

    message = model.model_validate_json(path.read_bytes())

    assert lost(stored, message.model_dump(mode="json")) == []
    assert model.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("former", catalogue.FORMER)
def test_what_was_written_under_a_former_name_is_still_read(former: str) -> None:
    model = catalogue.BY_TYPE[former]
    stored = json.loads((SAMPLES / f"{model.TYPE}.json").read_text("utf-8"))
    came_later = {"asked"}

    then = {name: value for name, value in stored.items() if name not in came_later}

    assert model.model_validate(then) == model.model_validate(stored)


def test_a_stored_message_that_lost_a_field_would_be_noticed() -> None:
    assert lost({"a": [{"b": 1}]}, {"a": [{}]}) == ["/a/0/b"]
    assert lost({"a": "x"}, {"a": "y", "new": None}) == ["/a"]


def lost(stored: Any, written: Any, at: str = "") -> list[str]:
    """Where something stored is not written again; what is written beside it came later, and is no loss."""
    if isinstance(stored, dict) and isinstance(written, dict):
        both = [(value, written.get(name, ...), f"{at}/{name}") for name, value in stored.items()]
        return [place for was, now, where in both for place in lost(was, now, where)]
    if isinstance(stored, list) and isinstance(written, list) and len(stored) == len(written):
        return [place for i, was in enumerate(stored) for place in lost(was, written[i], f"{at}/{i}")]
    return [] if stored == written else [at]


# -- any message ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_written_is_read_again_as_it_was(model: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages(model))

    assert model.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("spoken", TYPES.values(), ids=lambda spoken: spoken.ce_type)
def test_what_we_say_may_grow_and_what_is_said_to_us_may_not_hold_more(spoken: Spoken) -> None:
    stored = json.loads((SAMPLES / f"{spoken.ce_type}.json").read_text("utf-8"))
    more = json.dumps(stored | {"a_field_of_a_later_release": 1})

    if spoken.is_from_outside:
        with pytest.raises(ValueError, match="extra_forbidden"):
            spoken.model.model_validate_json(more)
    else:
        assert spoken.model.model_validate_json(more) == spoken.model.model_validate_json(json.dumps(stored))


# -- what may be said -------------------------------------------------------------------------------------------------


def fields(model: type[BaseModel]) -> set[str]:
    """The names of all fields that a message of this model can show, at any depth."""
    shape = model.model_json_schema(mode="serialization")
    shown = [shape, *shape.get("$defs", {}).values()]
    return {name for part in shown for name in part.get("properties", {})}


@pytest.mark.parametrize("model", OPEN_TO_SERVICES, ids=lambda model: model.__name__)
def test_no_event_has_a_field_for_who_the_person_is_or_for_sensitive_data(model: type[Message]) -> None:
    assert not fields(model) & PERSONAL


def test_a_field_deep_inside_an_event_would_be_noticed() -> None:
    class Leaking(IntakeRecorded):
        people: tuple[Tier1, ...]

    assert {"birth_date", "citizenship"} <= fields(Leaking) & PERSONAL


def test_an_intake_is_told_with_the_fields_of_tier_0_and_no_others() -> None:
    envelope, derived = {"intake_id", "occurred_at"}, {"age_band_until"}

    assert set(IntakeRecorded.model_fields) == set(TIERS["tier0"]) | envelope | derived


def test_the_intake_that_agencies_submit_has_the_fields_of_the_three_tiers_and_no_others() -> None:
    models: dict[str, type[BaseModel]] = {"tier0": Tier0, "tier1": Tier1, "tier2": Tier2}

    for tier, model in models.items():
        assert SubmitIntake.model_fields[tier].annotation is model
        assert set(model.model_fields) == set(TIERS[tier])


def test_a_feed_shows_no_agency_whom_the_person_excluded() -> None:
    stored = (SAMPLES / "staffetta.intake.recorded.v1.json").read_bytes()

    assert "withhold" not in fields(feeds.IntakeRecordedForSender)
    assert "withhold" not in feeds.IntakeRecordedForSender.model_validate_json(stored).model_dump()


def test_a_feed_does_not_show_when_somebody_comes_of_another_age() -> None:
    assert "age_band_until" not in fields(feeds.IntakeRecordedForSender)


# -- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [r for r in catalogue.INSIDE if not r.prefix], ids=lambda row: row.type)
def test_keys_are_ids_that_tell_nothing(row: catalogue.Row) -> None:
    fields = row.model.model_fields
    kind: Any = fields[row.key].annotation if row.key in fields else getattr(row.model, row.key).fget.__annotations__

    assert kind is UUID or kind == {"return": UUID}


@pytest.mark.parametrize("row", EVENTS, ids=lambda row: row.type)
def test_every_event_is_in_the_one_list_and_published_by_who_owns_its_topic(row: catalogue.Row) -> None:
    listed = {f"staffetta.{item['type']}.v1": item["published_by"] for item in codes.table("events")["items"]}

    assert row.topic.owner in listed[row.type]


def test_an_event_that_no_service_publishes_is_marked_as_such_and_no_other_is() -> None:
    said = {row.type for row in EVENTS} | {answer.TYPE for answer in catalogue.ANSWERS}
    listed = {f"staffetta.{item['type']}.v1": item for item in codes.table("events")["items"]}

    later = {type for type, item in listed.items() if item.get("later")}

    assert later == listed.keys() - said
    assert later == {type for type, item in listed.items() if not item["published_by"]}
    assert len(codes.table("events")["items"]) == len(listed), "each once"


def test_a_table_all_of_whose_events_are_of_later_says_so() -> None:
    later = {item["type"] for item in codes.table("events")["items"] if item.get("later")}
    transfer = codes.table("transitions")["case_transfer"]

    assert transfer["later"] is {row["event"] for row in transfer["transitions"]}.issubset(later)


def test_no_two_messages_have_one_type() -> None:
    types = [row.type for row in catalogue.INSIDE] + [answer.TYPE for answer in catalogue.ANSWERS]

    assert len({*types, *catalogue.OUTSIDE}) == len(types) + len(catalogue.OUTSIDE)
    assert not hasattr(StatedCommand, "TYPE")


def test_personal_data_travels_on_topics_that_gateway_and_intake_alone_read_and_for_seven_days() -> None:
    personal = [topic for topic in topics.TOPICS if topic.personal]

    assert {topic.name for topic in personal} == {"agencies.{agency}.commands", "people.commands", "intake.commands"}
    assert {reader for topic in personal for reader in topic.readers} == {"gateway", "intake"}
    assert {topic.retention_days for topic in personal} == {7}


@pytest.mark.parametrize("service", ["intake", "referral", "directory"])
def test_a_service_answers_where_it_says_what_happened(service: str) -> None:
    assert said_by(service).owner == service
    assert {row.topic for row in catalogue.INSIDE if row.topic.owner == service and row.topic.kind != "commands"} == {
        said_by(service)
    }
