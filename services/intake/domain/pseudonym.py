"""The name under which the network knows a person: it tells nothing, and is the same each time."""

import hmac
import re

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without the letters I, L, O and U, which are misread."""
LETTERS = 20
_PSEUDONYM = re.compile(f"p_[{CROCKFORD}]{{{LETTERS}}}")


def pseudonym(key: bytes, agency: str, person_ref: str) -> str:
    """Of the person whom an agency calls person_ref: the first 100 bits of HMAC-SHA256, as `p_` and 20 letters."""
    digest = hmac.digest(key, f"{agency}|{person_ref}".encode(), "sha256")
    number = int.from_bytes(digest) >> (8 * len(digest) - 5 * LETTERS)
    return "p_" + "".join(CROCKFORD[number >> 5 * place & 31] for place in reversed(range(LETTERS)))


def is_pseudonym(text: str) -> bool:
    """Whether a text looks like one; anything else could be a name."""
    return _PSEUDONYM.fullmatch(text) is not None
