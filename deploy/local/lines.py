"""How a service's log line looks to a person: who says it, how grave it is, what, and the facts beside it."""

import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WIDTH = 13
COLOURS = (36, 32, 33, 35, 34, 96, 92, 95)
KNOWN = frozenset({"time", "level", "service", "replica", "message", "frames"})
RED = 31
KEPT_LINES = 500


def readable(line: str) -> str:
    """A JSON line as words: the message, then `name=value`; what is not one of our JSON lines stays as it is."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    if not isinstance(said, dict) or "message" not in said:
        return line
    return "\n".join([_sentence(said), *(f"    {frame}" for frame in said.get("frames", ()))])


def _sentence(said: dict[str, Any]) -> str:
    level = str(said.get("level", "info")).upper()
    grave = [] if level in ("INFO", "DEBUG") else [level]
    facts = [f"{name}={value}" for name, value in said.items() if name not in KNOWN]
    return " ".join([*grave, str(said["message"]), *facts])


class Printer:
    """Prints lines with their speaker in front; in colour only where a person looks on."""

    def __init__(self) -> None:
        self.watched = sys.stdout.isatty()
        self.coloured = self.watched and "NO_COLOR" not in os.environ
        self.speakers: dict[str, int] = {}
        self.kept: deque[str] | None = None

    def say(self, speaker: str, text: str) -> None:
        for line in text.splitlines():
            self._print(f"{self._front(speaker, line)} {line}")

    def _print(self, line: str) -> None:
        if self.kept is None:
            print(line, flush=True)
        else:
            self.kept.append(line)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While another program paints on the terminal our lines wait: between its own they would tear its picture."""
        self.kept = deque(maxlen=KEPT_LINES) if self.watched else None
        try:
            yield
        finally:
            kept, self.kept = self.kept or (), None
            for line in kept:
                self._print(line)

    def _front(self, speaker: str, line: str) -> str:
        front = f"{speaker:<{WIDTH}}|"
        if not self.coloured:
            return front
        own = self.speakers.setdefault(speaker, COLOURS[len(self.speakers) % len(COLOURS)])
        colour = RED if line.startswith(("ERROR", "CRITICAL")) else own
        return f"\x1b[{colour}m{front}\x1b[0m"


def progress(text: str) -> None:
    """How far a download is: one line that changes for a person, a line each for a log."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)
    else:
        print(text.rstrip(), flush=True)
