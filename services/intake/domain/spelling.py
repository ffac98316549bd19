"""When two names may be one: whatever the order, the accents, the way they are written in Latin letters, or a slip."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import combinations

SOUNDS = (
    (r"dj|dy|di(?=[aeou])|gi(?=[aeou])|j|y", "j"), (r"sch|sh|ch(?=[aeiou])", "s"), (r"ph", "f"),
    (r"kh|gh|q|ck|c(?![ei])", "k"), (r"[cz]", "s"), (r"x", "ks"), (r"w|ou(?=[aei])|v", "w"),
)  # fmt: skip
"""How sounds are written by different hands (English, French, Italian), in this order."""
PARTICLES = frozenset({"abd", "abu", "al", "ben", "bin", "bint", "da", "de", "di", "el", "ibn", "ould", "van", "von"})
"""What some write as a name and others as the beginning of the next one."""
MOST_NAMES, MOST_LETTERS = 8, 24
"""No more is looked at: one sign may stand for many letters or words, and each costs time in every comparison."""
MOST_PARTS = 4
LEAST_LETTERS = 2
LEAST_NAMES = 2
LEAST_FOR_A_SLIP, LEAST_FOR_A_SLIP_ALONE = 5, 4
"""So many sounds two names, or one alone, must have before one may be missing: of fewer too many would be found."""
ONE_SOUND, A_SLIP = 0.6, 0.8
"""How much of two spellings must agree (Ratcliff and Obershelp) where they sound alike, and where they do not."""


def parts(text: str | None) -> tuple[str, ...]:
    """The single names, without accents and capitals, each with the particles before it."""
    plain = unicodedata.normalize("NFKD", text or "").casefold()
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    found, begun = [], ""
    for part in re.findall(r"[^\W\d_]+", re.sub("['\u2019`]", "", bare))[:MOST_NAMES]:
        begun = (begun + part)[:MOST_LETTERS]
        if part not in PARTICLES:
            found.append(begun)
            begun = ""
    return tuple(part for part in [*found, begun] if len(part) >= LEAST_LETTERS)


def sound(part: str) -> str:
    """The consonants of a name by sound; a vowel only where it begins."""
    for written, heard in SOUNDS:
        part = re.sub(written, heard, part)
    part = part[0] + re.sub(r"[aeiouhw]", "", part[1:])
    return re.sub(r"(.)\1+", r"\1", "a" + part[1:] if part[0] in "aeiou" else part)


def alike(one: str, other: str) -> bool:
    agree = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return agree >= A_SLIP or (agree >= ONE_SOUND and sound(one) == sound(other))


def all_alike(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether each of the fewer names, two at least, has one of its own among the others that is like it."""
    few, many = sorted((list(some), list(others)), key=len)
    return len(few) >= LEAST_NAMES and each_is_among(few, many)


def each_is_among(few: Iterable[str], others: Iterable[str]) -> bool:
    """Whether each of these names has one of its own among the others that is like it."""
    many = list(others)
    for part in few:
        best = max((other for other in many if alike(part, other)), default=None, key=lambda o: _agree(part, o))
        if best is None:
            return False
        many.remove(best)
    return True


def keys(names: Iterable[str]) -> frozenset[str]:
    """By which names that may be one are found: two of them by sound, whole and with each one letter left out.

    Two that differ in one letter have a key in common (Garbe's symmetric deletion).
    """
    found: set[str] = set()
    for two in combinations(sorted({sound(part) for part in names})[:MOST_PARTS], 2):
        whole = " ".join(two)
        found.add(whole)
        if len(whole) > LEAST_FOR_A_SLIP:
            found |= {whole[:i] + whole[i + 1 :] for i in range(len(whole)) if whole[i] != " "}
    return frozenset(found)


def keys_alone(part: str) -> frozenset[str]:
    """By which one name alone is found: by sound, and of a long one with each one letter left out."""
    heard = sound(part)
    slips = range(len(heard)) if len(heard) >= LEAST_FOR_A_SLIP_ALONE else ()
    return frozenset({heard, *(heard[:i] + heard[i + 1 :] for i in slips)})


def _agree(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
