"""`python -m tests.fuzz --cases 20000 --seed 1`: the long form, on engines of its own, with how far it is."""

import argparse
import asyncio
import logging
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from deploy.local import private
from services.chassis.settings import from_environment
from tests.fuzz.asking import Seen, ask
from tests.fuzz.scene import scene


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same cases (default %(default)s)")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    began = time.monotonic()
    with private.engines() as urls, tempfile.TemporaryDirectory(prefix="staffetta-fuzz-") as folder:
        os.environ.update(urls, STAFFETTA_ENV="local")
        seen = asyncio.run(_ask(Path(folder), given.cases, given.seed))
    show(seen, time.monotonic() - began)


async def _ask(folder: Path, cases: int, seed: int) -> Seen:
    settings = from_environment().model_copy(update={"environment": "test", "namespace": "fuzz"})
    async with scene(settings, folder) as found:
        return await asyncio.to_thread(ask, found, cases, seed, lambda said: print(said, flush=True))


def show(seen: Seen, seconds: float) -> None:
    print(f"\n{seen.total:,} cases of {len(seen.cases)} operations, {seconds:.0f} s")
    print("answered: " + _listed(seen.statuses))
    for name, example in seen.faults.items():
        print(f"\n{name}\n  {example}")
    print(f"{len(seen.faults)} faults")
    raise SystemExit(1 if seen.faults else 0)


def _listed(counted: Counter[int]) -> str:
    return ", ".join(f"{count:,} with {status}" for status, count in sorted(counted.items()))


if __name__ == "__main__":
    main()
