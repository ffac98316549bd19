"""The notifications service: notices and mails to the queues of agencies."""

from services.chassis.service import Service
from services.notifications import api, delivery, handlers, store

service = Service(
    name="notifications",
    handlers=handlers.handlers,
    api=api.router,
    indexes=store.INDEXES,
    jobs=(delivery.deliver,),
)
