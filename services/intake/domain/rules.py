"""The rules an intake must keep: where and when the person was met, how old they are, who may be told."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts import codes
from contracts.refusals import Refusal
from contracts.stated import BirthDate, SubmitIntake, Tier0
from services.intake.domain.ages import age_on
from services.intake.domain.known import ANY_OFFER, Directory, names_of

AHEAD = timedelta(hours=24)
PURPOSE = "referral"
MINOR_UNTIL = max(band["max"] for band in codes.codes("age_bands").values() if band["minor"])


def check_rules(submitted: SubmitIntake, directory: Directory, now: datetime) -> None:
    """Raises Refusal for the first rule that is broken. The codes and names must have been checked before."""
    tier0 = submitted.tier0
    if tier0.city_of_intake != directory.agencies[tier0.sender_agency].city:
        raise Refusal("wrong_city", "/tier0/city_of_intake")
    if submitted.occurred_at > now + AHEAD:
        raise Refusal("future_timestamp", "/occurred_at")
    _check_age(submitted)
    _check_caregiver(submitted)
    _check_offers(tier0, directory)
    _check_refs(tier0)
    if not _is_anyone_covered(tier0, day_in(tier0.city_of_intake, max(now, submitted.occurred_at))):
        raise Refusal("sharing_not_covered", "/tier0/sharing_basis")
    _check_withheld(tier0, directory)


def day_in(city: str, at: datetime) -> date:
    """Which day it is there then."""
    return at.astimezone(ZoneInfo(codes.codes("cities")[city]["timezone"])).date()


# -- how old ----------------------------------------------------------------------------------------------------------


def _check_age(submitted: SubmitIntake) -> None:
    """One year of difference is allowed where the birth date is not known to the day."""
    born, band = submitted.tier1.birth_date, codes.codes("age_bands")[submitted.tier0.age_band]
    if born is None:
        return
    age, slack = _age(born, submitted), 0 if _is_exact(born) else 1
    if age < -slack:
        raise Refusal("inconsistent_data", "/tier1/birth_date/value")
    too_young = band["min"] is not None and age < band["min"] - slack
    too_old = band["max"] is not None and age > band["max"] + slack
    if too_young or too_old:
        raise Refusal("inconsistent_data", "/tier0/age_band")


def _check_caregiver(submitted: SubmitIntake) -> None:
    if submitted.tier0.household == "minor_alone" or submitted.tier1.caregiver is not None:
        return
    if submitted.tier0.household == "minor_with_caregiver" or _is_minor(submitted):
        raise Refusal("missing_field", "/tier1/caregiver")


def _is_minor(submitted: SubmitIntake) -> bool:
    by_band: bool | None = codes.codes("age_bands")[submitted.tier0.age_band]["minor"]
    born = submitted.tier1.birth_date
    return by_band if by_band is not None else born is not None and _age(born, submitted) <= MINOR_UNTIL


def _age(born: BirthDate, submitted: SubmitIntake) -> int:
    """On the day of the meeting."""
    return age_on(born, day_in(submitted.tier0.city_of_intake, submitted.occurred_at))


def _is_exact(born: BirthDate) -> bool:
    return born.precision == "day" and len(born.value) == len("2000-01-01")


# -- who may be told --------------------------------------------------------------------------------------------------


def _check_offers(tier0: Tier0, directory: Directory) -> None:
    for i, asked in enumerate(tier0.services):
        if asked.offer != ANY_OFFER and directory.offers[asked.offer].service != asked.service:
            raise Refusal("inconsistent_data", f"/tier0/services/{i}/offer")


def _check_refs(tier0: Tier0) -> None:
    """Two bases of one name could not be told apart when one is withdrawn."""
    refs = [basis.basis_id for basis in tier0.sharing_basis]
    for i, ref in enumerate(refs):
        if ref in refs[:i]:
            raise Refusal("inconsistent_data", f"/tier0/sharing_basis/{i}/basis_id")


def _is_anyone_covered(tier0: Tier0, day: date) -> bool:
    return any(
        not basis.refused
        and basis.withdrawn_at is None
        and PURPOSE in basis.purposes
        and basis.valid_from <= day
        and (basis.valid_to is None or day <= basis.valid_to)
        for basis in tier0.sharing_basis
    )


def _check_withheld(tier0: Tier0, directory: Directory) -> None:
    """A refusal of one recipient wins over any wider basis."""
    refused = {basis.recipient for basis in tier0.sharing_basis if basis.refused} | set(tier0.withhold)
    for i, asked in enumerate(tier0.services):
        if asked.offer != ANY_OFFER and refused & names_of(directory.agencies[directory.offers[asked.offer].agency]):
            raise Refusal("recipient_withheld", f"/tier0/services/{i}/offer")
