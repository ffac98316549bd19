"""How codes, times and headings are told to a person: in Italian or English, in Italian time."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from contracts import codes

Language = Literal["it", "en"]
ROME = ZoneInfo("Europe/Rome")
NOTHING = "-"

HEADINGS: dict[str, tuple[str, str]] = {
    "about": ("Che cosa", "About"),
    "accepted": ("accettata", "accepted"),
    "admitted": ("Candidati", "Candidates"),
    "answer": ("Risposta", "Answer"),
    "became_again": ("di nuovo parcheggiato", "parked again"),
    "became_behind": ("aspetta ancora dietro un altro", "waits behind another still"),
    "became_discard": ("scartato", "given up"),
    "became_gone": ("non è più parcheggiato", "is parked no longer"),
    "became_replay": ("passato", "went through"),
    "became_waiting": ("chiesto, non ancora fatto", "asked for, not done yet"),
    "by": ("Chi", "By"),
    "check": ("Controllo", "Check"),
    "city_out": ("offerte di altre zone, non elencate", "offers of other areas, not listed"),
    "code": ("Codice", "Code"),
    "command": ("Comando", "Command"),
    "due": ("Scadenza", "Due"),
    "duplicates": ("righe già dette", "lines said before"),
    "empty_queue": ("Nessun invio aperto per", "No open referral for"),
    "events": ("Eventi", "Events"),
    "found": ("Esito", "Found"),
    "from": ("Da", "From"),
    "handled": ("della sua chiave", "of its key"),
    "history gone": ("storia non più nei topic", "history gone"),
    "hop": ("Passaggio", "Hop"),
    "in": ("tra", "in"),
    "journey": ("Percorso", "Journey"),
    "kept": ("Conservati", "Kept"),
    "instead_of": ("Al posto di", "Instead of"),
    "key": ("Chiave", "Key"),
    "late": ("in ritardo di", "late by"),
    "lag": ("Da leggere", "Lag"),
    "latest_only": ("solo l'ultimo", "latest only"),
    "line": ("Riga", "Line"),
    "linked": ("Esiste già un invio aperto alla stessa offerta", "There is an open referral to the same offer already"),
    "looked_at": ("Guardati", "Looked at"),
    "mail": ("Messaggio", "Mail"),
    "messages": ("Messaggi", "Messages"),
    "missing": ("senza risposta", "without an answer"),
    "not_followed": (
        "Degli altri non si è chiesto, o si è chiesto e si farà: lo dice staffetta parked list.",
        "The others were not asked for, or are asked for and will be done: staffetta parked list says so.",
    ),
    "not_checked": ("Non controllabili", "Not checked"),
    "nobody": ("Nessuno: manca", "Nobody: what fails is"),
    "no_mail": ("Nessun messaggio di posta.", "No mail."),
    "no_parked": ("Nessun messaggio parcheggiato.", "No parked message."),
    "none_revoked": (
        "In 5 secondi nessun invio è stato revocato. Se un invio aperto vi si fonda, sarà revocato e il feed lo dirà.",
        "No referral was revoked within 5 seconds. If an open one rests on it, it will be, and the feed will say so.",
    ),
    "offer": ("Offerta", "Offer"),
    "nothing_wrong": ("Nessuna promessa infranta.", "No promise is broken."),
    "out": ("Esclusi", "Out"),
    "override": ("Scelta dell'operatore", "The caseworker's choice"),
    "owner": ("A chi tocca", "Whose turn"),
    "owned_by": ("Di", "Owner"),
    "parked": ("Messaggi parcheggiati", "Parked messages"),
    "partitions": ("Partizioni", "Partitions"),
    "place": ("Posizione", "Place"),
    "position": ("posizione", "position"),
    "predecessor": ("Viene da", "Comes from"),
    "priority": ("Priorità", "Priority"),
    "queue": ("Coda di", "Queue of"),
    "readers": ("Lettori", "Readers"),
    "reason": ("Motivo", "Reason"),
    "referral": ("Invio", "Referral"),
    "rejected": ("rifiutata", "refused"),
    "replay_differs": ("Decisa di nuovo con gli stessi fatti, cambia", "Decided again from the same facts, it differs"),
    "replay_impossible": ("I suoi fatti o le sue regole non ci sono più", "Its facts or its rules are kept no more"),
    "replay_same": (
        "Decisa di nuovo con gli stessi fatti, è la stessa",
        "Decided again from the same facts, it is the same",
    ),
    "requested": ("Richiesta", "Asked for"),
    "revoked": ("Revocato", "Revoked"),
    "rule_set": ("Regole", "Rule set"),
    "seat": ("Posto", "Place there"),
    "sender": ("Mittente", "Sender"),
    "service": ("Servizio", "Service"),
    "services": ("Servizio interno", "Our service"),
    "set_aside": ("Contro", "Against"),
    "since": ("Dal", "Since"),
    "state": ("Stato", "State"),
    "subject": ("Oggetto", "Subject"),
    "submitted": ("inviate", "submitted"),
    "successor": ("Prosegue in", "Goes on as"),
    "sure": ("chiavi saranno ripetute. Procedere?", "keys will be replayed. Go on?"),
    "taken_back": ("Ritirato", "Taken back"),
    "timeline": ("Che cosa è accaduto", "What happened"),
    "timers": ("Tempi in corso", "Running timers"),
    "to": ("A", "To"),
    "todo": ("Che cosa fare", "What to do"),
    "topic": ("Topic", "Topic"),
    "topics": ("Quanti", "Topics"),
    "type": ("Tipo", "Type"),
    "until": ("fino a", "until"),
    "when": ("Quando", "When"),
    "wrong": ("Errore", "Wrong"),
    "why": ("Perché", "Why"),
}
SEATS: dict[str, tuple[str, str]] = {
    "none": ("non si conta", "not counted"),
    "asked": ("chiesto", "asked for"),
    "held": ("tenuto", "held"),
    "waiting": ("in lista d'attesa", "on the waitlist"),
    "confirmed": ("confermato", "confirmed"),
    "lost": ("non più tenuto", "no longer held"),
    "given_back": ("restituito", "given back"),
}
"""What became of the place at the offer, where places are counted."""
RESERVED = ("Servizio riservato", "Reserved service")


def language(environment: Mapping[str, str] = os.environ) -> Language:
    """Italian where the machine speaks Italian, English elsewhere."""
    spoken = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return "it" if spoken == "it" or spoken.startswith(("it_", "it.")) else "en"


class Words:
    """One language's words."""

    def __init__(self, spoken: Language) -> None:
        self.language: Language = spoken

    def __call__(self, heading: str) -> str:
        return self._of(HEADINGS[heading])

    def label(self, item: Mapping[str, Any] | None) -> str:
        """A `{code, label}` as the services tell it; its code where the list has no label."""
        if not item:
            return NOTHING
        labels = item.get("label") or {}
        return str(labels.get(self.language) or labels.get("en") or item["code"])

    def of(self, list_: str, code: str | None, part: str = "items") -> str:
        """The label of a code of `contracts`."""
        if code is None:
            return NOTHING
        return self.label(codes.codes(list_, part).get(code) or {"code": code})

    def service(self, code: str) -> str:
        """For the parties of a referral: by its own name."""
        return self.of("services", code)

    def service_on_a_board(self, code: str) -> str:
        """For whoever walks by: a sensitive service is shown without its name."""
        item = codes.codes("services").get(code)
        if item is None or item["bus_code"] == code:
            return self.service(code)
        return self._of(RESERVED)

    def seat(self, code: str) -> str:
        return self._of(SEATS[code])

    def at(self, instant: str | datetime | None) -> str:
        """An instant in Italian time."""
        return f"{_instant(instant).astimezone(ROME):%d/%m/%Y %H:%M}" if instant else NOTHING

    def left(self, due: str | datetime | None, now: datetime) -> str:
        """How much time is left, or by how much it is late."""
        if not due:
            return NOTHING
        span = _instant(due) - now
        return f"{self('in' if span >= timedelta() else 'late')} {_span(abs(span))}"

    def _of(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.language == "it" else pair[1]


def _instant(stated: str | datetime) -> datetime:
    at = stated if isinstance(stated, datetime) else datetime.fromisoformat(stated)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
