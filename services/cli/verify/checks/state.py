"""What a service keeps of an aggregate is what its events add up to; every copy of the directory is the directory."""

from collections.abc import Iterator, Mapping

from contracts.directory import Agency, Offer
from contracts.topics import DIRECTORY
from services.cli.verify.checks.folding import KINDS, LINKED, PLACES, Kind, Sum, model_of
from services.cli.verify.loaded import Doc, Loaded, Said
from services.cli.verify.report import HISTORY_GONE, Seen

SHOWN = frozenset({"state", "version", "seat", "hop", "due_at"})
"""Of these both sides are told; of others, which may name a service or a queue, only that they differ."""

ENTRIES: dict[str, tuple[str, type[Agency] | type[Offer]]] = {
    "agency/": ("agencies", Agency),
    "offer/": ("offers", Offer),
}
COPIES = ("directory", "intake", "referral", "housing", "programmes")
"""Who keeps the directory's entries whole."""


def check(loaded: Loaded) -> Iterator[Seen]:
    for kind in KINDS:
        yield from _compared(loaded, (kind,))
    yield from _compared(loaded, PLACES)
    yield from _histories(loaded)
    yield from _entries(loaded)


def _compared(loaded: Loaded, kinds: tuple[Kind, ...]) -> Iterator[Seen]:
    """kinds: those that share a topic and tell their aggregates apart by who keeps them."""
    topic, told = kinds[0].topic, loaded.by_key(kinds[0].topic)
    kept: set[str] = set()
    for kind in kinds:
        docs = loaded.stored(kind.service, kind.collection)
        kept |= docs.keys()
        for id, doc in docs.items():
            yield _one(kind, id, doc, told.get(id, []), loaded)
    for key in told.keys() - kept:
        if any(_is_its_own(kinds[0], message) for message in told[key]):
            yield Seen(f"{kinds[0].name} {key}", (f"{topic.name} tells of it, and nobody keeps it",))


def _one(kind: Kind, id: str, doc: Doc, said: list[Said], loaded: Loaded) -> Seen:
    name, stored = f"{kind.name} {id}", kind.stored(doc)
    if not said and stored.get("version") == 0:  # places of which nothing happened yet
        return Seen(name)
    if said and loaded.begins(said):
        return Seen(name, tuple(_differences(stored, kind.fold(said))))
    if said or not loaded.is_whole(kind.topic):
        return Seen(name, not_checked=HISTORY_GONE)
    return Seen(name, (f"{kind.service} keeps it, and {kind.topic.name} does not tell of it",))


def _differences(stored: Sum, told: Sum) -> Iterator[str]:
    for name, value in stored.items():
        if value != told[name]:
            shown = f" is {value}, its events say {told[name]}" if name in SHOWN else " is not what its events say"
            yield f"{name}{shown}"


def _is_its_own(kind: Kind, message: Said) -> bool:
    return issubclass(model_of(message), kind.event) and message.value.get("state") != LINKED


def _histories(loaded: Loaded) -> Iterator[Seen]:
    for id, doc in loaded.stored("referral", "referrals").items():
        versions = [entry["version"] for entry in doc["history"]]
        whole = versions == list(range(1, doc["version"] + 1))
        yield Seen(f"history of referral {id}", () if whole else (f"it tells versions {versions} of {doc['version']}",))


def _entries(loaded: Loaded) -> Iterator[Seen]:
    """The topic is compacted: the last message of a key is the entry. Names with a slash are of numbers beside them."""
    last = {message.key: message for message in loaded.on(DIRECTORY)}
    for service in (name for name in COPIES if name in loaded.services):
        for prefix, (collection, model) in ENTRIES.items():
            told = {key.removeprefix(prefix): m.value for key, m in last.items() if key.startswith(prefix)}
            kept = {code: doc for code, doc in loaded.stored(service, collection).items() if "/" not in code}
            yield from _copied(f"{service}'s {prefix}", model, kept, told)


def _copied(
    name: str, model: type[Agency] | type[Offer], kept: Mapping[str, Doc], told: Mapping[str, Doc]
) -> Iterator[Seen]:
    for code in sorted(kept.keys() | told.keys()):
        same = code in kept and code in told and model.model_validate(kept[code]) == model.model_validate(told[code])
        yield Seen(f"{name}{code}", () if same else ("it is not what the directory's topic says last",))
