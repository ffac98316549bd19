"""Whether this machine can run the relay now; if not, what stands in the way, in a plain sentence."""

import shutil
import socket
from pathlib import Path

import psutil

from deploy.local.engine import HOST
from deploy.local.faults import CannotRun

GB = 1024**3
DISK_GB, MEMORY_GB = 1.0, 1.5


def port_is_free(port: int, who: str, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as fault:
            raise CannotRun(
                f"Port {port} for {who} is taken by another program: stop that one, or choose another with {option}."
            ) from fault


def disk_is_enough(folder: Path) -> None:
    free = shutil.disk_usage(folder).free / GB
    if free < DISK_GB:
        raise CannotRun(f"Only {free:.1f} GB of disk are free here: {DISK_GB:.0f} GB are needed.")


def memory_is_enough() -> None:
    free = psutil.virtual_memory().available / GB
    if free < MEMORY_GB:
        raise CannotRun(f"Only {free:.1f} GB of memory are free: {MEMORY_GB} GB are needed.")
