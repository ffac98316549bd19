"""The referral service: routing, the referral's life, journeys and tasks."""

from services.chassis.service import Service
from services.referral import api, handlers, measuring, store, sweep

service = Service(
    name="referral",
    handlers=handlers.handlers,
    api=api.router,
    indexes=store.INDEXES,
    jobs=(sweep.sweep, measuring.measure),
)
