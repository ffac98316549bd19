"""When an agency with its queues makes sense."""

from collections.abc import Iterable, Iterator

from contracts import codes
from contracts.directory import Agency, StricterLimit
from services.directory.domain import faults
from services.directory.domain.faults import Fault


def check(agency: Agency, known: Agency | None = None, others: Iterable[str] = ()) -> Iterator[Fault]:
    """known: the agency as the directory has it. Referrals lie in its queues, so none of them ever goes away.

    others: codes of agencies. Topics are named by them, and a broker holds two for one that differ only in `.` and `_`.
    """
    for other in others:
        if other != agency.code and other.replace("_", ".") == agency.code.replace("_", "."):
            yield Fault("inconsistent_data", "/code", f"must differ from {other} in more than `.` and `_`")
    yield from faults.of_code("/city", agency.city, "cities")
    yield from faults.of_code("/delivery", agency.delivery, "channels", "delivery")
    if not agency.queues:
        yield Fault("missing_field", "/queues", "must hold at least one queue")
    queues = [queue.code for queue in agency.queues]
    yield from faults.of_repeats("/queues", queues, "/code")
    yield from faults.of_email("/contact/email", agency.contact.email)
    for i, queue in enumerate(agency.queues):
        yield from faults.of_email(f"/queues/{i}/contact/email", queue.contact.email)
        yield from faults.of_languages(f"/queues/{i}/languages", queue.languages)
        yield from faults.of_hours(f"/queues/{i}/opening_hours", queue.opening_hours)
    for i, limit in enumerate(agency.limits):
        yield from _of_limit(f"/limits/{i}", limit)
    if known and {queue.code for queue in known.queues} - set(queues):
        yield Fault("inconsistent_data", "/queues", "must still hold every queue that the agency has")


def _of_limit(pointer: str, stricter: StricterLimit) -> Iterator[Fault]:
    """An agency may answer sooner than the network asks, never later."""
    yield from faults.of_code(f"{pointer}/priority", stricter.priority, "priorities")
    limits = codes.codes("priorities").get(stricter.priority, {}).get("limits", {})
    if limits and stricter.limit not in limits:
        yield Fault("unknown_code", f"{pointer}/limit", f"must be one of {', '.join(limits)}")
    elif limits and stricter.amount > limits[stricter.limit]["amount"]:
        yield Fault("invalid_value", f"{pointer}/amount", "must not be more than the limit of the network")
