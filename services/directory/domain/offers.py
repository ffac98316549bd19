"""When an offer makes sense, given the agency that makes it."""

from collections.abc import Iterator

from contracts import codes
from contracts.directory import Agency, Offer
from services.directory.domain import admission, faults
from services.directory.domain.faults import Fault


def check(offer: Offer, agency: Agency | None, place: str = "the directory") -> Iterator[Fault]:
    """agency: the one that the offer names, if it is there. place: where it was looked for, in words."""
    yield from faults.of_code("/service", offer.service, "services")
    yield from _check_queue(offer, agency, place)
    yield from faults.of_codes("/area_served/cities", offer.area_served.cities, "cities")
    if not offer.area_served.cities and not offer.area_served.any_network_city:
        yield Fault("missing_field", "/area_served/cities", "must name a city, or any_network_city")
    yield from admission.check(offer.admission.all_of, "/admission/all_of", offer.service)
    yield from faults.of_languages("/languages", offer.languages)
    yield from faults.of_hours("/opening_hours", offer.opening_hours)
    yield from faults.of_email("/contact/email", offer.contact.email)
    yield from _check_capacity(offer)
    if offer.valid_to is not None and offer.valid_to < offer.valid_from:
        yield Fault("inconsistent_data", "/valid_to", "must not come before `valid_from`")


def _check_queue(offer: Offer, agency: Agency | None, place: str) -> Iterator[Fault]:
    if agency is None:
        yield Fault("unknown_code", "/agency", f"must be an agency of {place}")
    elif offer.queue not in [queue.code for queue in agency.queues]:
        yield Fault("unknown_code", "/queue", "must be a queue of the offer's agency")


def _check_capacity(offer: Offer) -> Iterator[Fault]:
    kind, total = offer.capacity.kind, offer.capacity.total
    yield from faults.of_code("/capacity/kind", kind, "services", "capacity_kinds")
    service = codes.codes("services").get(offer.service)
    if service and kind not in (service["capacity_kind"], "none"):
        yield Fault("inconsistent_data", "/capacity/kind", "must be what the service is counted in, or none")
    if total is not None and total < 0:
        yield Fault("number_out_of_range", "/capacity/total", "must not be negative")
    per = codes.table("running")["counted_per"].get(kind)
    if offer.capacity.per not in (None, per):
        yield Fault("inconsistent_data", "/capacity/per", f"must be {per or 'left out'} where {kind} is counted")
    if kind == "none" and total is not None:
        yield Fault("inconsistent_data", "/capacity/total", "must be left out where no places are counted")
    if kind != "none" and total is None:
        yield Fault("missing_field", "/capacity/total", "must say how many places are counted")
    if offer.waitlist.enabled and not offer.waitlist.order_rule:
        yield Fault("missing_field", "/waitlist/order_rule", "must say who comes first")
    rules = codes.table("running")["order_rules"]
    if offer.waitlist.order_rule not in (None, *rules):
        yield Fault("unknown_code", "/waitlist/order_rule", f"must be {' or '.join(rules)}")
