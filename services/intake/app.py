"""The intake service: people, intakes, the services they ask for, and who may be told."""

from services.chassis.service import Service
from services.chassis.sweep import sweeping
from services.intake import api, expiry, handlers, store

service = Service(
    name="intake",
    handlers=handlers.handlers,
    api=api.router,
    indexes=store.INDEXES,
    jobs=(sweeping(expiry.due, "sharing bases"),),
)
