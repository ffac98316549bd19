"""The words of a mail: what happened, the referral's public code, the service as boards show it, a link; no more. Of
a task about no referral only that it is late, and where it is found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.notifications import Notice

Language = Literal["it", "en"]
LANGUAGES: tuple[Language, ...] = ("it", "en")

HEADLINES: dict[str, dict[Language, str]] = {
    "new": {"it": "Nuovo invio", "en": "New referral"},
    "accepted": {"it": "Invio accettato", "en": "Referral accepted"},
    "declined": {"it": "Invio non accolto", "en": "Referral declined"},
    "rerouted": {"it": "Invio passato ad altri", "en": "Referral passed on"},
    "waitlisted": {"it": "Invio in lista d'attesa", "en": "Referral on the waitlist"},
    "seat_offered": {"it": "Posto libero per un invio in attesa", "en": "Place free for a waiting referral"},
    "seat_lapsed": {"it": "Posto decaduto", "en": "Place lapsed"},
    "expired": {"it": "Invio scaduto senza risposta", "en": "Referral expired without an answer"},
    "remind": {"it": "Promemoria: invio in attesa", "en": "Reminder: a referral is waiting"},
    "late": {"it": "Invio oltre il termine", "en": "Referral past its time limit"},
    "escalated": {"it": "Invio senza risposta, serve il coordinamento", "en": "Unanswered referral, please coordinate"},
    "raised": {"it": "Il coordinamento chiede una risposta", "en": "The coordination asks for an answer"},
    "task_late": {"it": "Decisione oltre il termine", "en": "Decision past its time limit"},
    "started": {"it": "Servizio iniziato", "en": "Service started"},
    "closed": {"it": "Invio concluso", "en": "Referral closed"},
    "withdrawn": {"it": "Invio ritirato", "en": "Referral withdrawn"},
    "unaccepted": {"it": "Accettazione ritirata", "en": "Acceptance taken back"},
    "updated": {"it": "Aggiornamento sul servizio", "en": "Update on the service"},
    "held": {"it": "Servizio sospeso", "en": "Service on hold"},
    "resumed": {"it": "Servizio ripreso", "en": "Service resumed"},
    "reopened": {"it": "Invio riaperto", "en": "Referral reopened"},
    "in_error": {"it": "Invio inserito per errore", "en": "Referral entered in error"},
    "note": {"it": "Nuova nota", "en": "New note"},
    "priority": {"it": "Priorità cambiata", "en": "Priority changed"},
    "contact": {"it": "Recapito cambiato, guardare prima di chiamare", "en": "Contact changed, look before you call"},
    "appointment": {"it": "Appuntamento fissato", "en": "Appointment fixed"},
    "no_appointment": {"it": "Appuntamento annullato", "en": "Appointment cancelled"},
    "no_show": {"it": "Appuntamento mancato", "en": "Appointment missed"},
    "revoked": {"it": "Invio revocato", "en": "Referral revoked"},
    "to_delete": {"it": "Invio revocato, dati da cancellare", "en": "Referral revoked, data to be deleted"},
    "erased": {"it": "Dati da cancellare", "en": "Data to be deleted"},
    "receipt_overdue": {"it": "Conferma in ritardo per un invio", "en": "Receipt overdue for a referral"},
    "to_confirm": {"it": "Condivisione da confermare", "en": "Sharing to be confirmed"},
    "decide": {"it": "Invio da decidere", "en": "Referral to be decided"},
}
"""By what a notice is about (`telling.TOLD`)."""

PAGE: dict[Language, str] = {"it": "EMERGENZA", "en": "EMERGENCY"}
MANY: dict[Language, str] = {"it": "{count} novità sugli invii", "en": "{count} referral updates"}
LINE: dict[Language, str] = {
    "it": "{headline}: {code}\nServizio: {service}\n{link}\n",
    "en": "{headline}: {code}\nService: {service}\n{link}\n",
}
LINE_OF_NO_REFERRAL = "{headline}\n{link}\n"
FOOT: dict[Language, str] = {
    "it": "Messaggio automatico di Staffetta: non rispondere.\n",
    "en": "Automatic message of Staffetta: please do not reply.\n",
}


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    body: str


def languages(spoken: Iterable[str]) -> tuple[Language, ...]:
    """The first language of a desk that we write; Italian, then English, for a desk of which none is known."""
    first = next((ours for tongue in spoken for ours in LANGUAGES if ours == tongue), None)
    return (first,) if first else LANGUAGES


def write(notices: Sequence[Notice], spoken: Iterable[str], console: str) -> Letter:
    """console: where links begin."""
    chosen = languages(spoken)
    return Letter(
        subject=" / ".join(_subject(notices, language) for language in chosen),
        body="\n--\n\n".join(_body(notices, language, console) for language in chosen),
    )


def link(notice: Notice, console: str) -> str:
    return f"{console.rstrip('/')}/{f'r/{notice.code}' if notice.code else 'tasks'}"


def _subject(notices: Sequence[Notice], language: Language) -> str:
    if len(notices) > 1:
        return MANY[language].format(count=len(notices))
    subject = f"{HEADLINES[notices[0].about][language]} {notices[0].code or ''}".rstrip()
    return f"{PAGE[language]}: {subject}" if notices[0].pages else subject


def _body(notices: Sequence[Notice], language: Language, console: str) -> str:
    told = [
        (LINE[language] if notice.code else LINE_OF_NO_REFERRAL).format(
            headline=HEADLINES[notice.about][language],
            code=notice.code,
            service=notice.service,
            link=link(notice, console),
        )
        for notice in notices
    ]
    return "\n".join([*told, FOOT[language]])
