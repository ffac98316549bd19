"""The commands of `./dev` that need the environment which `./dev` has made."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from deploy.local import private
from deploy.local.faults import CannotRun
from deploy.local.state import ROOT, STATE
from deploy.local.up import Wish, up

LINTERS = ("ruff check", "ruff format --check", "mypy", "lint-imports")
SIDE_BY_SIDE = ("-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder")
CONTAINERS = "--containers"


def main(argv: Sequence[str]) -> int:
    command, *rest = argv
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return {"up": _up, "test": _test, "lint": _lint, "bench": _bench, "chaos": _chaos}[command](rest)
    except CannotRun as reason:
        print(f"staffetta: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("staffetta: stopped", file=sys.stderr)
        return 130


def _up(args: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev up", description="Bring the whole relay up on this machine.")
    parser.add_argument("--fresh", action="store_true", help="delete the data of earlier starts first")
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="leave the demonstration out")
    parser.add_argument("--kafka-port", type=int, default=9092, help="default %(default)s")
    parser.add_argument("--mongo-port", type=int, default=27017, help="default %(default)s")
    parser.add_argument("--http-port", type=int, default=8080, help="the first service's, default %(default)s")
    parser.add_argument("--mail-port", type=int, default=1025, help="default %(default)s")
    up(Wish(**vars(parser.parse_args(args))), STATE)
    return 0


def _test(args: Sequence[str]) -> int:
    wanted = [arg for arg in args if arg != CONTAINERS] or SIDE_BY_SIDE
    return private.run("pytest", "-p", "deploy.local.skips", *wanted, on=_engines(CONTAINERS in args))


def _engines(in_containers: bool) -> private.Engines:
    """What drives containers is loaded for those alone: it takes a second."""
    if not in_containers:
        return private.engines
    from deploy.local import containers

    return containers.engines


def _lint(args: Sequence[str]) -> int:
    """All linters, so that one run tells everything."""
    programs = Path(sys.executable).parent
    failed = [linter for linter in LINTERS if subprocess.run(f"{programs}/{linter}", shell=True, cwd=ROOT).returncode]
    if failed:
        print(f"staffetta: not clean: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _bench(args: Sequence[str]) -> int:
    return private.run("tests.bench", *args)


def _chaos(args: Sequence[str]) -> int:
    """It kills a broker and a store, so it starts those itself."""
    return private.run("tests.chaos", *args, on=lambda: nullcontext({}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
