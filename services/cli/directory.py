"""Directory files, brought to the directory of this relay by the directory's own program: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from services.cli.faults import CannotDo
from services.cli.session import Session

PROGRAM = "services.directory.load"


def load(session: Session, paths: Sequence[Path], *, check: bool, wait_s: float) -> None:
    """Checking needs no relay. Fails, with all that was found, when an entry was not taken."""
    environment = os.environ | ({} if check else {"KAFKA_URL": session.endpoints.need_kafka()})
    options = ["--check"] if check else [f"--wait={wait_s:g}"]
    command = [sys.executable, "-m", PROGRAM, *options, "--", *map(str, paths)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if said := done.stdout.splitlines():
        session.tell({"said": said}, lambda console, _words: console.print(*said, sep="\n", markup=False))
    if done.returncode:
        raise CannotDo(done.stderr.strip(), status=done.returncode)
