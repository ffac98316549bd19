"""A mail server as a test wants it: away, slow, refusing, or hanging up in the middle of a mail."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from tests.processes import free_port


@dataclass
class MailServer:
    """taken: the mails that it took, in order. What it does to a recipient is said by its address.

    refuses: what it answers to it. holds: it answers nothing before the event is set; swallows: it takes the mail
    and says so no sooner. cuts: so many mails to it are cut off after their first line. held: whom it keeps waiting.
    """

    port: int = field(default_factory=free_port)
    taken: list[EmailMessage] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    holds: dict[str, asyncio.Event] = field(default_factory=dict)
    swallows: dict[str, asyncio.Event] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    held: set[str] = field(default_factory=set)
    server: asyncio.Server | None = None
    connections: set[asyncio.Transport] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def up(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Connection(self, loop=loop), "127.0.0.1", self.port)

    async def down(self) -> None:
        if self.server:
            self.server.close()
            for connection in self.connections:
                connection.abort()
            await self.server.wait_closed()
            self.server = None

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.taken if mail["To"] == address]

    async def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.02)

    # -- what aiosmtpd asks of it --------------------------------------------------------------------------------------

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        await self._keep_waiting(address, self.holds)
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        await self._keep_waiting(envelope.rcpt_tos[0], self.swallows)
        return "250 OK"

    async def _keep_waiting(self, address: str, until: dict[str, asyncio.Event]) -> None:
        if address in until:
            self.held.add(address)
            try:
                await until[address].wait()
            finally:
                self.held.discard(address)


class Connection(SMTP):
    def __init__(self, behaviour: MailServer, **known: Any) -> None:
        super().__init__(behaviour, hostname="mail.test", **known)
        self.behaviour = behaviour

    def connection_made(self, transport: Any) -> None:
        self.wire = transport
        self.behaviour.connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.behaviour.connections.discard(self.wire)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:
        for address in self.envelope.rcpt_tos if self.envelope else ():
            if self.behaviour.cuts[address]:
                self.behaviour.cuts[address] -= 1
                await self.push("354 go on")
                await self._reader.readline()
                return self.wire.abort()
        await super().smtp_DATA(arg)


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.up()
    try:
        yield server
    finally:
        await server.down()
