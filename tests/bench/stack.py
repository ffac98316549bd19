"""The whole stack on one machine: how long a start and a stop take, and how much memory its processes have."""

import subprocess
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.stays import Stay, stop

STARTS = 3
MB = 1024 * 1024


def main() -> None:
    times, memory = Table("what", "s", title="start and stop"), Table("process", "PSS MB", "RSS MB", title="memory")
    with tempfile.TemporaryDirectory() as folder:
        stay = Stay(Path(folder))
        for n in range(STARTS):
            process = stay.up("--no-demo")
            started = stay.wait(process)
            times.add_row("first start, loading the directory" if n == 0 else "another start", f"{started:.1f}")
            if n == STARTS - 1:
                time.sleep(10)
                weigh(process, memory)
            times.add_row("stop", f"{stop(process):.1f}")
    console = Console(width=90)
    console.print(times)
    console.print(memory)


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
