"""Workers of services, and commands, born of one process that has imported all of them: a start is a fork and no more.

Each is a process of its own with an environment, a log and an end of its own, and runs the same module as `python -m`.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
USED_AT_ONCE = ("uvicorn.protocols.http.auto", "uvicorn.loops.auto", "uvicorn.lifespan.on", "anyio._backends._asyncio",
                "holidays.countries.italy")  # fmt: skip
"""What services would load by name once they run."""
SERVICES = ("gateway", "intake", "directory", "referral", "housing", "programmes", "notifications", "console")


class Child:
    """As much as tests ask of an asyncio.subprocess.Process. ended: a pipe that it alone holds open."""

    def __init__(self, mother: "Mother", pid: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._mother, self._ended = mother, ended
        self._over = asyncio.Event()
        asyncio.get_running_loop().add_reader(ended, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ended)
        os.close(self._ended)
        self.returncode = self._mother.ask({"reap": self.pid})
        self._over.set()

    async def wait(self) -> int:
        await self._over.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)  # it stays a zombie until it is reaped: nobody else has its number

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Mother:
    """The process of which they are born; it ends, and they with it, when this one does."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair()
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        self.process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        atexit.register(self.close)

    def close(self) -> None:
        self.line.close()
        self.process.wait()

    def ask(self, order: Mapping[str, Any], fds: Sequence[int] = ()) -> int:
        socket.send_fds(self.line, [json.dumps(order).encode() + b"\n"], fds)
        return int(self.line.recv(32))


@cache
def mother() -> Mother:
    return Mother()


async def start(
    module: str, *args: str, environment: Mapping[str, str], log: Path, errors: Path | None = None, cwd: Path = ROOT
) -> Child:
    """A worker that runs `module` and writes to the end of `log`. errors: where it complains, unless there too."""
    ended, alive = os.pipe()
    with log.open("ab") as to, (errors or log).open("ab") as wrong:
        order = {"argv": [module, *args], "environment": dict(environment), "cwd": str(cwd)}
        pid = mother().ask(order, (to.fileno(), wrong.fileno(), alive))
    os.close(alive)
    return Child(mother(), pid, ended)


@dataclass
class Asked:
    """What came of a command."""

    status: int
    said: str
    complaint: str

    @property
    def json(self) -> Any:
        return json.loads(self.said)


async def run(module: str, *args: str, environment: Mapping[str, str], cwd: Path = ROOT) -> Asked:
    """A command, until it has ended."""
    with tempfile.TemporaryDirectory() as folder:
        said, complaint = Path(folder, "said"), Path(folder, "complaint")
        child = await start(module, *args, environment=environment, log=said, errors=complaint, cwd=cwd)
        try:
            status = await child.wait()
        finally:
            child.kill()
        return Asked(status, *_read(said, complaint))


def _read(*files: Path) -> list[str]:
    return [file.read_text("utf-8") for file in files]


# -- in the mother -----------------------------------------------------------------------------------------------------
def serve(line: socket.socket) -> None:
    children: set[int] = set()
    while order := _heard(line):
        said, fds = order
        if "reap" in said:
            _, status = os.waitpid(said["reap"], 0)
            children.discard(said["reap"])
            line.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        if not (pid := os.fork()):
            line.close()
            os.chdir(said["cwd"])
            _live(said["argv"], said["environment"], *fds[:2])
        for fd in fds:
            os.close(fd)
        children.add(pid)
        line.send(str(pid).encode())
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _heard(line: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    said, fds = b"", list[int]()
    while not said.endswith(b"\n"):
        part, more, *_ = socket.recv_fds(line, 65536, 3)
        if not part:
            return None
        said, fds = said + part, fds + more
    return json.loads(said), fds


def _live(argv: list[str], environment: dict[str, str], log: int, errors: int) -> NoReturn:
    code: Any = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(environment)
        for fd, to in ((log, 1), (errors, 2)):
            os.dup2(fd, to)
            os.close(fd)
        sys.argv = argv
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _learn() -> None:
    """All that a child would load or build when it first needs it; nothing that its environment has a say in."""
    from contracts.values import Value  # here, for who asks for children needs none of it
    from services.console import pages

    for name in SERVICES:
        importlib.import_module(f"services.{name}.app")
    for name in ("services.chassis.service", "services.directory.load", "services.cli.__main__", *USED_AT_ONCE):
        importlib.import_module(name)
    for model in _heirs(Value):
        model.model_rebuild()
    templates = pages._templates()
    for name in templates.list_templates():
        templates.get_template(name)


def _heirs(kind: type[Any]) -> set[type[Any]]:
    return {kind}.union(*map(_heirs, kind.__subclasses__()))


if __name__ == "__main__":
    _learn()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the whole terminal; it ends when its line does
    serve(socket.socket(fileno=int(sys.argv[1])))
