"""The programmes service: appointment slots and cohort seats of each offer, as one count."""

from contracts.topics import PROGRAMMES_COMMANDS
from services.chassis.service import Service
from services.chassis.sweep import sweeping
from services.places import api, handlers, lapse, store
from services.programmes import domain

service = Service(
    name="programmes",
    handlers=handlers.counting(PROGRAMMES_COMMANDS, domain.seats),
    api=api.router,
    indexes=store.INDEXES,
    jobs=(sweeping(lapse.due, "holds"),),
)
