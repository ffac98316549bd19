"""An agency's own line to the network during a run: its two topics, HTTP with its token, and all of it written down."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from services.cli import tokens, wire
from services.cli.conform.transcript import Body, Heard, Reply, Transcript, Untried
from services.cli.endpoints import Endpoints
from services.cli.faults import CannotDo
from services.http.attributes import encoded
from services.http.trust import authorities

LOOK_S, QUIET_S, HTTP_S = 0.05, 1.5, 15


class Line:
    """patience_s: for each answer. start: where the feed ended when the run began."""

    def __init__(self, where: Endpoints, wire: wire.Wire, transcript: Transcript, patience_s: float) -> None:
        self.where, self.wire, self.transcript, self.patience_s = where, wire, transcript, patience_s
        self.http = httpx.AsyncClient(timeout=HTTP_S, verify=authorities())
        self.start = 0
        self._last = time.monotonic()

    async def listen(self) -> None:
        async for record in self.wire.consumer:
            headers = {name: value.decode() for name, value in record.headers}
            body = json.loads(record.value)
            sequence = headers.get("ce_sequence")
            heard = Heard(
                id=headers["ce_id"],
                type=headers["ce_type"].removeprefix("staffetta.").rpartition(".")[0],
                key=(record.key or b"").decode(),
                sequence=int(sequence) if sequence else None,
                cursor=record.offset,
                at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
                body=body if isinstance(body, dict) else {},
            )
            self.transcript.heard.append(heard)
            self._last = time.monotonic()

    # -- over Kafka ----------------------------------------------------------------------------------------------------
    async def say(self, step: str, type: str, body: Body | bytes, *, again: str | None = None) -> None:
        """again: the step whose message this is once more."""
        id = self.transcript.said[again] if again else self.id_of(step)
        self.transcript.said[step] = id
        await self.wire.say(self.transcript.agency, type, body, id=id)

    def id_of(self, step: str) -> str:
        return f"{self.transcript.mark}/{step}"

    async def heard(self, wanted: Callable[[Heard], bool], count: int = 1) -> Heard | None:
        """The last of so many entries; None when they do not come."""
        until = time.monotonic() + self.patience_s
        while time.monotonic() < until:
            found = [entry for entry in self.transcript.heard if wanted(entry)]
            if len(found) >= count:
                return found[count - 1]
            await asyncio.sleep(LOOK_S)
        return None

    async def answered(self, step: str, count: int = 1) -> Heard | None:
        id = self.transcript.said[step]
        return await self.heard(lambda entry: entry.answers == id, count)

    async def need_answer(self, step: str) -> Heard:
        """Raises Untried when it was refused, or does not come: what builds on it cannot be tried."""
        answer = await self.answered(step)
        if answer is None or answer.outcome != "accepted":
            raise Untried("built_on_a_refusal" if answer else "no_answer")
        return answer

    async def settle(self) -> None:
        """Until nothing has come for a moment."""
        until = time.monotonic() + self.patience_s
        self._last = time.monotonic()
        while time.monotonic() < min(until, self._last + QUIET_S):
            await asyncio.sleep(LOOK_S)

    # -- over HTTP -----------------------------------------------------------------------------------------------------
    async def ask(
        self, step: str, service: str, path: str, *, params: Mapping[str, str] | None = None,
        body: bytes | None = None, headers: Mapping[str, str] | None = None, named: bool = True,
    ) -> Reply | None:  # fmt: skip
        """GET, or POST of a body; None where it cannot be asked, and why is written down. named: with our token."""
        why = self.transcript.why
        try:
            url = self.where.need_service(service).rstrip("/") + path
            bearer = tokens.bearer(self.where, agency=self.transcript.agency) if named else {}
            method = "GET" if body is None else "POST"
            response = await self.http.request(
                method, url, params=params, content=body, headers={**(headers or {}), **bearer}
            )
        except CannotDo as fault:
            return why.update({step: fault.reason})
        except httpx.HTTPError as fault:
            return why.update({step: f"{service}: {type(fault).__name__}"})
        media = response.headers.get("content-type", "").partition(";")[0]
        reply = Reply(response.status_code, media, _json(response))
        self.transcript.replies[step] = reply
        return reply

    async def post(self, step: str, type: str, body: bytes, id: str, *, named: bool = True) -> None:
        headers = {"ce-specversion": "1.0", "ce-id": encoded(id), "ce-type": type, "content-type": "application/json"}
        await self.ask(step, "gateway", "/v1/commands", body=body, headers=headers, named=named)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


@asynccontextmanager
async def opened(where: Endpoints, transcript: Transcript, patience_s: float) -> AsyncIterator[Line]:
    kafka = where.need_kafka()
    async with wire.opened(kafka, where.named, [transcript.agency], from_the_beginning=False) as open_wire:
        line = Line(where, open_wire, transcript, patience_s)
        line.start = await open_wire.consumer.position(next(iter(open_wire.feeds)))
        listening = asyncio.create_task(line.listen())
        try:
            yield line
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await line.http.aclose()
