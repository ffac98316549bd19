"""The store of a network without engines: documents in memory, as BSON keeps them, found by what our stores ask."""

import operator
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from itertools import islice, takewhile
from typing import Any

import bson
from bson.codec_options import CodecOptions

Doc = dict[str, Any]
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)

COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class Shelf:
    """One collection; every document goes through BSON, as on its way to a real store, and is read once a write.

    What is asked for up to a value ($lte) is found by an index of that field.
    """

    def __init__(self) -> None:
        self.docs: dict[str, bytes] = {}
        self._read: dict[str, Doc] = {}
        self._indexes: dict[str, Index] = {}

    async def find_one(self, query: Doc, projection: Any = None, session: Any = None) -> Doc | None:
        return next(self._found(query), None)

    def find(
        self, query: Doc, projection: Any = None, session: Any = None, batch_size: int = 0, limit: int = 0
    ) -> "Found":
        found = self._found(query)
        return Found(islice(found, limit) if limit else found)

    async def bulk_write(self, writes: Iterable[Any], ordered: bool = True, session: Any = None) -> None:
        for write in writes:
            doc = getattr(write, "_doc", None)
            self._write(write._filter["_id"], doc and doc.raw)

    def put(self, doc: Doc) -> None:
        """As an earlier moment left it."""
        self._write(doc["_id"], bson.encode(doc))

    def all(self) -> list[Doc]:
        return [self.doc(id) for id in self.docs]

    def doc(self, id: str) -> Doc:
        if id not in self._read:
            self._read[id] = bson.decode(self.docs[id], AWARE)
        return self._read[id]

    def _write(self, id: str, raw: bytes | None) -> None:
        self._read.pop(id, None)
        if raw is None:
            self.docs.pop(id, None)
        else:
            self.docs[id] = raw
        for index in self._indexes.values():
            index.put(id, self.doc(id) if raw else {})

    def _found(self, query: Doc) -> Iterator[Doc]:
        return (doc for doc in (self.doc(id) for id in self._ids(query) if id in self.docs) if _matches(doc, query))

    def _ids(self, query: Doc) -> Iterable[str]:
        match next(iter(query.items())):
            case "_id", {"$in": ids}:
                return list(ids)
            case "_id", id:
                return [id]
            case field, {"$lte": last}:
                return self._index(field).until(last)
        return list(self.docs)

    def _index(self, field: str) -> "Index":
        if field not in self._indexes:
            self._indexes[field] = Index(field)
            for id in self.docs:
                self._indexes[field].put(id, self.doc(id))
        return self._indexes[field]


class Index:
    """The documents that have a value in a field, in its order."""

    def __init__(self, field: str) -> None:
        self.field = field
        self._sorted: list[tuple[Any, str]] = []
        self._known: dict[str, Any] = {}

    def put(self, id: str, doc: Doc) -> None:
        if (old := self._known.pop(id, None)) is not None:
            del self._sorted[bisect_left(self._sorted, (old, id))]
        if (new := doc.get(self.field)) is not None:
            self._known[id] = new
            insort(self._sorted, (new, id))

    def until(self, last: Any) -> list[str]:
        return [id for _, id in takewhile(lambda one: one[0] <= last, self._sorted)]


class Shelves(dict[str, Shelf]):
    """The database of one service; a collection is there as soon as it is named."""

    def __missing__(self, name: str) -> Shelf:
        self[name] = Shelf()
        return self[name]

    __getattr__ = dict.__getitem__


class Found:
    """What a query found."""

    def __init__(self, docs: Iterator[Doc]) -> None:
        self._docs = docs

    def sort(self, by: str | list[tuple[str, int]], direction: int = 1) -> "Found":
        docs = list(self._docs)
        for field, way in reversed([(by, direction)] if isinstance(by, str) else by):
            docs = sorted(docs, key=partial(_first_at, field), reverse=way < 0)
        return Found(iter(docs))

    def limit(self, count: int) -> "Found":
        return Found(doc for doc, _ in zip(self._docs, range(count), strict=False))

    async def __aiter__(self) -> AsyncIterator[Doc]:
        for doc in self._docs:
            yield doc


def _matches(doc: Doc, query: Doc) -> bool:
    return all(any(_is(have, wanted) for have in _at(doc, path)) for path, wanted in query.items())


def _is(have: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return bool(have == wanted)
    for how, value in wanted.items():
        match how:
            case "$in" if have not in value:
                return False
            case "$ne" if have == value:
                return False
            case "$gt" | "$gte" | "$lt" | "$lte" if have is None or not COMPARED[how](have, value):
                return False
    return True


def _first_at(path: str, doc: Doc) -> Any:
    return next(_at(doc, path))


def _at(doc: Any, path: str) -> Iterator[Any]:
    """What lies at a path; of a list also each of what it holds."""
    name, _, rest = path.partition(".")
    have = doc.get(name) if isinstance(doc, dict) else None
    if not rest:
        yield have
        yield from have if isinstance(have, list) else ()
    elif isinstance(have, list):
        for one in have:
            yield from _at(one, rest)
    else:
        yield from _at(have, rest)
