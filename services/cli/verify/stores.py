"""Reading what each service keeps in its own database; of documents that hold personal data only what is needed."""

from collections.abc import Mapping
from typing import Any

from pymongo import AsyncMongoClient

from contracts.topics import CAPACITY, TOPICS
from services.chassis.settings import Settings
from services.cli.verify.loaded import Doc, Source

SERVICES = tuple(sorted({name for topic in TOPICS for name in (*topic.readers, *topic.writers)} - {"agency"}))
ALL: None = None
KEPT: dict[str, dict[str, list[str] | None]] = {
    "directory": {"agencies": ALL, "offers": ALL},
    "intake": {"intakes": ["recorded"], "sharing": ALL, "agencies": ALL, "offers": ALL},
    "referral": {
        "referrals": ["referral_id", "need.need_id", "need.intake_id", "need.journey_id", "need.service",
                      "need.priority", "need.sender_agency", "need.sender_queue", "state", "version", "hop",
                      "predecessor_id", "successor_id", "place", "seat", "timers",
                      *(f"history.{name}" for name in ("version", "state", "by", "reason"))],
        "decisions": ["linked_id"], "links": ALL, "journeys": ALL, "tasks": ALL, "agencies": ALL, "offers": ALL,
    },
    **{service: {"places": ALL, "agencies": ALL, "offers": ALL} for service in CAPACITY.writers},
}  # fmt: skip
"""Which fields of which collections are read."""

OF_THE_CHASSIS: dict[str, list[str] | None] = {
    "offsets": ["next"],
    "parked": ["topic", "partition", "offset", "reason"],
}
OWING: Doc = {"owed": {"$ne": None}}
"""Of the positions, those whose last batch has something to say that is not known to be said."""


class Stores:
    """The databases of one network."""

    def __init__(self, settings: Settings, patience_s: float) -> None:
        self.settings = settings
        self.client: Any = AsyncMongoClient(
            settings.mongo_url.get_secret_value(), tz_aware=True, timeoutMS=int(patience_s * 1000), appname="verify"
        )

    def of(self, service: str) -> Any:
        return self.client[self.settings.named(service)]

    async def positions(self) -> dict[str, dict[Source, int | None]]:
        """How far each service has read, by partition (as the contracts name the topic); None: not begun."""
        found = {service: [doc async for doc in self.of(service).offsets.find({}, {"next": 1})] for service in SERVICES}
        return {
            service: {self._source(str(doc["_id"])): doc.get("next") for doc in docs}
            for service, docs in found.items()
            if docs
        }

    async def owed(self, services: Mapping[str, Any]) -> int:
        """How many batches have something to say that is not known to be said."""
        return sum([await self.of(service).offsets.count_documents(OWING) for service in services])

    async def read(self, services: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Doc]]:
        docs: dict[tuple[str, str], dict[str, Doc]] = {}
        for service in services:
            for collection, fields in (KEPT.get(service, {}) | OF_THE_CHASSIS).items():
                which = OWING if collection == "offsets" else {}
                found = self.of(service)[collection].find(which, fields, batch_size=1000)
                docs[service, collection] = {str(doc["_id"]): doc async for doc in found}
        return docs

    def _source(self, place: str) -> Source:
        name, _, partition = place.rpartition(":")
        return name.removeprefix(self.settings.named("")), int(partition)
