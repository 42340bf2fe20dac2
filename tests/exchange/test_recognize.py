"""Which format a text is; and that any text at all gives drafts or an error that says what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from authrecord.core.errors import DocumentFault, RecordFault
from authrecord.exchange.document import read_document
from authrecord.exchange.draft import MOST_DRAFTS
from authrecord.exchange.recognize import DOCUMENT, FORMATS, read, recognize
from tests.canary_watch import Canary
from tests.exchange.samples import SHAPES, imported, postman, postman_auth, request, told

TEXTS = {
    "curl": "curl https://api.example -H 'Authorization: Bearer abc'",
    "openapi": "openapi: 3.1.1\ninfo: {title: demo}\nsecurity: []",
    "postman": postman([request("me")]),
    "bruno": "meta {\n  name: me\n}\n",
    "opencollection": 'opencollection: "1.0.0"\nitems: []',
    "insomnia": "type: collection.insomnia.rest/5.0\ncollection: []",
    "hoppscotch": '[{"v": 12, "name": "demo", "requests": [], "folders": []}]',
    "document": "records: []",
}

_odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "{{x}}",
            "${env:X}",
            "${file:/x}",
            "http://[",
            "inherit",
            "none",
            "oauth2",
            "implicit",
            "\ud800",
            "\x00",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_lines = st.lists(
    st.sampled_from(
        ["auth {", "auth:oauth2 {", "}", "[", "  mode: oauth2", "  token: '''", "get {", "  auth: bearer"]
    )
    | st.sampled_from(
        [
            "auth:bearer {",
            "  token: x",
            "  grant_type: password",
            "  auth: oauth2",
            "auth:oauth2:additional_params:x {",
        ]
    )
    | st.text(max_size=10),
    max_size=12,
).map("\n".join)
_commands = st.lists(
    st.sampled_from(
        ["-H", "-u", "a:b", "--oauth2-bearer", "'", '"', "$'", "\\", "^\n", "-d", "grant_type=password", "x"]
    )
    | st.sampled_from(
        ["https://a.example/?key=1", "Authorization:", "Bearer", "x-api-key: 1", "-b", "token=1", "$(", "`"]
    )
    | st.text(max_size=6),
    max_size=10,
).map(lambda words: "curl " + " ".join(words))


@st.composite
def _bent(draw: st.DrawFn) -> str:
    """A text in the shape of a tool, with something odd at one or two places."""
    data = {"": copy.deepcopy(draw(st.sampled_from(SHAPES)))}
    for _ in range(draw(st.integers(1, 2))):
        group, key = draw(st.sampled_from(list(_places(data))))
        group[key] = draw(_odd)
    return json.dumps(data[""])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every group or list in a value, with every key or position in it."""
    if isinstance(value, (dict, list)):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(item)


@pytest.mark.parametrize("format", TEXTS)
def test_each_format_is_recognised_by_itself(format: str) -> None:
    assert recognize(TEXTS[format]) == format


def test_everything_else_is_a_document() -> None:
    for text in (
        "",
        "hello",
        "[]",
        "{",
        "a: b",
        "records: [",
        "- x",
        "curly https://api.example",
        "0",
        "null",
    ):
        assert recognize(text) == DOCUMENT
        assert read(text) is None


def test_a_text_that_is_not_what_a_person_says_is_refused() -> None:
    assert set(TEXTS) - {"opencollection"} == set(FORMATS)
    with pytest.raises(DocumentFault, match="does not look like openapi"):
        read(TEXTS["curl"], "openapi")
    with pytest.raises(DocumentFault, match="nothing that a record"):
        read(TEXTS["opencollection"], "bruno")
    assert read(TEXTS["curl"], DOCUMENT) is None


@settings(max_examples=200)
@given(_bent() | _lines | _commands | st.text(max_size=60))
@example('{"info": {"schema": "schema.getpostman.com"}, "item": [{"request": {"auth": {"type": ["x"]}}}]}')
@example(
    '{"openapi": 1, "components": {"securitySchemes": {"a": {"type": "oauth2", "flows": {"password": []}}}}}'
)
@example('{"swagger": "2.0", "securityDefinitions": {"a": {"type": "oauth2", "flow": {}}}}')
@example(
    "type: collection.insomnia.rest/5.0\ncollection: [{url: 1, authentication: {type: oauth2, grantType: password}}]"
)
def test_any_text_gives_drafts_or_an_error_that_says_what_is_wrong(text: str) -> None:
    try:
        found = read(text)
        if found is None:
            read_document(text)
            return
    except RecordFault as fault:
        assert str(fault)
        return
    assert 0 < len(found.drafts) <= MOST_DRAFTS
    for draft in found.drafts:
        if not draft.missing:
            assert draft.record().name == draft.name


def test_P7_no_secret_of_a_text_that_is_refused_is_in_the_error(canary: Canary) -> None:
    secret = canary("token", alphabet="hard")
    texts = [
        f"curl https://a.example -H 'Authorization: Basic {secret}'",
        f"curl {secret}",
        f'{{"openapi": "3.1.1", "{secret}": 1, "{secret}": 2}}',
        postman([request(secret, auth={"type": secret})]),
        f"get {{\n  auth: {secret}\n}}",
        f"opencollection: '1'\nitems: [*{secret.partition('/')[0][:1]}x]",
    ]
    for text in texts:
        with pytest.raises(RecordFault) as caught:
            read(text) or read_document(text)
        canary.scan(str(caught.value) + repr(caught.value), "error")


def test_N9_bombs_are_refused_before_they_grow() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
    bombs = [
        f"openapi: 3.1.1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n{levels}\n",
        '{"openapi": "3.1.1", "a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"openapi": "3.1.1", "a": ' + "[" * 60 + "]" * 60 + "}",
        "openapi: !!python/object/apply:os.system [id]\n",
        "curl " + "x" * 5_000_000,
    ]
    for text in bombs:
        with pytest.raises(RecordFault):
            read(text) or read_document(text)


def test_N9_a_collection_of_many_requests_gives_a_bounded_number_of_drafts() -> None:
    items = [request(str(n), auth=postman_auth("bearer", token=f"t{n}")) for n in range(MOST_DRAFTS + 50)]
    found = imported(postman(items))
    assert len(found.drafts) == MOST_DRAFTS
    assert any("Only the first" in note for note in found.notes)


def test_Q4_a_postman_file_with_references_names_no_file_of_this_machine(canary: Canary) -> None:
    block = postman_auth("apikey", key="X-Key", value="${file:/etc/passwd}")
    found = imported(postman([request("me")], auth=block))
    assert found.drafts[0].missing == ("auth.value",)
    assert "/etc/passwd" not in told(found)
