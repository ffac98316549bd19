"""The mail server of one machine keeps every mail, and `staffetta mail` reads them."""

import json
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.engine import free_port
from deploy.local.mail import mail
from services.cli import mail as reading
from services.cli.faults import CannotDo
from services.cli.session import Options, Session


def a_mail(id: str, subject: str, day: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "post@staffetta.test", "desk@agency.test", subject
    message["Date"], message["Message-ID"] = f"Tue, {day} Nov 2026 09:00:00 +0000", f"<{id}@staffetta.test>"
    message.set_content("Perché no?\n")
    return message


def a_session(folder: Path, **known: str) -> Session:
    file = folder / "endpoints.json"
    file.write_text(json.dumps(known), "utf-8")
    return Session(Options(json=True, endpoints=file, lang="en"))


def test_what_it_takes_is_listed_the_newest_first_and_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = mail(tmp_path, free_port()).start()
    try:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            for message in (a_mail("a-1", "Nuovo invio", 23), a_mail("a-2", "2 novità", 24)):
                client.send_message(message)
    finally:
        server.stop()
    session = a_session(tmp_path, mail=str(tmp_path / "mail"))

    reading.listed(session)
    listed = json.loads(capsys.readouterr().out)
    reading.show(session, "a-2")
    shown = json.loads(capsys.readouterr().out)

    assert [(m["id"], m["subject"], m["to"]) for m in listed] == [
        ("a-2", "2 novità", "desk@agency.test"),
        ("a-1", "Nuovo invio", "desk@agency.test"),
    ]
    assert shown["text"] == "Perché no?\n"


def test_a_person_reads_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(width=100)
    session = a_session(tmp_path, mail=str(tmp_path / "mail"))
    session.json = False
    session.console = console

    reading.listed(session)

    assert capsys.readouterr().out == "No mail.\n"


def test_a_mail_that_is_not_there_and_a_box_that_is_elsewhere_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match="There is no mail a-3"):
        reading.show(a_session(tmp_path, mail=str(tmp_path / "mail")), "a-3")
    with pytest.raises(CannotDo, match="Nothing says where mails are kept"):
        reading.listed(a_session(tmp_path, kafka="127.0.0.1:9092"))
