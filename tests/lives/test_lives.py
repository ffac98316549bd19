"""A few random lives, others each time; `python -m tests.lives` plays thousands."""

from random import Random

from tests.lives.playing import Seen, play

SOON = {"DRAFT", "REQUESTED", "ACKNOWLEDGED", "ACCEPTED", "DECLINED", "WITHDRAWN", "REVOKED", "CLOSED"}


def test_whatever_is_said_in_whatever_order_model_and_system_agree_and_no_need_is_without_an_answer() -> None:
    seen, first_seed = Seen(), Random().randrange(2**16)
    print(f"python -m tests.lives --lives 40 --seed {first_seed}")

    for more in range(10):  # forty lives may, now and then, never come to a state
        if not seen.states.keys() >= SOON:
            play(40, first_seed + more, seen)

    assert seen.states.keys() >= SOON
    assert seen.refused.keys() >= {"invalid_transition", "not_authorised", "unknown_referral"}
