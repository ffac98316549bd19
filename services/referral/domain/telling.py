"""How a referral, its explanation, a queue and a task are told to people: codes with their labels, times in UTC."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.events import Verdict
from contracts.feeds import FORGOTTEN, KEPT_AFTER
from contracts.notifications import public_code
from services.referral.domain import replay, rules, table
from services.referral.domain.receipts import Receipt
from services.referral.domain.referral import Entry, Referral
from services.referral.domain.routing import FILTERS, Decision, Place
from services.referral.domain.tasks import Task

Shown = dict[str, Any]

FORGOTTEN_TOO: Shown = {
    "timers": [], "timeline": [], "assigned_worker": None, "review_date": None, "appointments": [], "attempts": [],
}  # fmt: skip
"""What of a referral is about the person or what was done for them."""
NOT_FOR_THE_RECEIVER = {
    "withhold", "sharing_basis", "sender_ref", "priority_reason", "person_ref", "depends_on", "willing_to_travel",
}  # fmt: skip
"""Of what routing read: whom the person excluded, which other service they asked for, where else they would go."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A routing decision as it is kept: for which referral, when, and which open one was the answer instead."""

    referral_id: UUID
    at: datetime
    decision: Decision
    linked_id: UUID | None = None

    @property
    def code(self) -> str:
        """As of the referral, also where none came of it."""
        return public_code(self.referral_id, self.decision.search.need.sender_city)

    @property
    def sender(self) -> str:
        return self.decision.search.need.sender_agency

    @property
    def receiver(self) -> str | None:
        """Nobody was asked when the need was linked."""
        return self.decision.first.agency if self.decision.first and self.linked_id is None else None

    @property
    def parties(self) -> tuple[str, str | None]:
        return self.sender, self.receiver

    @property
    def readers(self) -> tuple[str]:
        """Who may learn of it by its code; its receiver does by that of the referral."""
        return (self.sender,)


def is_for_its_receiver(of: Referral, now: datetime) -> bool:
    """Whether it may read of the person: not before it is told, of what it has to forget, or long after the end."""
    ended_at = None if of.is_open else _since(of)
    over = ended_at is not None and now > ended_at + KEPT_AFTER
    return of.is_told and of.state not in FORGOTTEN and not of.in_error and of.erased_at is None and not over


def _since(of: Referral) -> datetime | None:
    """When it came to the state it is in; what was said of it in that state changes nothing."""
    in_it = takewhile(lambda entry: entry.state == of.state, reversed(of.history))
    return min((entry.at for entry in in_it), default=None)


def referral(of: Referral, *, whole: bool = True) -> Shown:
    """whole: not for a receiver that may read of the person no more: how it stands, and what is owed."""
    told = queued(of) | {
        "journey_id": of.need.journey_id,
        "sender_agency": of.need.sender_agency,
        "sender_queue": of.need.sender_queue,
        "receiver_agency": of.place.agency if of.place else None,
        "receiver_queue": of.place.queue if of.place else None,
        "hop": of.hop,
        "predecessor_id": of.predecessor_id,
        "successor_id": of.successor_id,
        "basis_id": of.basis_id,
        "timers": [{"code": timer.code, "started_at": timer.started_at, "due_at": timer.due_at, "level": timer.level,
                    "label": codes.codes("transitions", "timers")[timer.code]["label"]} for timer in of.timers],
        "timeline": [_entry(entry) for entry in of.history],
    } | _beside(of)  # fmt: skip
    return told if whole else told | FORGOTTEN_TOO


def _receipt(one: Receipt) -> Shown:
    known = {"requested_at": one.requested_at, "due_at": one.due_at, "confirmed_at": one.confirmed_at}
    return labelled("transitions", one.obligation, "obligations") | known


def _beside(of: Referral) -> Shown:
    """What is recorded beside the state."""
    return {
        "in_error": of.in_error,
        "erased_at": of.erased_at,
        "review_date": of.review_date if of.state == "ON_HOLD" else None,
        "assigned_worker": of.assigned_worker,
        "appointments": [asdict(one) for one in of.appointments],
        "attempts": [asdict(one) for one in of.attempts],
        "receipts": [_receipt(one) for one in of.receipts],
    }


def queued(of: Referral) -> Shown:
    """One line of a queue. since: when it came to the state it is in. seat: what `Referral` says of it."""
    return {
        "referral_id": of.referral_id,
        "code": of.code,
        "version": of.version,
        "state": labelled("transitions", of.state, "states"),
        "since": _since(of),
        "service": labelled("services", of.need.service),
        "priority": labelled("priorities", of.need.priority),
        "offer": of.place.offer if of.place else None,
        "seat": of.seat,
        "place_until": of.seat_until,
        "position": of.position if of.state == "WAITLISTED" else None,
        "owner": of.owner,
        "due_at": of.due_at,
    }


def if_suspended(of: Referral, onward: Place | None, *, rerouted: bool) -> Shown:
    """To who coordinates the city. next: the offer; of a service that boards do not name the agency, since the code of
    an offer may name it.
    """
    shown, service = queued(of), codes.bus_code(of.need.service)
    kept = {name: shown[name] for name in ("referral_id", "code", "state", "priority", "due_at")}
    is_named = service == of.need.service
    whither = (onward.offer if is_named else onward.agency) if onward else None
    return kept | {"service": service, "rerouted": rerouted, "next": whither}


