"""Which handler takes which topic, and what it may change there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.refusals import Refusal
from contracts.topics import Topic
from services.chassis.transaction import Transaction

Handler = Callable[[Any, Transaction], Awaitable[None]]
Answer = Callable[[Any, Refusal, Transaction], None]


@dataclass(frozen=True, slots=True)
class Route:
    topic: Topic
    handle: Handler
    owns: tuple[str, ...]
    copies: tuple[str, ...]
    first: bool
    refuse: Answer | None


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of one service, by topic.

    owns: collections of aggregates, only for the service's own commands; the first is loaded ahead by key.
    copies: collections that follow the topic (the directory's copy, read models); nothing is decided by them.
    first: this topic is read to its end before any other work is taken.
    refuse: how a refusal is answered; without it, on the service's own topic (`command.rejected`).
    A handler of a door topic gets the record itself; every other one gets the model.
    """

    routes: dict[str, Route] = field(default_factory=dict)

    def on(
        self,
        topic: Topic,
        *,
        owns: tuple[str, ...] = (),
        copies: tuple[str, ...] = (),
        first: bool = False,
        refuse: Answer | None = None,
    ) -> Callable[[Handler], Handler]:
        def register(handle: Handler) -> Handler:
            if topic.name in self.routes:
                raise ValueError(f"{topic.name} has a handler already")
            self.routes[topic.name] = Route(topic, handle, owns, copies, first, refuse)
            return handle

        return register

    def check(self, service: str) -> None:
        """One writer an aggregate: only a service's own commands may change what it owns."""
        for route in self.routes.values():
            if route.owns and (route.topic.kind != "commands" or route.topic.owner != service):
                raise ValueError(f"{service}: aggregates are changed by {service}.commands, not by {route.topic.name}")
