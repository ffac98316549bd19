"""What a page says of the last command: why it was refused, and only in words of ours, whatever a link says."""

import pytest
from fastapi import Request

from contracts import codes
from services.console import pages
from services.console.asking import Answer
from services.console.bound import back_to, said


def asked(query: str, language: str = "it") -> Request:
    request = Request({"type": "http", "query_string": query.encode(), "headers": []})
    request.state.language = language
    return request


def after(answer: Answer) -> Request:
    """The request for the page to which an answer leads."""
    path, _, query = back_to("/tasks", answer).headers["location"].partition("?")
    assert path == "/tasks"
    return asked(query)


@pytest.mark.parametrize(("code", "key"), [(None, "done"), ("waiting", "waiting"), ("away", "away")])
def test_what_was_not_refused_has_no_reason(code, key):
    shown = said(after(Answer(code)))

    assert shown and (shown["key"], shown["why"]) == (key, "")


@pytest.mark.parametrize("code", sorted(codes.codes("rejection_codes")))
def test_a_refusal_says_its_reason(code):
    shown = said(after(Answer(code)))

    assert shown and shown["wrong"]
    assert (shown["key"], shown["why"]) == ("refused", pages.refusal(asked(""), code))


@pytest.mark.parametrize("query", [
    "said=refused&why=call+091", "said=refused&why=", "said=refused", "said=done&why=no_seat", "said=away&why=no_seat",
])  # fmt: skip
def test_a_link_gives_no_reason_that_is_none_of_ours(query):
    shown = said(asked(query))

    assert shown and shown["why"] == ""


def test_a_sentence_without_a_reason_does_not_announce_one():
    drawn = {key: pages._templates().get_template("_said.html").render(language="it", said=said(asked(query)))
             for key, query in {"bare": "said=refused", "told": "said=refused&why=no_seat"}.items()}  # fmt: skip

    assert "non è stato possibile." in drawn["bare"]
    assert "non è stato possibile: Nessun posto" in drawn["told"]
