"""A few crossings about places, others each time."""

from collections import Counter
from random import Random

from tests.lives.crossings import Crossings

LIVES, STEPS = 40, 60


def test_whatever_crosses_about_places_at_rest_all_see_them_alike_and_nothing_is_parked() -> None:
    first, seen = Random().randrange(2**16), Counter[str]()

    for seed in range(first, first + LIVES):
        print(f"Crossings(Random({seed})).play({STEPS})")
        life = Crossings(Random(seed))
        life.play(STEPS)
        seen += life.seen

    assert seen.keys() >= {"held", "waiting", "confirmed"}
