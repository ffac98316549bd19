"""What a command must carry in the state it meets: fields, codes, reasons and their texts."""

from collections.abc import Iterator

from contracts import codes
from contracts.stated import ReferralFields
from services.referral.domain import appointments, choice, given, timers
from services.referral.domain.appointments import NO_SHOW
from services.referral.domain.case import Case, Fault, is_usable
from services.referral.domain.timers import Timer

TEXTS = ("text", "reason_text")
"""Under either name it was taken out at the door; here it is only an id. The network itself writes none."""

OF_LISTS = (
    "contact_mode", "failed_rule", "requested_by", "update_code", "channel", "result", "obligation", "priority",
    "timer", "lapse_cause",
)  # fmt: skip


def fault(case: Case) -> Fault | None:
    """The first thing that is missing or wrong: fields, values, codes, then the reason with what it asks for."""
    steps = (_missing, _invalid, _not_interested, _unknown, _override, _reason, _text, _review_date)
    return next((found for look in steps for found in look(case)), None)


def _missing(case: Case) -> Iterator[Fault]:
    """What a referral needs to be sent is filled in by routing."""
    row = case.row
    if row is None or row.to == "REQUESTED":
        return
    needed = [*row.required, *(f for when, fields in row.conditional if _applies(when, case) for f in fields)]
    for name in needed:
        if name in ReferralFields.model_fields and _is_empty(getattr(case.command, name)):
            yield Fault("missing_field", f"/{name}")


def _is_empty(value: object) -> bool:
    """No and nought are answers."""
    return value is None or value in ("", [])


def _applies(when: str, case: Case) -> bool:
    """when: `priority=EMERGENCY`, a field of the need and its value."""
    name, _, value = when.partition("=")
    return str(getattr(case.referral.need, name)) == value


def _invalid(case: Case) -> Iterator[Fault]:
    """What is stated although we know it must be true, so that nothing is recorded of another referral, or twice."""
    command, referral = case.command, case.referral
    match command.command:
        case "record_no_show" if command.count not in (None, appointments.count(referral.appointments, NO_SHOW) + 1):
            yield Fault("invalid_value", "/count")
        case "schedule_appointment" if command.second_slot and not appointments.is_second_slot(referral.appointments):
            yield Fault("invalid_value", "/second_slot")
        case "accept" if command.appointment and not appointments.meant(referral.appointments, command.appointment):
            yield Fault("invalid_value", "/appointment", allowed=())
        case "decline" if command.linked_referral_id and case.facts.served_by is None:
            yield Fault("invalid_value", "/linked_referral_id", allowed=())
        case "revoke" if command.basis_id and referral.basis_id not in (None, command.basis_id):
            yield Fault("invalid_value", "/basis_id", allowed=())
        case "change_priority" if command.priority == referral.need.priority:
            yield Fault("invalid_value", "/priority")
        case "escalate" if command.timer in codes.of_field("timer"):
            yield from _raised(referral.timer(command.timer), command.escalation_level)


def _not_interested(case: Case) -> Iterator[Fault]:
    """Of who is not interested any more nothing is confirmed: they are declined, withdrawn, or let the place go."""
    if case.command.person_still_interested is False:
        yield Fault("invalid_value", "/person_still_interested")


def _raised(timer: Timer | None, level: int | None) -> Iterator[Fault]:
    """Only a timer that runs climbs, and only upwards."""
    if timer is None:
        yield Fault("invalid_value", "/timer", allowed=())
    elif level is not None and not timer.level < level <= timers.HIGHEST:
        yield Fault("invalid_value", "/escalation_level", allowed=())


def _unknown(case: Case) -> Iterator[Fault]:
    command = case.command
    for name in OF_LISTS:
        given_code, known = getattr(command, name), codes.of_field(name)
        if given_code is not None and given_code not in known:
            yield Fault("unknown_code", f"/{name}", known)
    documents = codes.of_field("documents")
    for i, document in enumerate(command.documents or ()):
        if document not in documents:
            yield Fault("unknown_code", f"/documents/{i}", documents)


def _override(case: Case) -> Iterator[Fault]:
    """Why a sender chooses an offer that the rules do not put first. What no reason sets aside, the guards refuse."""
    decision = case.facts.decision
    chosen = decision.search.choice if decision else None
    if decision is None or chosen is None or (chosen.reason is None and not decision.against):
        return
    usable = choice.reasons_for(decision.against)
    if chosen.reason is None and usable:
        yield Fault("missing_field", "/override_reason", usable)
    elif usable and chosen.reason not in usable:
        yield Fault("unknown_reason", "/override_reason", usable)
    elif chosen.reason_item and chosen.reason_item["text_required"] and chosen.text_id is None:
        yield Fault("missing_text", "/text")


def _reason(case: Case) -> Iterator[Fault]:
    if case.row is None or case.row.reasons is None:
        return
    if case.reason is None:
        usable = [c for c, item in codes.codes(case.row.reasons).items() if is_usable(item, case.row.command)]
        fixed = dict(case.row.fixed).get(str(case.reason_field))
        yield Fault("unknown_reason", f"/{case.reason_field}", (fixed,) if fixed else tuple(usable))
        return
    for name in case.reason.get("required_fields", ()):
        if _is_empty(getattr(case.command, name)):
            yield Fault("missing_field", f"/{name}")
    if case.reason["text_required"] and case.command.text_id is None:
        yield Fault("missing_text", "/text")


def _text(case: Case) -> Iterator[Fault]:
    for name in case.row.required if case.row else ():
        if name in TEXTS and case.command.text_id is None and case.role != "system":
            yield Fault("missing_text", f"/{name}")


def _review_date(case: Case) -> Iterator[Fault]:
    day, reason, facts = case.command.review_date, case.reason, case.facts
    needs_one = case.row is not None and "review_date_valid" in case.row.guards
    if needs_one and day and reason and not given.is_review_date(day, reason, facts.now, facts.calendar):
        yield Fault("invalid_review_date", "/review_date")
