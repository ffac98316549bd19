"""`./dev bench [name]`: what things cost, as ratios in one run."""

import logging
import runpy
import sys

BENCHES = ("hop", "latency", "recovery", "timers", "routing", "stack", "flat", "console", "pages")


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        raise SystemExit(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for name in wanted:
        runpy.run_module(f"tests.bench.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
