"""`./dev bench [NAME …]`: what things cost, as ratios in one run. Without a name all of them, for half an hour."""

import argparse
import logging
import runpy

BENCHES = ("hop", "latency", "recovery", "timers", "routing", "stack", "flat", "console", "pages")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(BENCHES)}")
    wanted = parser.parse_args().name
    if unknown := [name for name in wanted if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        for name in wanted or BENCHES:
            runpy.run_module(f"tests.bench.{name}", run_name="__main__")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
