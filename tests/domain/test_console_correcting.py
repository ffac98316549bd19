"""What is wrong in a correction is told under the words with which the form asks for it."""

import pytest

from services.console.domain.correcting import fields_of
from services.console.pages import words


@pytest.mark.parametrize(("pointer", "told"), [
    ("/email", [("correct_email", ())]),
    ("/languages/2", [("correct_languages", ())]),
    ("/description/en", [("correct_description_en", ())]),
    ("/opening_hours/0/to", [("correct_hours", ()), ("correct_line", (1,)), ("correct_to", ())]),
    ("/opening_hours/3/days", [("correct_hours", ()), ("correct_line", (4,))]),
    ("/offer", []), (None, []),
])  # fmt: skip
def test_what_a_refusal_points_at_is_told_as_the_form_asks_for_it(pointer, told):
    assert fields_of(pointer) == told
    assert {key for key, _ in told} <= words().keys()
