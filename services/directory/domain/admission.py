"""When the rules by which an offer admits people make sense (`admission_rules.json`)."""

from collections.abc import Callable, Iterator

from contracts import codes
from contracts.directory import Rule
from services.directory.domain import faults
from services.directory.domain.faults import Fault

PARAMETERS: dict[str, list[str]] = {k["rule"]: k["parameters"] for k in codes.table("admission_rules")["kinds"]}

VALUES: dict[str, Callable[[str, tuple[str, ...]], Iterator[Fault]]] = {
    "gender_in": lambda at, given: faults.of_codes(at, given, "genders"),
    "household_in": lambda at, given: faults.of_codes(at, given, "households"),
    "language_in": lambda at, given: faults.of_languages(at, given),
    "city_of_presence_in": lambda at, given: faults.of_codes(at, given, "cities"),
    "document_any_of": lambda at, given: faults.of_codes(at, given, "identifiers"),
    "after_service": lambda at, given: faults.of_codes(at, given, "services"),
}
"""What the `values` of each kind of rule are."""

URGENT = frozenset({"EMERGENCY", "URGENT"})


def check(rules: tuple[Rule, ...], pointer: str, service: str) -> Iterator[Fault]:
    """The rules of a list, and those inside them. service: whom nobody who needs it at once is asked for documents."""
    for i, rule in enumerate(rules):
        yield from _check(rule, f"{pointer}/{i}", service)


def _check(rule: Rule, pointer: str, service: str) -> Iterator[Fault]:
    said = [name for name in ("rule", "any_of", "all_of") if getattr(rule, name)]
    if len(said) != 1:
        yield Fault("inconsistent_data", pointer, "must be one rule, or any_of, or all_of")
    elif rule.rule is None:
        yield from check(rule.any_of + rule.all_of, f"{pointer}/{said[0]}", service)
        yield from _check_stray(rule, [], pointer)
    elif rule.rule not in PARAMETERS:
        yield Fault("unknown_code", f"{pointer}/rule", "must be a kind of admission_rules.json")
    else:
        yield from _check_parameters(rule.rule, rule, pointer)
        if rule.rule == "document_any_of" and _is_urgent(service):
            yield Fault("inconsistent_data", f"{pointer}/rule", "must not ask for documents when there is no time")


def _check_parameters(kind: str, rule: Rule, pointer: str) -> Iterator[Fault]:
    wanted = PARAMETERS[kind]
    yield from _check_stray(rule, wanted, pointer)
    if "values" in wanted and not rule.values:
        yield Fault("missing_field", f"{pointer}/values", "must name at least one")
    if "value" in wanted and rule.value is None:
        yield Fault("missing_field", f"{pointer}/value", "must be given")
    if kind in VALUES:
        yield from VALUES[kind](f"{pointer}/values", rule.values)
    if "min" in wanted:
        yield from _check_bounds(rule, pointer)


def _check_stray(rule: Rule, wanted: list[str], pointer: str) -> Iterator[Fault]:
    """What would be said and not heeded."""
    for name in ("min", "max", "value", "values"):
        if name not in wanted and getattr(rule, name) not in (None, ()):
            yield Fault("inconsistent_data", f"{pointer}/{name}", "is no parameter of this rule")


def _check_bounds(rule: Rule, pointer: str) -> Iterator[Fault]:
    if rule.min is None and rule.max is None:
        yield Fault("missing_field", f"{pointer}/min", "must have a lower or an upper limit")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        yield Fault("inconsistent_data", f"{pointer}/max", "must not be under `min`")
    for name, bound in (("min", rule.min), ("max", rule.max)):
        if bound is not None and bound < 0:
            yield Fault("number_out_of_range", f"{pointer}/{name}", "must not be negative")


def _is_urgent(service: str) -> bool:
    return codes.codes("services").get(service, {}).get("default_priority") in URGENT
