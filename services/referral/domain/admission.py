"""Whom an offer admits: the rules of `admission_rules.json`, each answered yes, no or to_check (a datum is missing)."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from contracts import codes
from contracts.commands import Need
from contracts.directory import Rule

Answer = Literal["yes", "no", "to_check"]
Answers = tuple[tuple[str, str], ...]

OLDEST = 200
MINOR_UNTIL: int = max(band["max"] for band in codes.codes("age_bands").values() if band["minor"])


def admits(rules: Iterable[Rule], need: Need) -> tuple[Answer, Answers]:
    """The answer of all rules together, and the answer of each single rule by name, in the order of the offer."""
    singles: list[tuple[str, str]] = []
    return all_of([_answer(rule, need, singles) for rule in rules]), tuple(singles)


def all_of(answers: Iterable[Answer]) -> Answer:
    given = set(answers)
    return "no" if "no" in given else "to_check" if "to_check" in given else "yes"


def any_of(answers: Iterable[Answer]) -> Answer:
    given = set(answers)
    return "yes" if "yes" in given else "to_check" if "to_check" in given else "no"


def _answer(rule: Rule, need: Need, singles: list[tuple[str, str]]) -> Answer:
    if rule.any_of:
        return any_of([_answer(part, need, singles) for part in rule.any_of])
    if rule.rule is None:
        return all_of([_answer(part, need, singles) for part in rule.all_of])
    answer = KINDS.get(rule.rule, _unknown_rule)(rule, need)
    singles.append((rule.rule, answer))
    return answer


# -- one function for each kind of rule --------------------------------------------------------------------------------


def _age_between(rule: Rule, need: Need) -> Answer:
    """A band that the rule cuts in two is to be checked: the age itself never reaches routing."""
    band = _band(need)
    if band["min"] is None:
        return "to_check"
    youngest, oldest = band["min"], _oldest(need)
    low, high = rule.min or 0, OLDEST if rule.max is None else rule.max
    if oldest < low or youngest > high:
        return "no"
    return "yes" if low <= youngest and oldest <= high else "to_check"


def _band(need: Need) -> dict[str, Any]:
    return codes.codes("age_bands").get(need.person.age_band, {"min": None, "max": None, "minor": None})


def _oldest(need: Need) -> int:
    """As old as they may be by now: a band that was right may be so no more."""
    oldest = _band(need)["max"]
    return OLDEST if oldest is None else oldest + need.older_by


def _gender_in(rule: Rule, need: Need) -> Answer:
    return _listed(need.person.gender, rule, not_known="not_stated")


def _household_in(rule: Rule, need: Need) -> Answer:
    """That of a minor is not known any more once they may be none."""
    household, known = need.person.household, codes.codes("households").get(need.person.household, {})
    grown = known.get("minor") and _band(need)["minor"] and _oldest(need) > MINOR_UNTIL
    return _listed(household, rule, not_known=household if grown else "unknown")


def _listed(value: str, rule: Rule, not_known: str) -> Answer:
    return "yes" if value in rule.values else "to_check" if value == not_known else "no"


def _language_in(rule: Rule, need: Need) -> Answer:
    """Never no: whether an interpreter is available is for the receiver to say."""
    spoken = {need.person.language, *need.person.other_languages}
    return "yes" if spoken & set(rule.values) else "to_check"


def _city_of_presence_in(rule: Rule, need: Need) -> Answer:
    return "yes" if need.city_of_presence in rule.values else "no"


def _household_size_max(rule: Rule, need: Need) -> Answer:
    if need.person.household_size is None:
        return "to_check"
    return "yes" if need.person.household_size <= (rule.value or 0) else "no"


def _step_free_needed(rule: Rule, need: Need) -> Answer:
    return "yes" if rule.value or "step_free" not in need.person.accessibility else "no"


def _referral_required(rule: Rule, need: Need) -> Answer:
    return "yes"


def _document_any_of(rule: Rule, need: Need) -> Answer:
    """Documents stay with intake, so nobody knows here; nobody asks for them in an emergency."""
    return "yes" if need.priority == "EMERGENCY" else "to_check"


def _after_service(rule: Rule, need: Need) -> Answer:
    return "yes" if need.depends_on in rule.values else "to_check"


def _unknown_rule(rule: Rule, need: Need) -> Answer:
    """A kind of rule of a later release: the receiver checks, nobody is turned away by it."""
    return "to_check"


KINDS: dict[str, Callable[[Rule, Need], Answer]] = {
    "age_between": _age_between,
    "gender_in": _gender_in,
    "household_in": _household_in,
    "language_in": _language_in,
    "city_of_presence_in": _city_of_presence_in,
    "household_size_max": _household_size_max,
    "step_free_needed": _step_free_needed,
    "referral_required": _referral_required,
    "document_any_of": _document_any_of,
    "after_service": _after_service,
}
