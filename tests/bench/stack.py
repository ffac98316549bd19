"""The whole stack on one machine: how long a start and a stop take, and how much memory its processes have."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from deploy.local.engine import free_port
from deploy.local.state import ROOT

STARTS = 3
STAY = """
import sys
from pathlib import Path
from deploy.local.up import Wish, up
folder, *ports = sys.argv[1:]
kafka, mongo, mail, http = map(int, ports)
wish = Wish(fresh=False, demo=False, kafka_port=kafka, mongo_port=mongo, mail_port=mail, http_port=http)
up(wish, Path(folder))
"""
MB = 1024 * 1024


def main() -> None:
    times, memory = Table("what", "s", title="start and stop"), Table("process", "PSS MB", "RSS MB", title="memory")
    with tempfile.TemporaryDirectory() as folder:
        ports = [str(free_port()), str(free_port()), str(free_port()), "28470"]
        for n in range(STARTS):
            process, seconds = start(Path(folder), ports)
            times.add_row("first start, loading the directory" if n == 0 else "another start", f"{seconds:.1f}")
            if n == STARTS - 1:
                time.sleep(10)
                weigh(process, memory)
            times.add_row("stop", f"{stop(process):.1f}")
    console = Console(width=90)
    console.print(times)
    console.print(memory)


def start(folder: Path, ports: list[str]) -> tuple[subprocess.Popen[bytes], float]:
    began = time.monotonic()
    own_engines = {name: value for name, value in os.environ.items() if name not in ("KAFKA_URL", "MONGO_URL")}
    command = [sys.executable, "-c", STAY, str(folder), *ports]
    process = subprocess.Popen(command, cwd=ROOT, env=own_engines, stdout=subprocess.DEVNULL)
    while not (folder / "endpoints.json").exists():
        if process.poll() is not None:
            raise SystemExit(f"the stack did not come up; its logs were in {folder}")
        time.sleep(0.05)
    return process, time.monotonic() - began


def stop(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait()
    return time.monotonic() - began


def weigh(process: subprocess.Popen[bytes], memory: Table) -> None:
    """PSS counts what processes share once; RSS counts it in each."""
    pss = rss = 0
    for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        of = one.memory_full_info()
        pss, rss = pss + of.pss, rss + of.rss
        memory.add_row(name_of(one), f"{of.pss / MB:.0f}", f"{of.rss / MB:.0f}")
    memory.add_row("all", f"{pss / MB:.0f}", f"{rss / MB:.0f}")


def name_of(process: psutil.Process) -> str:
    words = process.cmdline()
    if "-m" in words:
        return str(words[words.index("-m") + 1])
    return "the supervisor" if "-c" in words else Path(words[0]).name


if __name__ == "__main__":
    main()
