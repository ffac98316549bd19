"""A pair of services over the chassis, small enough to count every effect: `first` counts ticks and passes them on.

    in.commands -> first (one count an aggregate) -> middle -> second (the same again, on fewer targets) -> out

Run one worker: `python -m tests.chassis.example first|second [control]`; controls are the chassis with one part taken
out, which the crash suite must catch. POISON=cured lets poisoned ticks pass; UNWRITABLE names an aggregate whose
state no document can hold.
"""

import os
import sys
from typing import Literal
from uuid import UUID

from pymongo import IndexModel

from contracts import catalogue
from contracts.catalogue import Row
from contracts.refusals import Refusal
from contracts.topics import Topic
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.service import Service, run
from services.chassis.transaction import Transaction
from tests.chassis import controls

IN = Topic("first.commands", "commands", "first", "aggregate", 6, 1, ("first",))
MIDDLE = Topic("middle", "events", "first", "aggregate", 6, 1, ("second",))
SECOND = Topic("second.commands", "commands", "second", "target", 6, 1, ("second",))
OUT = Topic("out", "events", "second", "target", 6, 1, ())


class Tick(Message):
    """One thing to be done once for an aggregate; a poisoned one can never be done: here, or by the store."""

    TYPE = "staffetta.example.tick.v1"

    aggregate: str
    number: int
    poison: Literal["", "here", "store"] = ""


class Noise(Message):
    """What `first` hears and has nothing to do about."""

    TYPE = "staffetta.example.noise.v1"

    aggregate: str


class Ticked(Message):
    TYPE = "staffetta.example.ticked.v1"

    aggregate: str
    number: int
    version: int


class Add(Message):
    TYPE = "staffetta.example.add.v1"

    target: str
    aggregate: str
    number: int


class Added(Message):
    TYPE = "staffetta.example.added.v1"

    target: str
    aggregate: str
    number: int
    version: int


for row in (
    Row(Tick, IN, "aggregate"),
    Row(Noise, IN, "aggregate"),
    Row(Ticked, MIDDLE, "aggregate"),
    Row(Add, SECOND, "target"),
    Row(Added, OUT, "target"),
):
    catalogue.BY_MODEL[row.model] = row
    catalogue.BY_TYPE[row.type] = row.model

first, second = Handlers(), Handlers()


@first.on(IN, owns=("counts",))
async def on_tick(tick: Tick | Noise, tx: Transaction) -> None:
    if isinstance(tick, Noise):
        return
    doc = await tx.load("counts", tick.aggregate) or {"_id": tick.aggregate, "version": 0, "seen": []}
    doc |= {"version": doc["version"] + 1, "seen": [*doc["seen"], tick.number]}
    tx.save("counts", doc)
    tx.emit(Ticked(aggregate=tick.aggregate, number=tick.number, version=doc["version"]))
    if tick.aggregate == os.environ.get("UNWRITABLE"):
        tx.save("counts", doc | {"version": 2**70})
    if tick.poison and os.environ.get("POISON") != "cured":
        if tick.poison == "here":
            raise Refusal("incomplete_data")
        for id in (tick.aggregate, f"{tick.aggregate} again"):
            tx.save("counts", doc | {"_id": id, "alone": tick.aggregate})


@second.on(MIDDLE, hurried=False)
async def on_ticked(ticked: Ticked, tx: Transaction) -> None:
    target = f"target-{UUID(int=int(ticked.aggregate.split('-')[1])).int % 30}"
    tx.emit(Add(target=target, aggregate=ticked.aggregate, number=ticked.number))


@second.on(SECOND, owns=("sums",))
async def on_add(add: Add, tx: Transaction) -> None:
    doc = await tx.load("sums", add.target) or {"_id": add.target, "version": 0, "seen": []}
    doc |= {"version": doc["version"] + 1, "seen": [*doc["seen"], f"{add.aggregate}:{add.number}"]}
    tx.save("sums", doc)
    tx.emit(Added(target=add.target, aggregate=add.aggregate, number=add.number, version=doc["version"]))


INDEXES = {"counts": [IndexModel("alone", unique=True, sparse=True)]}
SERVICES = {"first": Service("first", first, indexes=INDEXES), "second": Service("second", second)}

if __name__ == "__main__":
    controls.take_out(*sys.argv[2:])
    run(SERVICES[sys.argv[1]])
