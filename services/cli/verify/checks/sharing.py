"""No open referral under an ended basis: what each rests on stands, and the person has not excluded its receiver."""

from collections.abc import Iterator

from services.cli.verify.checks.folding import is_over
from services.cli.verify.loaded import Doc, Loaded
from services.cli.verify.report import Seen


def check(loaded: Loaded) -> Iterator[Seen]:
    sharing = loaded.stored("intake", "sharing")
    for id, referral in loaded.stored("referral", "referrals").items():
        if referral["place"] and not is_over(referral["state"]):
            wrong = _wrong(referral["place"], sharing.get(referral["need"]["intake_id"]))
            yield Seen(f"referral {id}", (wrong,) if wrong else ())


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
