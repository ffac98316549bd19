"""The housing service: the beds of each offer, counted, held and waited for."""

from contracts.topics import HOUSING_COMMANDS
from services.chassis.service import Service
from services.chassis.sweep import sweeping
from services.housing import domain
from services.places import api, handlers, lapse, store

service = Service(
    name="housing",
    handlers=handlers.counting(HOUSING_COMMANDS, domain.beds),
    api=api.router,
    indexes=store.INDEXES,
    jobs=(sweeping(lapse.due, "holds"),),
)
