"""`python -m tests.lives --lives 3000 --seed 1`: thousands of random lives, with how far it is."""

import argparse
import logging
import time
from collections import Counter

from tests.lives.playing import STEPS, Seen, play

AT_ONCE = 100
"""Each hundred has a seed of its own, so that one that fails can be played alone."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lives", description=__doc__)
    parser.add_argument("--lives", type=int, default=1000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the first hundred (default %(default)s)")
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # the gateway says of each topic of nobody that it is not read
    began, seen = time.monotonic(), Seen()
    for first in range(0, given.lives, AT_ONCE):
        play(min(AT_ONCE, given.lives - first), given.seed + first // AT_ONCE, seen)
        print(f"{seen.lives:,} lives, {seen.messages:,} messages, {time.monotonic() - began:.0f} s", flush=True)
    print(f"\n{seen.lives:,} lives of up to {STEPS} steps: {seen.said:,} commands at the door, "
          f"{sum(seen.refused.values()):,} of them refused; {sum(seen.states.values()):,} referrals")  # fmt: skip
    print("ended or left as: " + _listed(seen.states))
    print("refused: " + _listed(seen.refused))


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counted.most_common())


if __name__ == "__main__":
    main()
