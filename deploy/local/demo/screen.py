"""The board as a person sees it: a table that moves on a terminal, plain lines elsewhere, and a summary at the end."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.local.demo.board import Need
from services.cli.words import Words

PLAIN_WIDTH = 400
"""Where nobody looks on, each need is one line, however long."""


class Screen:
    def __init__(self, words: Words) -> None:
        self.words = words
        self.moving = sys.stdout.isatty()
        self.console = Console(highlight=False, width=None if self.moving else PLAIN_WIDTH)
        self.live: Live | None = None
        self.rows: Iterable[Need] = ()

    def changed(self, need: Need, news: str) -> None:
        if self.live:
            self.live.update(self.table())
        elif not self.moving:
            line = f"{need.ref}  {self._service(need)}  {need.offer}  {news}"
            self.console.print(line, soft_wrap=True, markup=False)

    @contextmanager
    def showing(self, rows: Iterable[Need]) -> Iterator[None]:
        """While the demonstration runs; the table stays as its summary."""
        self.rows = rows
        if self.moving:
            with Live(self.table(), console=self.console, refresh_per_second=8) as self.live:
                yield
            self.live = None
        else:
            yield
            self.console.print(self.table())

    def table(self) -> Table:
        words = self.words
        table = Table(box=None, pad_edge=False, title_justify="left")
        for heading, share in (("sender", None), ("requested", 2), ("offer", None), ("why", 3), ("answer", 4)):
            table.add_column(words(heading), overflow="fold", ratio=share if self.moving else None)
        before = ""
        for need in self.rows:
            style = None if need.ended else "dim"
            ref, before = "" if need.ref == before else need.ref, need.ref
            table.add_row(ref, self._service(need), need.offer, need.why, need.answer, style=style)
        return table

    def _service(self, need: Need) -> str:
        return self.words.service_on_a_board(need.service)
