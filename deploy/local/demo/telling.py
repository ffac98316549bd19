"""How what happened to a need is told in a few words; the labels are those of the reference data."""

from collections import Counter
from typing import Any

from contracts import codes
from services.cli.words import Words

Body = dict[str, Any]

REASONS = {
    "decline_reason": "decline_reasons",
    "closure_outcome": "closure_outcomes",
    "withdraw_reason": "withdraw_reasons",
}
LANGUAGE = {
    "it": {"first": "prima lingua in comune", "another": "altra lingua in comune", "none": "nessuna lingua in comune"},
    "en": {"first": "first language shared", "another": "another language shared", "none": "no language shared"},
}
UNMET = {"it": "bisogno senza risposta", "en": "unmet need"}
TASK = {"it": "attività", "en": "task"}


def why(decided: Body, words: Words) -> str:
    """How many offers were admitted, what speaks for the first, and why the others are out."""
    candidates, told = decided["candidates"], []
    if candidates:
        first = candidates[0]
        order = dict(zip(_order(decided["rule_set"]), first["order"], strict=False))
        merits = [
            words.of("routing", first["verdict"], "verdicts"),
            LANGUAGE[words.language].get(order.get("language", ""), ""),
        ]
        told.append(f"{words('admitted')}: {len(candidates)} ({', '.join(filter(None, merits)).lower()})")
    if out := Counter(_filter(verdict["out_by"], words) for verdict in decided["out"]):
        told.append(f"{words('out')}: " + ", ".join(f"{n} {reason.lower()}" for reason, n in out.items()))
    return "; ".join(told)


def _order(rule_set: str) -> list[str]:
    """What places a candidate, in the words of its rule set."""
    return list(codes.codes("routing", "rule_sets").get(rule_set, {"order": []})["order"])


def why_nobody(said: Body, words: Words) -> str:
    return f"{words('admitted')}: 0; {_filter(said['reason'], words).lower()}" if said["reason"] else ""


def standing(said: Body, words: Words) -> str:
    """Who has it, how it stands, and the reason that was given."""
    state = words.of("transitions", said["state"], "states")
    reasons = [words.of(list_, said[name]) for name, list_ in REASONS.items() if said.get(name)]
    who = f"{said['receiver_agency']}: " if said["receiver_agency"] else ""
    return " ".join([f"{who}{state}", *(f"({reason})" for reason in reasons)])


def unmet(words: Words) -> str:
    return UNMET[words.language]


def task(said: Body, words: Words) -> str:
    next_ = words.of("decline_reasons", said["next"], "next_actions") if said.get("next") else str(said["kind"])
    return f"{TASK[words.language]}: {next_}"


def _filter(code: str, words: Words) -> str:
    """As a reason for a no, where the filter has one among the refusal codes."""
    refusal = codes.codes("routing", "filters").get(code, {}).get("rejection_code")
    return words.of("rejection_codes", refusal) if refusal else code
