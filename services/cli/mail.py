"""The mails that the relay of this machine has sent: its own mail server keeps them all."""

import mailbox
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from services.cli.faults import CannotDo
from services.cli.session import Session
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

Shown = dict[str, Any]


def listed(session: Session) -> None:
    """The newest first; a mail that came twice is there twice, under one id."""
    found = [{name: value for name, value in mail.items() if name != "text"} for mail in _all(session)]
    session.tell(found, lambda console, words: _list(found, console, words))


def show(session: Session, mail_id: str) -> None:
    mail = next((mail for mail in _all(session) if mail["id"] == mail_id), None)
    if mail is None:
        raise CannotDo(f"There is no mail {mail_id}.", "staffetta mail lists them.")
    session.tell(mail, lambda console, words: _show(mail, console, words))


def _all(session: Session) -> list[Shown]:
    folder = session.endpoints.mail
    if folder is None:
        raise CannotDo(
            "Nothing says where mails are kept.",
            "./dev up keeps them, unless SMTP_URL sends them elsewhere; then look there.",
        )
    try:
        box = mailbox.Maildir(folder, create=False)
        mails = [_read(message_from_bytes(box.get_bytes(key), policy=policy.default)) for key in box.iterkeys()]
    except (mailbox.NoSuchMailboxError, FileNotFoundError):
        return []
    return sorted(mails, key=lambda mail: (mail["at"], mail["id"]), reverse=True)


def _read(mail: EmailMessage) -> Shown:
    return {
        "id": str(mail["Message-ID"]).strip("<>").partition("@")[0],
        "at": parsedate_to_datetime(str(mail["Date"])).isoformat(),
        "to": str(mail["To"]),
        "subject": str(mail["Subject"]),
        "text": mail.get_content(),
    }


def _list(found: list[Shown], console: "Console", words: Words) -> None:
    from rich.table import Table

    if not found:
        return console.print(words("no_mail"))
    table = Table(*(words(heading) for heading in ("when", "to", "subject", "mail")), box=None, pad_edge=False)
    for mail in found:
        table.add_row(words.at(mail["at"]), mail["to"], mail["subject"], mail["id"])
    console.print(table)


def _show(mail: Shown, console: "Console", words: Words) -> None:
    for heading, value in (("when", words.at(mail["at"])), ("to", mail["to"]), ("subject", mail["subject"])):
        console.print(f"[bold]{words(heading)}[/] {value}")
    console.print()
    console.print(mail["text"], markup=False)
