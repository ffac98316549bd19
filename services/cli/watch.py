"""A queue as it is now, and every change as it comes: a table for a person, a line a change for a program."""

import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from services.cli.feed import Change, Queue, Row, follow
from services.cli.session import Session
from services.cli.words import NOTHING, Words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

REDRAW_S = 1
WIDE = 110
SOON_S = 2 * 3600


@dataclass(frozen=True, slots=True)
class Picture:
    """What a table shows. fault: why it may be old."""

    agency: str
    rows: tuple[Row, ...] = ()
    fault: str = ""


def watch(session: Session, agency: str) -> None:
    """Until Ctrl-C, which is the way to end it."""
    for service in ("gateway", "referral"):
        session.endpoints.need_service(service)
    try:
        if session.json or not sys.stdout.isatty():
            _print_changes(session, Queue(agency))
        else:
            _show(session, Queue(agency))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # whoever read is gone; python would complain of it once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# -- line by line ------------------------------------------------------------------------------------------------------
def _print_changes(session: Session, queue: Queue) -> None:
    for came in follow(session, queue):
        if not isinstance(came, str):
            print(_json(came) if session.json else _line(came, session.words), flush=True)


def _json(change: Change) -> str:
    event, row = change
    return json.dumps({"event": event} | asdict(row), ensure_ascii=False)


def _line(change: Change, words: Words) -> str:
    _, row = change
    state = words.of("transitions", row.state, "states")
    told = (row.code or NOTHING, words.at(row.since), state, words.service_on_a_board(row.service), row.referral_id)
    return "  ".join(told)


# -- a table that lives ------------------------------------------------------------------------------------------------
def _show(session: Session, queue: Queue) -> None:
    """The relay is asked beside the table, so that time runs on while nothing comes and Ctrl-C is heard at once."""
    from rich.live import Live

    came: SimpleQueue[Picture | Exception] = SimpleQueue()
    threading.Thread(target=_listen, args=(session, queue, came), daemon=True).start()
    now = came.get()
    with Live(console=session.console, auto_refresh=False) as live:
        while not isinstance(now, Exception):
            live.update(table(now, session.console, session.words, datetime.now(UTC)), refresh=True)
            with suppress(Empty):
                now = came.get(timeout=REDRAW_S)
    raise now


def _listen(session: Session, queue: Queue, came: "SimpleQueue[Picture | Exception]") -> None:
    fault = ""
    try:
        for change in follow(session, queue):
            fault = change if isinstance(change, str) else fault
            came.put(Picture(queue.agency, queue.pressing, fault))
    except Exception as end:  # told where somebody looks
        came.put(end)


def table(picture: Picture, console: "Console", words: Words, now: datetime) -> "RenderableType":
    """As many rows as the screen has room for, and as many columns."""
    from rich.table import Table
    from rich.text import Text

    wide, rows = console.width >= WIDE, picture.rows
    shown = rows[: max(1, (console.height - 4) // (1 if wide else 3))]
    more = f"+ {len(rows) - len(shown)}" if len(shown) < len(rows) else ""
    made = Table(
        box=None, pad_edge=False, title=f"{words('queue')} {picture.agency} ({len(rows)})", title_justify="left",
        caption=Text(" ".join(filter(None, (more, picture.fault)))), caption_justify="left", show_header=wide,
    )  # fmt: skip
    for heading in ("code", "due", "state", "service", "since", "when", "referral") if wide else ("referral",):
        made.add_column(words(heading), overflow="fold", no_wrap=wide and heading != "service")
    for row in shown:
        cells = _cells(row, words, now)
        made.add_row(*(cells if wide else ["\n".join((", ".join(cells[1:3]), f"{cells[0]} {cells[3]}", cells[-1]))]))
    if not rows:
        made.add_row(f"{words('empty_queue')} {picture.agency}.", *[""] * (len(made.columns) - 1))
    return made


def _cells(row: Row, words: Words, now: datetime) -> list[str]:
    return [
        row.code or NOTHING,
        f"[{_colour(row, now)}]{words.left(row.due_at, now)}[/]",
        words.of("transitions", row.state, "states"),
        words.service_on_a_board(row.service),
        words.at(row.since),
        words.at(row.due_at) if row.due_at else NOTHING,
        row.referral_id,
    ]


def _colour(row: Row, now: datetime) -> str:
    """What is late is said in words too."""
    left = (row.due - now).total_seconds()
    return "bold red" if left < 0 else "yellow" if left < SOON_S else "green"
