"""Whether an agency may learn that a person is known elsewhere: only of one whom it may be told of anyway."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.directory import Agency
from contracts.events import IntakeRecorded
from services.intake.domain.known import names_of
from services.intake.domain.release import excludes, is_valid
from services.intake.domain.rules import PURPOSE, day_in


def may_be_asked(
    mine: Sequence[IntakeRecorded], theirs: Sequence[IntakeRecorded], agencies: Iterable[Agency], now: datetime
) -> bool:
    """Whether a desk may be asked if its person is theirs. mine, theirs: the meetings of each, those of linked people
    included, with their bases as they are now.

    Both ways: who links two lets the other agency meet what came of this one too, also one that does not work now. An
    exclusion wins over every basis.
    """
    known = {agency.code: agency for agency in agencies}
    both = [(known.get(one[0].sender_agency), other) for one, other in ((mine, theirs), (theirs, mine))]
    may_learn = all(agency is not None and _may_learn(agency, other, now) for agency, other in both)
    return may_learn and any(agency.status == "active" for agency in known.values())


def _may_learn(agency: Agency, meetings: Sequence[IntakeRecorded], now: datetime) -> bool:
    """Its own person, or one whom a valid basis lets be referred to it."""
    names, day = names_of(agency), day_in(agency.city, now)
    if any(excludes(met, names) for met in meetings):
        return False
    valid = [b for met in meetings for b in met.sharing_basis if b.recipient in names and is_valid(b, day)]
    own = any(met.sender_agency == agency.code for met in meetings)
    return own or any(PURPOSE in basis.purposes for basis in valid)
