"""No open referral under an ended basis: what each rests on stands, and the person has not excluded its receiver. No
vital interest stands for longer than a second person has to confirm it, and one of them is asked to.
"""

from collections.abc import Iterator
from uuid import UUID, uuid5

from services.cli.verify.checks.folding import is_over
from services.cli.verify.checks.timers import UNDER_WAY
from services.cli.verify.loaded import Doc, Loaded, instant
from services.cli.verify.report import Seen


def check(loaded: Loaded) -> Iterator[Seen]:
    sharing = loaded.stored("intake", "sharing")
    for id, referral in loaded.stored("referral", "referrals").items():
        if referral["place"] and not is_over(referral["state"]):
            wrong = _wrong(referral["place"], sharing.get(referral["need"]["intake_id"]))
            yield Seen(f"referral {id}", (wrong,) if wrong else ())
    for id, doc in sharing.items():
        for review in doc.get("reviews", ()):
            yield Seen(f"intake {id}", tuple(_unconfirmed(id, review, loaded)))


def _unconfirmed(intake_id: str, review: Doc, loaded: Loaded) -> Iterator[str]:
    until = instant(review["until"])
    task = loaded.stored("referral", "tasks").get(str(uuid5(UUID(intake_id), f"review:{review['version']}")))
    if task is None or task["state"] != "OPEN":
        yield "a vital interest of it waits to be confirmed, and nobody has a task about it"
    if until and until < loaded.at - UNDER_WAY:
        yield f"a vital interest of it was to be confirmed by {until}, was not, and stands"


def _wrong(place: Doc, sharing: Doc | None) -> str | None:
    """Nothing that an agency names a basis is told: it could name a person."""
    if sharing is None:
        return "intake keeps no sharing basis for it"
    if any(basis["refused"] and basis["recipient"] == place["agency"] for basis in sharing["bases"]):
        return "it is open, and the person has excluded its receiver"
    rests_on = next((basis for basis in sharing["bases"] if basis["basis_id"] == place["basis"]), None)
    if rests_on is None:
        return "intake does not know the basis that it rests on"
    if rests_on["withdrawn_at"] is not None:
        return "it is open, and the basis that it rests on was withdrawn"
    return "it is open, and the basis that it rests on has run out" if place["basis"] in sharing["over"] else None
