"""The other language of a page is one link away, and nothing is lost by following it."""

import re

import pytest
from fastapi import Request

from services.console import pages

LINK = re.compile(r'<a href="([^"]*)" lang="(it|en)">')


def links(query: str, language: str, method: str = "GET") -> list[tuple[str, str]]:
    """To the page in other languages, as a page that is asked for so has them."""
    request = Request({"type": "http", "method": method, "scheme": "http", "server": ("console", 80), "path": "/queue",
                       "query_string": query.encode(), "headers": []})  # fmt: skip
    request.state.language, request.state.session = language, None
    return LINK.findall(bytes(pages.notice(request, "no_pages").body).decode())


@pytest.mark.parametrize(("query", "language", "link"), [
    ("", "it", ("?lang=en", "en")),
    ("page=2", "it", ("?page=2&amp;lang=en", "en")),
    ("q=due+parole&lang=en", "en", ("?q=due+parole&amp;lang=it", "it")),
    ("command=accept&of=1&of=2", "it", ("?command=accept&amp;of=1&amp;of=2&amp;lang=en", "en")),
    ('q="><script>', "it", ("?q=%22%3E%3Cscript%3E&amp;lang=en", "en")),
])  # fmt: skip
def test_what_was_asked_for_is_asked_for_in_the_other_language_too(query, language, link):
    assert links(query, language) == [link]


def test_a_page_that_answers_a_form_has_no_link_that_would_lose_what_was_typed():
    assert links("back=queue", "it", "POST") == []
