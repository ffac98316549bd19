"""What a slot or a seat is to a person: one is enough, however many live together."""

from contracts.events import ReferralReopened, ReferralSent


def seats(_asked: ReferralSent | ReferralReopened) -> int:
    """One (`place_hold` of priorities.json)."""
    return 1