def replayed(of: Explanation) -> Shown:
    """Whether the decision, made again from its facts, is the same: None when it cannot be made again."""
    again = replay.replay(of.decision)
    differs = replay.differences(of.decision, again) if again else ()
    return {"same": not differs if again else None, "differs": differs}


def explanation(of: Explanation, *, whole: bool) -> Shown:
    """whole: also who is out and the facts that only the sender knows."""
    decision, search = of.decision, of.decision.search
    facts = search.need.model_dump(mode="json", exclude=None if whole else NOT_FOR_THE_RECEIVER)
    told: Shown = {
        "referral_id": of.referral_id,
        "at": of.at,
        "rule_set": decision.rule_set,
        "day": decision.day,
        "hop": search.hop,
        "first": decision.first.offer if decision.first else None,
        "linked_referral_id": of.linked_id,
        "candidates": _verdicts(decision.candidates, decision.rule_set),
        "facts": facts,
        "override": _override(decision, whole=whole),
    }
    if not whole:
        return told
    return told | {
        "tried": search.tried,
        "out": _verdicts(decision.out, decision.rule_set),
        "out_by_area": decision.out_by_area,
        "why_nobody": _filter(decision.why) if decision.why else None,
    }


def _override(decision: Decision, *, whole: bool) -> Shown | None:
    """What a caseworker set aside, why, and who it was. The receiver is told if it was its own admission rules."""
    choice, against = decision.search.choice, decision.against
    if choice is None or not against or not (whole or "admission" in against):
        return None
    told: Shown = {
        "reason": labelled("override_reasons", choice.reason or ""),
        "against": [labelled("override_reasons", code, "sets_aside") for code in against],
    }
    if not whole:
        return told
    by_rules = decision.candidates[0].offer if decision.candidates else None
    return told | {"instead_of": by_rules, "agency": choice.agency, "actor": choice.actor, "text_id": choice.text_id}


def task(of: Task) -> Shown:
    return {
        "task_id": of.task_id,
        "kind": of.kind,
        "next": labelled("decline_reasons", of.next, "next_actions") if of.next else None,
        "state": of.state,
        "version": of.version,
        "journey_id": of.journey_id,
        "referral_id": of.referral_id,
        "service": labelled("services", of.service),
        "queue": of.queue,
        "code": of.code,
        "reason": of.reason,
        "documents": of.documents,
        "offer": of.offer,
        "opened_at": of.opened_at,
        "due_at": of.due_at,
        "until": of.until,
    }


def unmet(counts: Mapping[tuple[str, str, str, bool], int]) -> list[Shown]:
    """The most frequent first; a sensitive service as boards show it."""
    shown: Counter[tuple[str, str, str, bool]] = Counter()
    for (city, service, reason, final), count in counts.items():
        shown[city, codes.bus_code(service), reason, final] += count
    return [
        {"city": city, "service": service, "reason": reason or None, "final": final, "count": count}
        for (city, service, reason, final), count in shown.most_common()
    ]


def labelled(list_: str, code: str, part: str = "items") -> Shown:
    return {"code": code, "label": codes.codes(list_, part).get(code, {}).get("label")}


def _entry(entry: Entry) -> Shown:
    """The reason is one of the command's list, or why a place is held no longer."""
    of_command = next((row.reasons for row in table.rows_of(entry.command) if row.reasons), None)
    list_, part = (of_command, "items") if of_command else codes.LISTS["lapse_cause"][0]
    return {
        "version": entry.version,
        "at": entry.at,
        "command": entry.command,
        "by": entry.by,
        "agency": entry.agency,
        "state": labelled("transitions", entry.state, "states"),
        "events": entry.events,
        "reasons": [labelled(list_, entry.reason, part)] if entry.reason else [],
        "text_id": entry.text_id,
    }


def _verdicts(verdicts: tuple[Verdict, ...], rule_set: str) -> list[Shown]:
    judged_by = rules.find(rule_set)
    return [_verdict(verdict, judged_by.order if judged_by else ()) for verdict in verdicts]


def _verdict(verdict: Verdict, criteria: tuple[str, ...]) -> Shown:
    return {
        "offer": verdict.offer,
        "agency": verdict.agency,
        "verdict": labelled("routing", verdict.verdict, "verdicts"),
        "out_by": _filter(verdict.out_by) if verdict.out_by else None,
        "rules": [_rule(rule) | {"answer": answer} for rule, answer in verdict.rules],
        "order": dict(zip(criteria, verdict.order, strict=False)),
    }


def _rule(code: str) -> Shown:
    """A filter of the rule set, or an admission rule of the offer."""
    if code in FILTERS:
        return _filter(code)
    kinds = {kind["rule"]: kind["label"] for kind in codes.table("admission_rules")["kinds"]}
    return {"code": code, "label": kinds.get(code)}


def _filter(code: str) -> Shown:
    return labelled("routing", code, "filters")
