"""A mail server that keeps what it is given and passes nothing on: a program of its own, with a maildir."""

import socket
import sys
from pathlib import Path

from deploy.local.engine import HOST, Engine

FOLDER = "mail"


def mail(folder: Path, port: int) -> Engine:
    """The server that keeps every mail in `folder/mail`; not started yet."""
    return Engine(
        name="the mail server",
        url=f"smtp://{HOST}:{port}",
        port=port,
        log=folder / "logs" / "mail.log",
        argv=lambda: _command(folder / FOLDER, port),
        answers=lambda: answers(port),
    )


def _command(box: Path, port: int) -> list[str]:
    where = ["--nosetuid", "--listen", f"{HOST}:{port}"]
    return [sys.executable, "-m", "aiosmtpd", *where, "--class", "aiosmtpd.handlers.Mailbox", str(box)]


def answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            return connection.recv(3, socket.MSG_WAITALL) == b"220"
    except OSError:
        return False
