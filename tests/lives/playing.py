"""Lives played in numbers, with what was seen in them counted: a life in which nothing happens proves nothing."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lives.lives import Lives
from tests.lives.watched import accepted

STEPS = 40


@dataclass
class Seen:
    """states: of referrals, as lives left them. refused: what was not taken, by its code."""

    lives: int = 0
    said: int = 0
    messages: int = 0
    states: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, life: Lives) -> None:
        answers = [answer for _, answer in life.spoken]
        self.lives += 1
        self.said += len(answers)
        self.messages += len(life.network.said)
        self.states.update(known.state for known in life.model.referrals.values())
        self.refused.update(answer["value"]["code"] for answer in answers if not accepted(answer))


def play(lives: int, first_seed: int, seen: Seen) -> None:
    """Raises what Hypothesis found, with the steps that led to it, made as few as it can."""

    class Counted(Lives):
        def teardown(self) -> None:
            seen.add(self)

    wanted = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(seed(first_seed)(Counted), settings=wanted)
