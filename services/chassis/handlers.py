"""Which handler takes which topic, what it may change there, and what becomes of one message."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import PyMongoError

from contracts.refusals import Refusal
from contracts.topics import Topic
from services.chassis.messages import Incoming
from services.chassis.telemetry import processing
from services.chassis.transaction import At, Transaction, refuse_on_own_topic

log = logging.getLogger("staffetta.handlers")

Names = tuple[str, ...]
Handler = Callable[[Any, Transaction], Awaitable[None]]
Ahead = Callable[[Any, Transaction], Iterable[At]]
Answer = Callable[[Any, Refusal, Transaction], None]


@dataclass(frozen=True, slots=True)
class Route:
    topic: Topic
    handle: Handler
    owns: Names
    copies: Names
    hurried: bool
    ahead: Ahead | None
    refuse: Answer

    def needs(self, m: Incoming, tx: Transaction) -> list[At]:
        """What a message will load, as far as that can be said before."""
        with suppress(Exception):  # what fails here fails again in the handler, where it is told what becomes of it
            if self.ahead and m.is_ours:
                return list(self.ahead(m.message or m, tx))
        return [(self.owns[0], m.key.decode("utf-8", "replace"))] if self.owns else []

    async def attempt(self, m: Incoming, tx: Transaction, why_not: str | None) -> str | None:
        """None, or why the message is to be set aside; then of all it wrote and said only the answer is kept.

        why_not: set it aside without trying.
        """
        if not m.is_ours:
            return None
        tx.begin(m, self.owns + self.copies)
        subject = m.message or m
        with processing(m, tx.ended) as tx.traceparent:
            try:
                if not why_not:
                    await self._decide(subject, tx)
                elif m.fault:
                    log.error("a message cannot be read: it is parked", extra=m.where | {"code": m.fault})
            except (PyMongoError, OSError):
                raise
            except Exception as bug:  # a message that can never work is set aside; the others go on
                why_not = f"failed:{type(bug).__name__}"
                log.error("a handler failed: the message is parked", exc_info=bug, extra=m.where)
            if why_not:
                tx.forget(parking=True)
                with suppress(Refusal, ValueError):  # its sender is told, where there is one and it can be named
                    self.refuse(subject, Refusal("parked"), tx)
        tx.keep()
        return why_not

    async def _decide(self, subject: Any, tx: Transaction) -> None:
        try:
            await self.handle(subject, tx)
        except Refusal as refusal:
            tx.forget()
            self.refuse(subject, refusal, tx)


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of one service, by topic.

    owns: collections of aggregates, only for the service's own commands.
    copies: collections that follow the topic (the directory's copy, read models); nothing is decided by them.
    hurried: without it, it is looked at a few times a second, so that more is done at once and other work waits less.
    ahead: what a message will load, so that a batch loads it at once; without it, the key in the first of `owns`.
    refuse: how a refusal is answered; without it, on the service's own topic (`command.rejected`).
    A handler of a door topic gets the record itself; every other one gets the model.
    """

    routes: dict[str, Route] = field(default_factory=dict)

    def on(
        self,
        topic: Topic,
        *,
        owns: Names = (),
        copies: Names = (),
        hurried: bool = True,
        ahead: Ahead | None = None,
        refuse: Answer = refuse_on_own_topic,
    ) -> Callable[[Handler], Handler]:
        def register(handle: Handler) -> Handler:
            if topic.name in self.routes:
                raise ValueError(f"{topic.name} has a handler already")
            self.routes[topic.name] = Route(topic, handle, owns, copies, hurried, ahead, refuse)
            return handle

        return register

    def check(self, service: str) -> None:
        """One writer an aggregate: only a service's own commands may change what it owns."""
        owned = {name for route in self.routes.values() for name in route.owns}
        for route in self.routes.values():
            if both := owned & set(route.copies):
                raise ValueError(f"{service}: {min(both)} are aggregates, and no copies of {route.topic.name}")
            if route.owns and (route.topic.kind != "commands" or route.topic.owner != service):
                raise ValueError(f"{service}: aggregates are changed by {service}.commands, not by {route.topic.name}")
