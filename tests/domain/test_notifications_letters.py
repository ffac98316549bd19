"""What a mail may say: a handful of words, a code that names nobody, the service as boards show it, and a link."""

import re
from email import policy
from email.parser import BytesParser
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import codes
from contracts.beside import TimerFired
from contracts.events import ReferralEvent
from contracts.journeys import TaskOpened, TaskOverdue, TaskReminded
from contracts.values import Message
from services.notifications.domain import climbing
from services.notifications.domain.letters import HEADLINES, languages, write
from services.notifications.domain.telling import TOLD, tell
from services.notifications.mail import compose
from services.notifications.settings import MailSettings
from tests.builders import NOW
from tests.contracts.messages import messages
from tests.notices import a_notice

CONSOLE = "https://console.test"
MAIL_ID = UUID(int=9)
SETTINGS = MailSettings(mail_from="Staffetta <post@staffetta.test>", console_url=CONSOLE)

ALLOWED = """
Nuovo invio Invio accettato non accolto passato ad altri in lista d'attesa Posto libero per un attesa decaduto Servizio
iniziato concluso ritirato da decidere novità sugli invii Messaggio automatico di Staffetta rispondere New referral
Referral accepted declined passed on the waitlist Place free for a waiting lapsed Service started closed withdrawn to
scaduto senza risposta Accettazione ritirata Aggiornamento sul servizio sospeso ripreso riaperto
inserito errore Nuova nota Priorità cambiata Appuntamento fissato annullato mancato expired without an answer
Acceptance taken back Update hold resumed reopened entered error note Priority changed
Appointment fixed cancelled missed service
be decided updates scaduto senza risposta Promemoria invio in oltre il termine serve coordinamento Decisione EMERGENZA
expired without an answer Reminder referral is waiting past its time limit Unanswered please coordinate Decision
EMERGENCY revoked revocato dati Dati Data da cancellare Conferma in ritardo per un revoked, data deleted Receipt overdue
Recapito cambiato guardare prima di chiamare Contact changed look before you call
for a revocato, Condivisione confermare Sharing confirmed Automatic message of please do not reply / --
"""
WORDS = frozenset(ALLOWED.split())
BUS_CODES = frozenset(item["bus_code"] for item in codes.codes("services").values())
CODE = r"[A-Z]{2}-[0-9A-HJKMNP-TV-Z]{6}"
FORMS = re.compile(rf"{CODE}|{re.escape(CONSOLE)}/(r/{CODE}|tasks)|[0-9]{{1,3}}")
HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version",
           "Content-Transfer-Encoding"}  # fmt: skip

THOSE_TOLD: list[type[Message]] = [
    *dict.fromkeys(row.event for row in TOLD), TaskOpened, TimerFired, TaskReminded, TaskOverdue,
]  # fmt: skip


def strangers(text: str) -> set[str]:
    """The words that a mail may not hold."""
    words = {word.rstrip(":.,") for word in text.split()}
    return {word for word in words if word not in WORDS | BUS_CODES and not FORMS.fullmatch(word)}


def mailed(notices: list[Message], spoken: tuple[str, ...]) -> tuple[set[str], str]:
    """The headers of the mail, and all the words of its subject and text, read as a mail program would."""
    letter = write([command.notice for command in notices], spoken, CONSOLE)  # type: ignore[attr-defined]  # each asks for a notice
    sent = compose(MAIL_ID, letter, "desk@agency.test", NOW, SETTINGS).as_bytes()
    mail = BytesParser(policy=policy.default).parsebytes(sent)
    return set(mail.keys()), f"{mail['Subject']} {mail.get_content()}"


