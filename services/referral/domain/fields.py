"""What a command must carry in the state it meets: fields, codes, reasons and their texts."""

from collections.abc import Iterator

from contracts import codes
from contracts.commands import ReferralFields
from services.referral.domain.case import Case, Fault, is_usable, reason_field


def fault(case: Case) -> Fault | None:
    """The first thing that is missing or unknown: fields, then codes, then the reason with what it asks for."""
    return next((found for look in (_missing, _unknown, _reason) for found in look(case)), None)


def _missing(case: Case) -> Iterator[Fault]:
    row = case.row
    if row is None:
        return
    needed = [*row.required, *(f for when, fields in row.conditional if _applies(when, case) for f in fields)]
    for name in needed:
        if name in ReferralFields.model_fields and not getattr(case.command, name):
            yield Fault("missing_field", f"/{name}")


def _applies(when: str, case: Case) -> bool:
    """when: `priority=EMERGENCY`, a field of the need and its value."""
    name, _, value = when.partition("=")
    return str(getattr(case.referral.need, name)) == value


def _unknown(case: Case) -> Iterator[Fault]:
    command = case.command
    for name in ("contact_mode", "failed_rule", "requested_by"):
        given, known = getattr(command, name), codes.of_field(name)
        if given is not None and given not in known:
            yield Fault("unknown_code", f"/{name}", known)
    documents = codes.of_field("documents")
    for i, document in enumerate(command.documents or ()):
        if document not in documents:
            yield Fault("unknown_code", f"/documents/{i}", documents)


def _reason(case: Case) -> Iterator[Fault]:
    if case.row is None or case.row.reasons is None:
        return
    if case.reason is None:
        usable = (c for c, item in codes.codes(case.row.reasons).items() if is_usable(item, case.row.command))
        yield Fault("unknown_reason", f"/{reason_field(case.row)}", tuple(usable))
        return
    for name in case.reason.get("required_fields", ()):
        if not getattr(case.command, name):
            yield Fault("missing_field", f"/{name}")
    if case.reason["text_required"] and case.command.text_id is None:
        yield Fault("missing_text", "/text")
