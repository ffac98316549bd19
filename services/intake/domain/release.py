"""What an agency is told of who a person is: as much as the sharing basis covers today, and each asking is kept."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from contracts import codes
from contracts.directory import Agency
from contracts.erasure import PERSON_ERASED
from contracts.events import IntakeRecorded
from contracts.values import SharingBasis
from services.intake.domain.access import MOMENT, OPENS, Grant
from services.intake.domain.known import names_of
from services.intake.domain.rules import day_in

COORDINATOR = "coordinator"
TIERS = tuple(row for row in codes.table("sharing")["tiers_by_moment"] if row["moment"] == MOMENT)
SCOPES = codes.codes("sharing", "scopes")
ASKED = frozenset(code for code, state in codes.codes("transitions", "states").items() if state["owner"] == "receiver")
"""The states in which a referral lies with its receiver."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which tiers go out, and under which grant; refused: why none does, for auditors alone."""

    grant: Grant | None = None
    tiers: tuple[str, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One asking for a person, as it is kept: who, when, for whom, and what went out (or why nothing did).

    id: begins with the time, so that it orders them. person_ref: None for a name that no person of ours can have.
    """

    id: str
    at: datetime
    agency: str | None
    actor: str
    person_ref: str | None
    referral_id: UUID | None
    tiers: tuple[str, ...]
    refused: str | None


def judge(
    intakes: Sequence[IntakeRecorded],
    grants: Sequence[Grant],
    agency: Agency | None,
    now: datetime,
    erased: Collection[UUID] = (),
) -> Verdict:
    """intakes: all of one person; grants: this agency's for them, those that ended too. Of several, the latest meeting
    is told of. erased: meetings of which nothing can be told: that is told to who knows them.
    """
    if not intakes:
        return Verdict(refused="unknown_person")
    met = {intake.intake_id: intake for intake in intakes}
    current = [grant for grant in grants if grant.ended is None and grant.intake_id in met.keys() - set(erased)]
    if agency is None or agency.status != "active" or not current:
        knew = agency is not None and _knew_of_erased(agency, intakes, grants, erased)
        return Verdict(refused=PERSON_ERASED if knew else "no_accepted_referral")
    day = day_in(agency.city, now)
    current.sort(key=lambda grant: (met[grant.intake_id].occurred_at, str(grant.referral_id)), reverse=True)
    for grant in current:
        if tiers := _tiers(met[grant.intake_id], intakes, agency, day):
            return Verdict(grant, tiers)
    return Verdict(current[0], refused="not_covered")


def _knew_of_erased(
    agency: Agency, intakes: Iterable[IntakeRecorded], grants: Iterable[Grant], erased: Collection[UUID]
) -> bool:
    """Whether it took the person in then, or had these meetings itself and no other since."""
    own = [intake.intake_id for intake in intakes if intake.sender_agency == agency.code]
    took_in = any(grant.intake_id in erased for grant in grants)
    return took_in or (bool(own) and all(id in erased for id in own))


@dataclass(frozen=True, slots=True)
class Parties:
    """Between whom a referral lies at this moment, and where it stands. cities: those of the two agencies.

    covered: whether the receiver may still be told anything of the person (`is_covered`).
    """

    sender: str
    receiver: str | None
    state: str
    cities: frozenset[str] = frozenset()
    covered: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """An agency that writes or reads. city: which it lies in. coordinates: whether who speaks coordinates that city.

    works: whether who reads is the agency's system, or a caseworker or supervisor of it.
    """

    agency: str
    city: str | None = None
    coordinates: bool = False
    works: bool = True

    def coordinates_for(self, parties: Parties) -> bool:
        return self.coordinates and self.city in parties.cities


def may_read_text(author: Voice, parties: Parties | None, reader: Voice | None, *, private: bool = False) -> bool:
    """A text is for the two agencies: the sender reads it, whose person it is about; its author always.

    The receiver reads the sender's once it has taken the person in, while it has them and may be told of them. What the
    city's coordination writes is about how the referral is handled, for it does not know the person: the receiver reads
    it from when it is asked, and so does who coordinates the other city; and who only coordinates reads nothing else.
    Of one who has no part in the referral nobody else reads it, nor what is private to its author's agency.
    """
    if reader is None or not (reader.works or (reader.coordinates and author.coordinates)):
        return False
    if reader.agency == author.agency:
        return True
    return parties is not None and not private and _is_for(reader, author, parties)


def _is_for(reader: Voice, author: Voice, parties: Parties) -> bool:
    sends = reader.works and reader.agency == parties.sender
    receives = reader.works and reader.agency == parties.receiver and parties.covered
    if author.agency in (parties.sender, parties.receiver):
        return sends or (receives and parties.state in OPENS)
    asked = receives and parties.state in OPENS | ASKED
    return author.coordinates_for(parties) and (sends or asked or reader.coordinates_for(parties))


def is_covered(
    intake: IntakeRecorded, all_of_them: Iterable[IntakeRecorded], agency: Agency | None, now: datetime
) -> bool:
    """Whether an agency that works may be told today of this meeting, be it by codes alone."""
    if agency is None or agency.status != "active":
        return False
    return bool(_bases(intake, all_of_them, agency, day_in(agency.city, now)))


def _tiers(intake: IntakeRecorded, all_of_them: Iterable[IntakeRecorded], agency: Agency, day: date) -> tuple[str, ...]:
    bases = _bases(intake, all_of_them, agency, day)
    return tuple(row["tier"] for row in TIERS if any(_covers(basis, row) for basis in bases))


def _bases(
    intake: IntakeRecorded, all_of_them: Iterable[IntakeRecorded], agency: Agency, day: date
) -> list[SharingBasis]:
    """Those that hold for it. What the person excluded then or at a later meeting stays excluded, however wide."""
    names = names_of(agency)
    if any(excludes(other, names) for other in all_of_them if other.occurred_at >= intake.occurred_at):
        return []
    return [basis for basis in intake.sharing_basis if basis.recipient in names and is_valid(basis, day)]


def excludes(intake: IntakeRecorded, names: set[str]) -> bool:
    refused = {basis.recipient for basis in intake.sharing_basis if basis.refused}
    return bool(names & (refused | set(intake.withhold)))


def is_valid(basis: SharingBasis, day: date) -> bool:
    begun, over = basis.valid_from <= day, basis.valid_to is not None and basis.valid_to < day
    return begun and not over and not basis.refused and basis.withdrawn_at is None


def _covers(basis: SharingBasis, row: codes.Item) -> bool:
    wide_enough = SCOPES[basis.scope]["rank"] >= SCOPES[row["needs_scope"]]["rank"]
    return wide_enough and bool(set(basis.purposes) & set(row["purposes"]))
