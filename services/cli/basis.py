"""Sharing bases taken back for an agency, and which referrals went with them."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.cli import answer, feed
from services.cli.session import Session
from services.cli.words import NOTHING, Words

if TYPE_CHECKING:
    from rich.console import Console

REVOKED = "staffetta.referral.revoked.v1"
WITHIN_S = 5
"""What rests on a basis is revoked within so many seconds (docs/integrating.md)."""


def withdraw(session: Session, intake_id: str, refs: Sequence[str], *, agency: str, cause: str) -> None:
    """Say it, then read on the agency's feed what was revoked; fails when it was refused."""
    stated = {"intake_id": intake_id, "basis_ids": list(refs), "revoke_cause": cause}
    end = feed.ask_feed(session, agency, limit=0)["next"]
    status, body = answer.ask(session, "staffetta.sharing.withdraw.v1", stated, agency=agency)
    if (body.get("answer") or {}).get("outcome") == "accepted":
        body["revoked"] = _revoked(session, agency, intake_id.lower(), end)
        answer.tell(session, status, body, lambda console, words: _page(refs, body["revoked"], console, words))
    else:
        answer.tell(session, status, body)


def _revoked(session: Session, agency: str, journey_id: str, cursor: int | None) -> list[dict[str, Any]]:
    """Those that the feed tells of within the time in which it is promised."""
    found: dict[str, dict[str, Any]] = {}
    until = time.monotonic() + WITHIN_S
    while (left := until - time.monotonic()) > 0:
        page = feed.ask_feed(session, agency, after=cursor, wait=round(left, 1))
        cursor = page["next"]
        for entry in page["entries"]:
            if entry["type"] == REVOKED and entry["data"]["journey_id"] == journey_id:
                found[entry["data"]["referral_id"]] = entry["data"]
    return [{name: one.get(name) for name in ("referral_id", "code", "service", "receiver_agency")} for one in
            found.values()]  # fmt: skip


def _page(refs: Sequence[str], revoked: list[dict[str, Any]], console: "Console", words: Words) -> None:
    console.print(f"[green]{words('taken_back')}[/]: {', '.join(refs)}.", markup=True)
    for one in revoked:
        about = (one["code"] or NOTHING, words.service(one["service"]), one["receiver_agency"] or NOTHING)
        console.print(f"{words('revoked')}: {', '.join(about)}, {one['referral_id']}")
    if not revoked:
        console.print(words("none_revoked"))
