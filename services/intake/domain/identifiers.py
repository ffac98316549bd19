"""Whether an identifier can be what it says it is: its shape and, where it has one, its check letter or digit."""

import re
from collections.abc import Callable

from contracts import codes

ODD: dict[str, int] = codes.table("identifiers")["algorithms"]["cf_mod26"]["odd_values"]


def is_sound(type: str, value: str) -> bool:
    """type: a code of `identifiers.json`. An unsound one is kept as stated and not used to find people."""
    known, written = codes.codes("identifiers")[type], value.strip().upper()
    if not re.fullmatch(known["pattern"], written):
        return False
    return known["check"] is None or CHECKS[known["check"]](written)


def _cf_mod26(code: str) -> bool:
    """Italian tax code (DM 23/12/1976): the sixteenth letter follows from the fifteen before."""
    odd = sum(ODD[c] for c in code[0:15:2])
    even = sum(int(c) if c.isdigit() else ord(c) - ord("A") for c in code[1:15:2])
    return ord(code[15]) - ord("A") == (odd + even) % 26


def _vat_luhn_it(code: str) -> bool:
    """Eleven digits whose last makes the sum a multiple of ten; every second digit counts double (Luhn)."""
    digits = [int(c) for c in code]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[1::2])
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


CHECKS: dict[str, Callable[[str], bool]] = {"cf_mod26": _cf_mod26, "vat_luhn_it": _vat_luhn_it}
"""By their names in `identifiers.json`."""
