"""`./dev chaos --kills N --seed S`: the long form, on engines of its own that are killed too."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from deploy.local.kafka import start_kafka
from deploy.local.store import start_store
from tests.chaos.whole import Result, disturb


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of services (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same order (default %(default)s)")
    wish = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="staffetta-chaos-", ignore_cleanup_errors=True) as folder:
        kafka, store = start_kafka(Path(folder)), start_store(Path(folder))
        began = time.monotonic()
        try:
            result = asyncio.run(disturb(kafka, store, Path(folder), kills=wish.kills, seed=wish.seed, say=told))
        finally:
            store.stop()
            kafka.stop()
    show(result, wish.seed, time.monotonic() - began)


def told(what: str) -> None:
    """As it goes on; what came of it alone is the output."""
    print(what, file=sys.stderr, flush=True)


def show(result: Result, seed: int, seconds: float) -> None:
    killed = ", ".join(
        f"{n} of {'a service' if what == 'service' else f'the {what}'}" for what, n in result.kills.items()
    )
    print(f"seed {seed}, {seconds:.0f} s: kill -9 {killed}")
    print(f"{result.intakes} intakes, {result.commands} commands, {result.messages} messages on referrals")
    print(f"lost {len(result.lost)}, doubled {len(result.doubled)}, reordered {len(result.reordered)}; "
          f"{result.repeats} repeats, all absorbed; verify found {len(result.broken)}")  # fmt: skip
    for fault in result.faults[:20]:
        print(f"  {fault}")
    raise SystemExit(1 if result.faults else 0)


if __name__ == "__main__":
    main()
