"""Attributes of CloudEvents in headers of HTTP, percent-encoded (HTTP protocol binding 1.0, 3.1.3.2)."""

import re
from urllib.parse import quote, unquote_to_bytes

PLAIN = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '"%')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def encoded(value: str) -> str:
    return quote(value, safe=PLAIN)


def decoded(header: str) -> str:
    """Also of a value in quotes, as earlier versions of the binding had it. Raises ValueError where it is no UTF-8.

    header: as HTTP has it, a character a byte.
    """
    quoted = QUOTED.fullmatch(header)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    return unquote_to_bytes(plain.encode("latin-1")).decode("utf-8")
