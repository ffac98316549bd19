"""The job beside the loop: it sends the mails that are due and asks its own service to note what came of each.

Mails of one queue go one after another, those of different queues side by side: a slow server or recipient holds up
nobody but itself, for as long as one attempt may take.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.notifications import OfQueue
from services.chassis.service import Context
from services.chassis.sweep import edge_now, publish
from services.notifications import settings, store
from services.notifications.domain import letters, mailbox
from services.notifications.domain.mailbox import Fault, Mail, Mailbox
from services.notifications.mail import ATTEMPT_S, Post, compose

log = logging.getLogger("staffetta.delivery")

EVERY_S, AGAIN_S = 0.5, 1
SIDE_BY_SIDE = 8
CLAIM = timedelta(seconds=2 * ATTEMPT_S)


async def deliver(context: Context) -> None:
    """Until the process is asked to stop; a mail that is cut off then is sent again."""
    delivery = Delivery(context)
    try:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await delivery.sweep(tasks)
                await asyncio.sleep(EVERY_S)
    finally:
        delivery.post.close()


class Delivery:
    """in_hand: the queues whose mails are being sent. tried: attempts whose outcome is said and not yet noted."""

    def __init__(self, context: Context) -> None:
        self.context, self.mail = context, settings.from_environment(context.settings.environment)
        self.post, self.slots = Post(self.mail), asyncio.Semaphore(SIDE_BY_SIDE)
        self.in_hand: set[str] = set()
        self.tried: dict[UUID, int] = {}

    async def sweep(self, tasks: asyncio.TaskGroup) -> None:
        now = edge_now(self.context.settings)
        try:
            due = [found async for found in store.read_due(self.context.db, now)]
            if due and not await self.context.clock.look(self.context.db):
                return None
        except PyMongoError as fault:
            return log.warning("mails wait for the store: %s", type(fault).__name__)
        outstanding = {mail.mail_id for found in due for mail in found.mails}
        self.tried = {id: attempt for id, attempt in self.tried.items() if id in outstanding}
        for found in due:
            if found.queue not in self.in_hand:
                self.in_hand.add(found.queue)
                tasks.create_task(self._empty(found, now))

    async def _empty(self, found: Mailbox, now: datetime) -> None:
        """Send what is due for one queue, up to the first mail that is not taken."""
        try:
            if close := found.digest_due(now):
                await self._say(close, id=uuid5(close.first, close.TYPE), at=now)
            for mail in found.due(now):
                if self.tried.get(mail.mail_id, 0) <= mail.attempts and not await self._try(found, mail):
                    break
        except PyMongoError as fault:
            log.warning("mails wait for the store: %s", type(fault).__name__)
        finally:
            self.in_hand.discard(found.queue)

    async def _try(self, found: Mailbox, mail: Mail) -> bool:
        """Whether the next mail of this queue may be sent."""
        attempt = mail.attempts + 1
        async with self.slots:
            began = edge_now(self.context.settings)
            by = self.context.settings.replica
            if not await store.claim(self.context.db, mail.mail_id, attempt, by=by, now=began, until=began + CLAIM):
                return True
            if not await store.is_waiting(self.context.db, found.queue, mail.mail_id):
                return True  # what it would tell is to be told no more
            fault = await self._send(mail, found.queue)
        now = edge_now(self.context.settings)
        noted = mailbox.judge(found, mail, fault, now, self.mail.retry_pace)
        self.tried[mail.mail_id] = attempt
        level = logging.WARNING if noted.outcome == "failed" else logging.INFO
        why = {"code": noted.reason} if noted.reason else {}
        told = {"count": len(mail.notices), "seconds": (now - began).total_seconds()} | why
        log.log(level, "a mail: attempt %d, %s", attempt, noted.outcome, extra=told)
        await self._say(noted, id=uuid5(mail.mail_id, f"{attempt}/{noted.outcome}"), at=now)
        return fault is None

    async def _send(self, mail: Mail, queue: str) -> Fault | None:
        """To the address that the directory has now: a queue's own, else its agency's. A queue may yet become known."""
        known = await store.read_queue(self.context.db, queue)
        agency, desk = known if known else (None, None)
        address = (desk and desk.contact.email) or (agency and agency.contact.email)
        if not address:
            return Fault("no_address", final=known is not None)
        letter = letters.write(mail.notices, desk.languages if desk else (), self.mail.console_url)
        try:
            message = compose(mail.mail_id, letter, address, mail.notices[-1].at, self.mail)
        except Exception as fault:  # whatever the library trips over in an address that only looks like one
            log.warning("a mail cannot be addressed: %s", type(fault).__name__)
            return Fault("no_address", final=True)
        return await self.post.hand_over(message)

    async def _say(self, command: OfQueue, *, id: UUID, at: datetime) -> None:
        """However long the broker is away: what was sent is not sent again for want of telling."""
        while True:
            try:
                return await publish(self.context, command, id=id, at=at)
            except KafkaError as fault:
                log.warning("the outcome of a mail waits for the broker: %s", type(fault).__name__)
                await asyncio.sleep(AGAIN_S)
