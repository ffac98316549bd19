"""Places of offers: never more taken than there are, each by a referral that may have it, and none forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from contracts.codes import codes
from contracts.places import CapacityHeld, PlacesEvent, PutPlaces, places_id
from contracts.topics import CAPACITY, HOUSING_COMMANDS, PROGRAMMES_COMMANDS
from services.cli.verify.checks.folding import is_over, model_of, take
from services.cli.verify.loaded import Doc, Loaded, Said
from services.cli.verify.report import HISTORY_GONE, Seen

COMMANDS = {topic.owner: topic for topic in (HOUSING_COMMANDS, PROGRAMMES_COMMANDS)}

UNDECIDED = frozenset({"REQUESTED", "ACKNOWLEDGED"})
TAKEN = frozenset({"ACCEPTED", "IN_SERVICE", "ON_HOLD"})
MAY_HAVE = {
    "held": UNDECIDED | {"WAITLISTED"},
    "confirmed": TAKEN,
    "waiting": frozenset({"WAITLISTED"}),
    "let_go": UNDECIDED | TAKEN,
}
"""In which states a referral may have what an offer keeps of it; let_go is a place that ended before it was taken."""

KNOWN_AS = {"held": "held", "confirmed": "confirmed", "waiting": "waiting"}
"""What a referral calls its place, and as what the offer keeps it."""

Had = Mapping[str, list[tuple[str, str]]]
"""By referral: the offers (as places_id) that keep something of it, and as what."""


def check(loaded: Loaded) -> Iterator[Seen]:
    referrals, had = loaded.stored("referral", "referrals"), _had(loaded)
    for id, kept in had.items():
        yield Seen(f"places of referral {id}", tuple(_may_not(kept, referrals.get(id))))
    for id, referral in referrals.items():
        if referral["seat"] != "none" and not is_over(referral["state"]):
            yield Seen(f"seat of referral {id}", tuple(_missing(referral["seat"], had.get(id, []))))
    for service in CAPACITY.writers:
        yield from _counts(loaded, service)
        yield from _counted_no_more(loaded, service)


# -- whose they are ----------------------------------------------------------------------------------------------------


def _had(loaded: Loaded) -> Had:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for service in CAPACITY.writers:
        for id, doc in loaded.stored(service, "places").items():
            for taken in doc["taken"]:
                found[taken["party"]["referral_id"]].append((id, "confirmed" if taken["confirmed"] else "held"))
            for kind in ("waiting", "let_go"):
                for party in doc[kind]:
                    found[party["referral_id"]].append((id, kind))
    return found


def _may_not(kept: list[tuple[str, str]], referral: Doc | None) -> Iterator[str]:
    if len(kept) > 1:
        yield f"it has something of an offer {len(kept)} times: {', '.join(f'{kind} at {id}' for id, kind in kept)}"
    for id, kind in kept:
        if referral is None:
            yield f"{kind} at {id}, and nobody keeps the referral"
        elif referral["state"] not in MAY_HAVE[kind]:
            yield f"{kind} at {id}, and the referral is {referral['state']}"


def _missing(seat: str, kept: list[tuple[str, str]]) -> Iterator[str]:
    kinds = {kind for _, kind in kept}
    if seat == "asked":
        yield "a place was asked for, and it was never told what became of it"
    elif (wanted := KNOWN_AS.get(seat)) and wanted not in kinds:
        yield f"its place is {seat}, and no offer has it so"


# -- how many ----------------------------------------------------------------------------------------------------------


def _counts(loaded: Loaded, service: str) -> Iterator[Seen]:
    told, puts = loaded.by_key(CAPACITY), loaded.by_key(COMMANDS[service])
    for id, doc in loaded.stored(service, "places").items():
        said, name = told.get(id, []), f"count of places {id}"
        if not loaded.is_whole(COMMANDS[service]) or (said and not loaded.begins(said)):
            yield Seen(name, not_checked=HISTORY_GONE)
            continue
        totals = {m.value["total"] for m in puts.get(id, ()) if model_of(m) is PutPlaces} | {doc["total"] or 0}
        yield Seen(name, (*_over(doc, totals), *_miscounted(said, totals)))


def _counted_no_more(loaded: Loaded, service: str) -> Iterator[Seen]:
    """What the directory has nobody count, or another service, is closed."""
    for code, offer in loaded.stored(service, "offers").items():
        kind, total = offer["capacity"]["kind"], offer["capacity"].get("total")
        doc = loaded.stored(service, "places").get(str(places_id(code)))
        if doc and (total is None or codes("services", "capacity_kinds")[kind]["provided_by"] != service):
            wrong = f"it is open with {doc['total']} places, and they are counted no more"
            yield Seen(f"places of offer {code}", (wrong,) if doc["is_open"] and doc["total"] is not None else ())


def _over(doc: Doc, totals: set[int]) -> Iterator[str]:
    """The directory may have taken places away since; then it once told of more."""
    taken = sum(taken["party"]["places"] for taken in doc["taken"])
    if taken > max(totals):
        yield f"{taken} are taken, and there never were more than {max(totals)}"


def _miscounted(said: Iterable[Said], totals: set[int]) -> Iterator[str]:
    """After every event what was taken and what is told to be free make up a number that the directory told."""
    having: dict[str, tuple[int, str]] = {}
    for event in (message for message in said if issubclass(model_of(message), PlacesEvent)):
        take(having, event)
        taken, free = sum(places for places, _ in having.values()), event.value["free"]
        if taken + free not in totals:
            yield f"{taken} are taken and {free} told to be free at {event.place}, of {sorted(totals)}"
        if free < 0 and model_of(event) is CapacityHeld:
            yield f"places are held that there are not, at {event.place}: {event.value['places']}"
