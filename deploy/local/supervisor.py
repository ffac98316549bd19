"""Keeps every process of the stack running: starts it, shows what it says, starts it again, stops all in order."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.engine import end_with_us
from deploy.local.faults import CannotRun
from deploy.local.lines import Printer, readable

HEALTHY_S = 20.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 15.0
SERVICES_STOP_S, ALL_STOP_S = 2.0, 3.5
LONGEST_LINE = 2**20


@dataclass(eq=False)
class Child:
    """argv is asked for before each start. shown: whether its lines are printed beside being kept in `log`."""

    name: str
    argv: Callable[[], list[str]]
    log: Path
    env: dict[str, str] | None = None
    shown: bool = False
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    starts: int = 0


def pause(failures: int) -> float:
    """Seconds before the next start: at once after a healthy life, ever longer for one that keeps failing."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures, 16), LONGEST_PAUSE_S)


class Supervisor:
    """Starts children and keeps them; the last ones started are the first to be stopped."""

    def __init__(self, printer: Printer) -> None:
        self.printer = printer
        self.stopping = asyncio.Event()
        self.kept: dict[Child, asyncio.Task[None]] = {}

    def keep(self, children: Iterable[Child]) -> None:
        for child in children:
            child.log.parent.mkdir(parents=True, exist_ok=True)
            child.log.write_bytes(b"")
            self.kept[child] = asyncio.create_task(self._keep(child))

    def starts(self, name: str) -> int:
        """How often a child was started."""
        return sum(child.starts for child in self.kept if child.name == name)

    async def _keep(self, child: Child) -> None:
        failures = 0
        while not self.stopping.is_set():
            began = asyncio.get_running_loop().time()
            how = await self._run(child)
            if self.stopping.is_set():
                return
            lived = asyncio.get_running_loop().time() - began
            failures = 0 if lived > HEALTHY_S else failures + 1
            self.printer.say(child.name, f"WARNING {how}; starts again in {pause(failures):.1f} s")
            await self._sleep(pause(failures))

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _run(self, child: Child) -> str:
        """One life of a child; returns how it ended."""
        try:
            argv = child.argv()
        except CannotRun as reason:
            return str(reason)
        child.process = await asyncio.create_subprocess_exec(
            *argv, env=child.env, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, limit=LONGEST_LINE, start_new_session=True, preexec_fn=end_with_us(),
        )  # fmt: skip
        child.starts += 1
        reading = asyncio.create_task(self._read(child, child.process.stdout))
        code = await child.process.wait()
        await asyncio.wait({reading}, timeout=1)
        reading.cancel()
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def _read(self, child: Child, said: asyncio.StreamReader | None) -> None:
        with child.log.open("ab") as log:
            while said and (line := await _line(said)):
                log.write(line)
                log.flush()
                if child.shown:
                    self.printer.say(child.name, readable(line.decode("utf-8", "replace").rstrip()))

    async def stop(self, last: int) -> None:
        """End all within five seconds, the first `last` children (the engines) after the others have ended."""
        self.stopping.set()
        children, began = list(self.kept), asyncio.get_running_loop().time()
        await self._end(children[last:], began + SERVICES_STOP_S)
        await self._end(children[:last], began + ALL_STOP_S)

    async def _end(self, children: list[Child], deadline: float) -> None:
        _signal(children, "terminate")
        tasks = [self.kept[child] for child in children]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=deadline - asyncio.get_running_loop().time())
            _signal([child for child in children if self.kept[child] in late], "kill")
            await asyncio.gather(*tasks, return_exceptions=True)


async def _line(said: asyncio.StreamReader) -> bytes:
    try:
        return await said.readline()
    except ValueError:
        return b"(a line too long to be shown)\n"


def _signal(children: Iterable[Child], how: str) -> None:
    for child in children:
        if child.process and child.process.returncode is None:
            with suppress(ProcessLookupError):
                getattr(child.process, how)()
