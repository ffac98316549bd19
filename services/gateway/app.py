"""The gateway: the one door for commands from outside, by Kafka and HTTP, and the agencies' feeds."""

from services.chassis.service import Service
from services.gateway import api, broker, handlers, store

service = Service(
    name="gateway",
    handlers=handlers.handlers,
    api=api.router,
    indexes=store.INDEXES,
    jobs=(broker.keep_topics, api.end_polls),
)
