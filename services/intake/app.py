"""The intake service: people, intakes, the services they ask for, and who may be told."""

from services.chassis.service import Service
from services.intake import api, expiry, handlers, store

service = Service(
    name="intake", handlers=handlers.handlers, api=api.router, indexes=store.INDEXES, jobs=(expiry.sweep,)
)