@pytest.mark.parametrize("model", THOSE_TOLD, ids=lambda model: model.TYPE)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_an_event_says_nothing_but_allowed_words_gets_into_a_mail(
    model: type[Message], data: st.DataObject
) -> None:
    service = data.draw(st.sampled_from(sorted(codes.codes("services"))))
    city = data.draw(st.sampled_from([*codes.codes("cities"), None, "atlantis"]))
    priority = data.draw(st.sampled_from(["EMERGENCY", "MEDIUM", "of a later release"]))
    known = {"service": service, "priority": priority, "notify": ("sender_queue", "owner_queue")}
    event = data.draw(messages(model)).model_copy(update=known | {"next": "sender_decides"})
    spoken = data.draw(st.sampled_from([(), ("it",), ("en", "it"), ("wo",)]))
    notices = tell(event, MAIL_ID, city)
    assert isinstance(event, ReferralEvent | TaskOpened | TaskReminded | TaskOverdue)

    for told in [[notice] for notice in notices] + [[notice] * 3 for notice in notices]:
        headers, text = mailed(list(told), spoken)
        assert headers == HEADERS
        assert strangers(text) == set()


def test_a_word_that_is_not_allowed_would_be_noticed() -> None:
    notice = a_notice(service="health.mental", code="CASE-77")
    letter = write([notice], (), CONSOLE)

    assert strangers(letter.body) == {"health.mental", "CASE-77", f"{CONSOLE}/r/CASE-77"}


def test_everything_that_is_told_has_its_words_in_both_languages() -> None:
    of_ladders = {climbing.REMINDER, climbing.LATE, climbing.ESCALATED, climbing.RAISED, climbing.TASK_LATE,
                  climbing.TO_CONFIRM}  # fmt: skip
    assert set(HEADLINES) == {row.about for row in TOLD} | of_ladders | {"decide"}
    assert all(set(headline) == {"it", "en"} for headline in HEADLINES.values())


@pytest.mark.parametrize(
    ("spoken", "chosen"),
    [
        (("it", "en", "ar"), ("it",)),
        (("de", "en", "it"), ("en",)),
        (("wo", "fr"), ("it", "en")),
        ((), ("it", "en")),
    ],
)
def test_a_desk_is_written_to_in_its_first_language_of_ours_or_in_both(
    spoken: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert languages(spoken) == chosen


def test_a_single_notice_reads_as_one_line_of_news_with_its_link() -> None:
    letter = write([a_notice(about="new", service="care.reserved")], ("en",), CONSOLE + "/")

    assert letter.subject == "New referral PA-7K3M9Q"
    assert letter.body.splitlines()[:3] == [
        "New referral: PA-7K3M9Q",
        "Service: care.reserved",
        "https://console.test/r/PA-7K3M9Q",
    ]


def test_of_a_task_about_no_referral_a_mail_says_neither_of_whom_nor_what_and_where_it_is_found() -> None:
    letter = write([a_notice(about="task_late", code=None, referral_id=None)], (), CONSOLE)

    assert letter.subject == "Decisione oltre il termine / Decision past its time limit"
    assert letter.body.splitlines()[:2] == ["Decisione oltre il termine", f"{CONSOLE}/tasks"]
    assert "health" not in letter.body


def test_a_digest_lists_every_code_with_its_link_italian_first() -> None:
    notices = [a_notice(n, code=f"PA-00000{n}") for n in range(3)]

    letter = write(notices, (), CONSOLE)

    assert letter.subject == "3 novità sugli invii / 3 referral updates"
    for notice in notices:
        assert letter.body.count(f"{CONSOLE}/r/{notice.code}\n") == 2
    assert letter.body.index("Invio accettato") < letter.body.index("Referral accepted")


def test_a_mail_is_the_same_at_each_attempt_and_asks_for_no_automatic_answer() -> None:
    letter = write([a_notice()], ("it",), CONSOLE)

    first, again = (compose(MAIL_ID, letter, "desk@agency.test", NOW, SETTINGS) for _ in range(2))

    assert first.as_bytes() == again.as_bytes()
    assert first["Message-ID"] == f"<{MAIL_ID}@staffetta.test>"
    assert first["Auto-Submitted"] == "auto-generated"
