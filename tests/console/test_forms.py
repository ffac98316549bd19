"""What is typed into a page stays in no browser: desks share their machines."""

import re
from importlib.resources import files

import pytest

TEMPLATES = {p.name: p.read_text("utf-8") for p in files("services.console").joinpath("templates").iterdir()}
FORM = re.compile(r"<form[^>]*>")
TYPED = re.compile(r'<input(?![^>]*type="(?:hidden|checkbox|radio|date)")|<textarea|{{ (?:line|field)\(')
"""Where something can be typed, by itself or by a macro."""


def typed_in(template: str) -> list[str]:
    """Those forms in which something can be typed."""
    text = TEMPLATES[template]
    begins = [found.start() for found in FORM.finditer(text)]
    whole = [text[at : text.index("</form>", at)] for at in begins]
    return [form for form in whole if TYPED.search(form)]


def forms(template: str) -> list[str]:
    """Their opening tags."""
    return [form[: form.index(">") + 1] for form in typed_in(template)]


@pytest.mark.parametrize("template", [name for name in TEMPLATES if forms(name)])
def test_no_browser_keeps_what_is_typed_to_offer_it_to_whoever_comes_next(template: str) -> None:
    assert [form for form in forms(template) if 'autocomplete="off"' not in form] == []


@pytest.mark.parametrize("template", [name for name in TEMPLATES if forms(name)])
def test_no_address_holds_what_is_typed_unless_it_can_only_be_a_code(template: str) -> None:
    """Addresses stay in histories and in logs of proxies, and people type names where codes are asked for."""
    in_addresses = [form for form in typed_in(template) if 'method="post"' not in form.partition(">")[0]]

    typed = [field for form in in_addresses for field in re.findall(r"<(?:input|textarea)[^>]*>", form)]
    assert [field for field in typed if "pattern=" not in field] == []


def test_the_forms_are_found() -> None:
    found = {name for name in TEMPLATES if forms(name)}

    assert {"new.html", "search.html", "command.html", "_twins.html", "looks.html"} <= found
