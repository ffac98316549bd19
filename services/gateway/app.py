"""The gateway: the one door for commands from outside, by Kafka and HTTP, and the agencies' feeds."""

from services.chassis.service import Service
from services.gateway import api, broker, handlers

service = Service(name="gateway", handlers=handlers.handlers, api=api.router, jobs=(broker.keep_topics, api.end_polls))
