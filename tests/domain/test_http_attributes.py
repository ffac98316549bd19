"""An attribute of CloudEvents means the same in a header of HTTP as on Kafka."""

import pytest
from cloudevents.core.bindings.http import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from services.http.attributes import decoded, encoded

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@given(TEXTS)
def test_what_another_library_encodes_is_read_and_what_we_encode_is_as_it_does(text: str) -> None:
    event = CloudEvent({"id": text, "source": "/agencies/pa.penc", "type": "t"}, {})
    theirs = to_binary(event, JSONFormat()).headers["ce-id"]

    assert decoded(theirs) == decoded(encoded(text)) == text
    assert encoded(text).isascii() and " " not in encoded(text)


@pytest.mark.parametrize(("header", "means"), [
    ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"), ("%41%2f1", "A/1"), ('"a \\"b\\" c"', 'a "b" c'),
    ("50%25", "50%"), ("50%", "50%"), ("m-1", "m-1"), ("è".encode().decode("latin-1"), "è"),
])  # fmt: skip
def test_a_header_is_decoded_once(header: str, means: str) -> None:
    assert decoded(header) == means


@pytest.mark.parametrize("header", ["%C0%A0", "%C3(", "\xe8"])
def test_what_is_no_utf8_is_no_attribute(header: str) -> None:
    with pytest.raises(ValueError, match="utf-8"):
        decoded(header)
