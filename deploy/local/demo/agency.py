"""One demonstration agency: a system of its own that sends its intakes, reads its feed and answers."""

import asyncio
from collections.abc import Coroutine, Iterable
from uuid import NAMESPACE_URL, uuid5

from deploy.local.demo import script
from deploy.local.demo.board import Board
from deploy.local.demo.script import Body, Step
from services.cli.wire import Entry, Wire

SUBMIT, COMPLETE_TASK = "staffetta.intake.submit.v1", "staffetta.task.complete.v1"
COMMANDS = uuid5(NAMESPACE_URL, "staffetta:demo")
A_MOMENT_S = 0.3
"""How long a caseworker takes to answer, so that a person can watch."""


class Agency:
    """Its commands have ids made from what they are about: said again, after a restart, they are the same commands."""

    def __init__(self, code: str, wire: Wire, board: Board) -> None:
        self.code, self.wire, self.board = code, wire, board
        self.working: set[asyncio.Task[None]] = set()
        self.answers: dict[str, asyncio.Future[Entry]] = {}

    async def run(self, intakes: Iterable[Body]) -> None:
        """Until it is cancelled."""
        reading = asyncio.create_task(self._read())
        try:
            for intake in intakes:
                await self.wire.say(self.code, SUBMIT, intake, id=intake["idempotency_key"])
            await reading
        finally:
            for task in (reading, *self.working):
                task.cancel()

    async def _read(self) -> None:
        async for entry in self.wire.entries():
            self.board.take(entry)
            if entry.command_id:
                self._hear(entry.command_id, entry)
            elif work := self._work(entry):
                self._begin(work)

    def _work(self, entry: Entry) -> Coroutine[None, None, None] | None:
        """What the event asks of this agency, if anything."""
        said = entry.body
        match entry.type:
            case "referral.sent" if said["receiver_agency"] == self.code:
                return self._answer_referral(said, script.steps(said))
            case "referral.acknowledged" if said["sender_agency"] == self.code:
                return self._answer_referral(said, script.sender_steps(said))
            case "task.opened":
                return self._complete(said)
            case _:
                return None

    async def _answer_referral(self, said: Body, steps: list[Step]) -> None:
        if not await self.board.is_ours(said["journey_id"]):
            return
        for step in steps:
            await asyncio.sleep(A_MOMENT_S)
            id = uuid5(COMMANDS, f"{self.code}/{said['referral_id']}/{step.command}").hex
            body = {"command_id": id, "referral_id": said["referral_id"], "command": step.command, "agency": self.code}
            await self.wire.say(self.code, f"staffetta.referral.{step.command}.v1", body | step.fields, id=id)
            answer = await self._answer(id)
            if not answer.accepted:
                return self.board.refused(said, step.command, str(answer.body.get("code")))

    async def _complete(self, task: Body) -> None:
        if not await self.board.is_ours(task["journey_id"]):
            return
        await asyncio.sleep(A_MOMENT_S)
        id = uuid5(COMMANDS, f"{self.code}/{task['task_id']}").hex
        body = {"command_id": id, "task_id": task["task_id"], "agency": self.code}
        await self.wire.say(self.code, COMPLETE_TASK, body, id=id)

    def _hear(self, command_id: str, answer: Entry) -> None:
        if not self._answer(command_id).done():
            self._answer(command_id).set_result(answer)

    def _answer(self, command_id: str) -> asyncio.Future[Entry]:
        return self.answers.setdefault(command_id, asyncio.get_running_loop().create_future())

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self.working.add(task)
        task.add_done_callback(self.working.discard)
