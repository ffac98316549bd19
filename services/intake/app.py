"""The intake service: people, intakes, the services they ask for, and who may be told."""

from services.chassis.service import Service
from services.intake import api, handlers, store

service = Service(name="intake", handlers=handlers.handlers, api=api.router, indexes=store.INDEXES)
