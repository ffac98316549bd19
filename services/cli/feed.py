"""An agency's queue kept current: as it is told once, and then by every event of the agency's feed, over HTTP."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from contracts import codes
from services.cli import http, tokens
from services.cli.faults import CannotDo
from services.cli.session import Session

REFERRAL = "staffetta.referral."
POLL_S, AGAIN_S = 10, 2
GONE, AWAY = 410, 500


@dataclass(frozen=True, slots=True)
class Row:
    """One referral of the queue, as its event of this version left it.

    code: what people call it; since: when it came to its state.
    """

    code: str | None
    referral_id: str
    version: int
    state: str
    since: str
    service: str
    priority: str
    offer: str | None
    due_at: str | None

    @property
    def due(self) -> datetime:
        """What has no time to keep is due last."""
        return datetime.fromisoformat(self.due_at) if self.due_at else datetime.max.replace(tzinfo=UTC)


Change = tuple[str | None, Row]
"""What made a row what it is: the type of an event, or None for what was there at the beginning."""


class Queue:
    """The referrals that an agency has received, by the newest version told of each.

    One that has ended is remembered, so that an older event told twice does not bring it back.
    """

    def __init__(self, agency: str) -> None:
        self.agency, self.rows = agency, dict[str, Row]()

    def begin(self, queue: list[dict[str, Any]]) -> Iterator[Change]:
        """As `/v1/queues` tells it; yields what was not known, or is new since it was."""
        found = {row.referral_id: row for row in map(_listed, queue)}
        known, self.rows = self.rows, found
        yield from ((None, row) for row in found.values() if row != known.get(row.referral_id))

    def take(self, entry: dict[str, Any]) -> Change | None:
        """An entry of the feed; None if it changes nothing here, for it is another's, older or told twice."""
        data = entry["data"]
        if not entry["type"].startswith(REFERRAL) or data["receiver_agency"] != self.agency:
            return None
        row, known = _told(data), self.rows.get(data["referral_id"])
        if (known and row.version <= known.version) or (known is None and not _is_open(row.state)):
            return None
        if known and known.state == row.state:
            row = replace(row, since=known.since)
        self.rows[row.referral_id] = row
        return entry["type"], row

    @property
    def pressing(self) -> tuple[Row, ...]:
        """Those that are open, by time left."""
        still = (row for row in self.rows.values() if _is_open(row.state))
        return tuple(sorted(still, key=lambda row: (row.due, row.referral_id)))


def follow(session: Session, queue: Queue) -> Iterator[Change | str]:
    """Every change, for ever; a sentence while the relay cannot be asked, an empty one when it can.

    Raises CannotDo if it cannot be asked at the beginning.
    """
    began = known = False
    cursor: int | None = None
    while True:
        try:
            if not known:
                # the feed's end first: what happens before the queue is read comes twice, and is known by its version
                cursor = ask_feed(session, queue.agency, limit=0)["next"]
                yield from queue.begin(_ask_queue(session, queue.agency))
                began = known = True
                yield ""
            page = ask_feed(session, queue.agency, after=cursor, wait=POLL_S)
        except Gap:
            known = False
        except Away as fault:
            if not began:
                raise
            yield fault.reason
            time.sleep(AGAIN_S)
        else:
            yield ""
            cursor = page["next"]
            yield from filter(None, map(queue.take, page["entries"]))


class Away(CannotDo):
    """The relay cannot be asked now."""


class Gap(Exception):
    """The feed no longer holds what followed the cursor."""


def ask_feed(session: Session, agency: str, **params: Any) -> dict[str, Any]:
    stated = {name: str(value) for name, value in params.items() if value is not None}
    page: dict[str, Any] = _ask(session, "gateway", "/v1/feed", agency, stated).json()
    return page


def _ask_queue(session: Session, agency: str) -> list[dict[str, Any]]:
    page = _ask(session, "referral", "/v1/queues", agency, {"agency": agency})
    found: list[dict[str, Any]] = page.json()
    while following := http.next_page(page):
        page = _ask(session, "referral", following, agency)
        found += page.json()
    return found


def _ask(session: Session, service: str, path: str, agency: str, params: dict[str, str] | None = None) -> Any:
    """The response, which is one of success."""
    where = session.endpoints
    headers = tokens.bearer(where, agency=agency)
    try:
        response = http.send(where, service, path, headers=headers, params=params)
    except CannotDo as fault:
        raise Away(fault.reason, fault.remedy) from None
    if response.status_code == GONE:
        raise Gap
    if response.status_code >= AWAY:
        raise Away(f"The service {service} answered {response.status_code}.")
    if not response.is_success:
        raise CannotDo(f"The service {service} does not let {agency} in ({response.status_code}).", http.NOT_LET_IN)
    return response


def _listed(of: dict[str, Any]) -> Row:
    return Row(
        code=of["code"], referral_id=of["referral_id"], version=of["version"], state=of["state"]["code"],
        since=of["since"], service=of["service"]["code"], priority=of["priority"]["code"], offer=of["offer"],
        due_at=of["due_at"],
    )  # fmt: skip


def _told(data: dict[str, Any]) -> Row:
    same = {name: data[name] for name in ("referral_id", "version", "state", "service", "priority", "offer", "due_at")}
    return Row(**same, code=data.get("code"), since=data["at"])


def _is_open(state: str) -> bool:
    return bool(codes.codes("transitions", "states")[state]["kind"] == "open")
