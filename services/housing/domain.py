"""What a bed is to a household: they stay together, so each of them needs one."""

from contracts.events import ReferralReopened, ReferralSent


def beds(asked: ReferralSent | ReferralReopened) -> int:
    """As many as the household has members; one when nobody knows (`place_hold` of priorities.json)."""
    return asked.person.household_size or 1
