"""How mails leave is said by the environment, and what cannot be meant is refused in a sentence."""

from typing import Any

import pytest
from aiosmtplib import SMTPAuthenticationError, SMTPDataError, SMTPRecipientRefused, SMTPRecipientsRefused

from services.notifications.domain.mailbox import Fault
from services.notifications.mail import judged
from services.notifications.settings import from_environment


def told(monkeypatch: pytest.MonkeyPatch, environment: str = "production", **said: str) -> Any:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return from_environment(environment)


@pytest.mark.parametrize(
    ("url", "plain", "expected"),
    [
        ("smtp://127.0.0.1:1025", "", (1025, False, None)),
        ("smtp://localhost", "", (25, False, None)),
        ("smtp://mail.example.org:587", "", (587, False, True)),
        ("smtp://mail.example.org", "true", (25, False, None)),
        ("smtps://mail.example.org", "", (465, True, False)),
    ],
)
def test_tls_is_required_of_a_server_elsewhere_unless_told(
    monkeypatch: pytest.MonkeyPatch, url: str, plain: str, expected: tuple[int, bool, bool | None]
) -> None:
    settings = told(monkeypatch, SMTP_URL=url, SMTP_PLAIN=plain)

    assert (settings.port, settings.use_tls, settings.start_tls) == expected


def test_the_password_of_the_server_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(monkeypatch, SMTP_URL="smtp://desk:p%40ss@mail.example.org")

    assert settings.login == ("desk", "p@ss")
    assert "p%40ss" not in repr(settings) and "p@ss" not in repr(settings)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"SMTP_URL": "http://mail.example.org"}, "SMTP_URL"),
        ({"SMTP_URL": "mail.example.org:25"}, "SMTP_URL"),
        ({"MAIL_FROM": "Staffetta"}, "MAIL_FROM"),
        ({"RETRY_PACE": "0.1"}, "refused in production"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SystemExit, match=sentence):
        told(monkeypatch, **said)


def test_tests_may_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, "test", RETRY_PACE="0.1").retry_pace == 0.1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (SMTPRecipientsRefused([SMTPRecipientRefused(550, "no", "x")]), Fault("refused", final=True)),
        (SMTPRecipientsRefused([SMTPRecipientRefused(450, "later", "x")]), Fault("put_off")),
        (SMTPDataError(554, "no"), Fault("refused", final=True)),
        (SMTPDataError(451, "later"), Fault("put_off")),
        (SMTPAuthenticationError(535, "who are you"), Fault("put_off")),
        (ConnectionRefusedError(), Fault("unreachable")),
        (TimeoutError(), Fault("unreachable")),
        (UnicodeError(), Fault("no_address", final=True)),
    ],
)
def test_only_what_is_said_of_the_recipient_or_the_mail_is_final(fault: Exception, expected: Fault) -> None:
    assert judged(fault) == expected
