"""`python -m tests.days --seed 7`: what becomes of 200 intakes in sixty days, when desks are as they are."""

import argparse
import time
from collections import Counter

from tests.days.city import INTAKES, City
from tests.days.endings import endings, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.days", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="how desks answer, and when (default %(default)s)")
    parser.add_argument("--days", type=int, default=60, help="default %(default)s")
    parser.add_argument("--intakes", type=int, default=len(INTAKES), help="of the samples (default %(default)s, all)")
    given = parser.parse_args()
    began, city = time.monotonic(), City(given.seed, given.intakes)
    broken = [fault for day in city.days(given.days) for fault in faults(city, day)]
    found = list(endings(city.network))
    kinds = Counter(city.population.kinds.values())
    print(f"\n{len(city.asked_at)} intakes, {len(found)} needs, {len(city.network.referrals)} referrals, "
          f"{len(city.network.said):,} messages, {time.monotonic() - began:.0f} s")  # fmt: skip
    print("desks: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    print(
        "refused: " + (", ".join(f"{count} {why}" for why, count in Counter(city.refused).most_common()) or "nothing")
    )
    print(f"needs without an answer, on any day: {len(broken)}\n")
    print("\n".join(table(found, city.asked_at)))
    raise SystemExit(1 if broken else 0)


def faults(city: City, day: int) -> list[str]:
    """What is wrong after this day, told at once."""
    wrong, counted = city.wrong(), city.measured()
    wrong += [f"measured: {counted.unanswered} needs that nobody owes an answer"] if counted.unanswered else []
    print(f"day {day}: {sum(counted.by_state.values())} needs under way, {len(wrong)} wrong", flush=True)
    for fault in wrong:
        print(f"  {fault}")
    return wrong


if __name__ == "__main__":
    main()
