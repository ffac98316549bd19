"""What a person reads of the services' JSON log lines."""

import pytest

from deploy.local.lines import Printer, readable


def test_a_json_line_is_read_as_its_message_with_its_facts() -> None:
    line = '{"time":"2026-11-24T10:00:00Z","level":"info","service":"intake","replica":"0","message":"told","count":3}'

    assert readable(line) == "told count=3"


def test_a_grave_line_says_so_and_shows_where_it_happened() -> None:
    line = '{"level":"error","message":"parked","code":"no_route","frames":["store.py:3 save","worker.py:9 flush"]}'

    assert readable(line) == "ERROR parked code=no_route\n    store.py:3 save\n    worker.py:9 flush"


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "{half a", "[1, 2]", '{"other": 1}', "", "7"])
def test_a_line_that_is_not_ours_stays_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_every_line_has_its_speaker_in_front(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().say("referral", "one\ntwo")

    assert capsys.readouterr().out == "referral     | one\nreferral     | two\n"


def test_lines_wait_while_another_program_paints_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer()
    printer.watched = True

    with printer.held():
        printer.say("referral", "told")
        assert capsys.readouterr().out == ""

    assert capsys.readouterr().out == "referral     | told\n"
