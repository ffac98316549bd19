"""The sample intakes, with their dates moved so that the newest of them is of today."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Body = dict[str, Any]
FOLDER = Path(__file__).parent
ROME = ZoneInfo("Europe/Rome")


def of_today(now: datetime) -> list[Body]:
    """The sample, as if the last of these people had come to a desk today; keys stay what they are."""
    lines = (FOLDER / "intakes.palermo.jsonl").read_text("utf-8").splitlines()
    return shifted([json.loads(line) for line in lines], now)


def shifted(intakes: list[Body], now: datetime) -> list[Body]:
    """Moved by whole days; by one day less where the newest would still be to come."""
    newest = max(datetime.fromisoformat(intake["occurred_at"]) for intake in intakes)
    days = now.astimezone(ROME).date() - newest.astimezone(ROME).date()
    return [_moved(intake, days if newest + days <= now else days - timedelta(days=1)) for intake in intakes]


def _moved(intake: Body, days: timedelta) -> Body:
    tier0 = intake["tier0"]
    bases = [_basis(basis, days) for basis in tier0["sharing_basis"]]
    occurred_at = (datetime.fromisoformat(intake["occurred_at"]) + days).isoformat()
    return intake | {"occurred_at": occurred_at, "tier0": tier0 | {"sharing_basis": bases}}


def _basis(basis: Body, days: timedelta) -> Body:
    stated = {name: basis[name] for name in ("valid_from", "valid_to") if basis.get(name)}
    return basis | {name: (date.fromisoformat(day) + days).isoformat() for name, day in stated.items()}


def agencies(intakes: Iterable[Body]) -> set[str]:
    """The senders, and every agency of the sample's city that has a system of its own."""
    directory = json.loads((FOLDER / "directory.palermo.json").read_text("utf-8"))
    with_a_system = {a["code"] for a in directory["agencies"] if a["delivery"] == "event_topic"}
    return with_a_system | {intake["tier0"]["sender_agency"] for intake in intakes}
