"""The directory service: cities' agencies, their queues and offers."""

from services.chassis.service import Service
from services.directory import api, handlers, store

service = Service(name="directory", handlers=handlers.handlers, api=api.router, indexes=store.INDEXES)
