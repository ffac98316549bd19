"""Play the demonstration against a relay that runs: `python -m deploy.local.demo`."""

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from deploy.local.demo import intakes
from deploy.local.demo.agency import Agency
from deploy.local.demo.board import Board
from deploy.local.demo.screen import Screen
from services.chassis.settings import Settings, from_environment
from services.cli.faults import CannotDo
from services.cli.wire import opened
from services.cli.words import Words, language

PATIENCE_S = 60
TOPICS_S = 30


async def play(settings: Settings) -> None:
    """Until every service asked for came to an end. Raises CannotDo when one does not in time."""
    sample = intakes.of_today(datetime.now(UTC))
    screen = Screen(Words(language()))
    board = Board(sample, screen.words, screen.changed)
    async with AsyncExitStack() as stack:
        agencies = [await _agency(code, settings, board, stack) for code in sorted(intakes.agencies(sample))]
        with screen.showing(board.rows):
            at_work = [asyncio.create_task(a.run([i for i in sample if _sender(i) == a.code])) for a in agencies]
            ended = asyncio.create_task(board.all_ended.wait())
            await asyncio.wait({ended, *at_work}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            for task in (ended, *at_work):
                task.cancel()
            for fault in await asyncio.gather(*at_work, return_exceptions=True):
                if isinstance(fault, Exception):
                    raise fault
    if open_still := [need for need in board.rows if not need.ended]:
        raise CannotDo(
            f"{len(open_still)} of {len(board.rows)} services asked for had not come to an end after {PATIENCE_S} s.",
            "staffetta doctor looks for faults; played again, the demonstration goes on where it was.",
        )


async def _agency(code: str, settings: Settings, board: Board, stack: AsyncExitStack) -> Agency:
    """It reads its feed from the beginning, as a system that was restored would: what it knows already it drops."""
    wire = opened(settings.kafka_url, settings.named, [code], from_the_beginning=True, patience_s=TOPICS_S)
    return Agency(code, await stack.enter_async_context(wire), board)


def _sender(intake: intakes.Body) -> str:
    return str(intake["tier0"]["sender_agency"])


def main() -> int:
    try:
        asyncio.run(play(from_environment()))
    except CannotDo as fault:
        print(f"staffetta: {fault.reason} {fault.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
