"""The way out: mails are handed to one SMTP server, over connections that are used again."""

import asyncio
import time
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from uuid import UUID

from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from services.notifications.domain.letters import Letter
from services.notifications.domain.mailbox import Fault
from services.notifications.settings import MailSettings

STEP_S, ATTEMPT_S = 10, 30
"""How long a server may take for one step, and for a whole mail."""
IDLE_S = 15
"""Servers close a connection that is idle; we close it first."""


def compose(mail_id: UUID, letter: Letter, to: str, at: datetime, settings: MailSettings) -> EmailMessage:
    """The same at each attempt. Auto-Submitted (RFC 3834): no automatic answers, please."""
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{mail_id}@{settings.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message


class Post:
    """Connections to the mail server; at any time each is used by one mail."""

    def __init__(self, settings: MailSettings) -> None:
        self.settings = settings
        self.idle: list[tuple[float, SMTP]] = []

    async def hand_over(self, message: EmailMessage) -> Fault | None:
        """None once the server has taken the mail for good; else why it has not, as far as we know."""
        client: SMTP | None = None
        try:
            async with asyncio.timeout(ATTEMPT_S):
                client = await self._connected()
                sender = parseaddr(self.settings.mail_from)[1]
                await client.send_message(message, sender=sender, recipients=[parseaddr(message["To"])[1]])
        except (SMTPException, OSError, TimeoutError, ValueError) as fault:
            if client:
                client.close()
            return judged(fault)
        self.idle.append((time.monotonic(), client))
        return None

    async def _connected(self) -> SMTP:
        while self.idle:
            since, client = self.idle.pop()
            if client.is_connected and time.monotonic() - since < IDLE_S:
                return client
            client.close()
        given, (name, password) = self.settings, self.settings.login
        client = SMTP(
            hostname=given.host, port=given.port, use_tls=given.use_tls, start_tls=given.start_tls, username=name,
            password=password, timeout=STEP_S, local_hostname=given.domain,
        )  # fmt: skip
        await client.connect()
        return client

    def close(self) -> None:
        for _, client in self.idle:
            client.close()
        self.idle.clear()


def judged(fault: Exception) -> Fault:
    """Only what the server says of this recipient or this mail is final; its other faults are for us to mend."""
    match fault:
        case SMTPRecipientsRefused(recipients=[first, *_]):
            return _refused(first.code)
        case SMTPDataError(code=code):
            return _refused(code)
        case SMTPResponseException():
            return Fault("put_off")
        case ValueError():
            return Fault("no_address", final=True)
    return Fault("unreachable")


def _refused(code: int) -> Fault:
    return Fault("refused", final=True) if code >= 500 else Fault("put_off")
