"""When an agency with its queues makes sense."""

from collections.abc import Iterator

from contracts.directory import Agency
from services.directory.domain import faults
from services.directory.domain.faults import Fault


def check(agency: Agency, known: Agency | None = None) -> Iterator[Fault]:
    """known: the agency as the directory has it. Referrals lie in its queues, so none of them ever goes away."""
    yield from faults.of_code("/city", agency.city, "cities")
    yield from faults.of_code("/delivery", agency.delivery, "channels", "delivery")
    if not agency.queues:
        yield Fault("missing_field", "/queues", "must hold at least one queue")
    codes = [queue.code for queue in agency.queues]
    yield from faults.of_repeats("/queues", codes, "/code")
    yield from faults.of_email("/contact/email", agency.contact.email)
    for i, queue in enumerate(agency.queues):
        yield from faults.of_email(f"/queues/{i}/contact/email", queue.contact.email)
        yield from faults.of_languages(f"/queues/{i}/languages", queue.languages)
        yield from faults.of_hours(f"/queues/{i}/opening_hours", queue.opening_hours)
    if known and {queue.code for queue in known.queues} - set(codes):
        yield Fault("inconsistent_data", "/queues", "must still hold every queue that the agency has")
