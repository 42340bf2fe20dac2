"""P7, P9, D15, D16, S29: what a refused document says, and what no document can ask for."""

from __future__ import annotations

import copy
import csv
import html
import io
import json
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from authrecord.core.errors import DocumentFault
from authrecord.core.origin import origin_of
from authrecord.documents import Format, json_schema, read, records_from
from tests.canary_watch import Canary

from .examples import GRANTS, api_key, bearer, faults_of, oauth2, paths_of, record


def shown(fault: DocumentFault) -> str:
    """All that a program can print or hand on of a refusal: also `errors()`-like data, and what is pickled."""
    again = pickle.loads(pickle.dumps(fault))
    parts = [str(fault), repr(fault), repr(fault.args), repr(vars(fault)), fault.message, fault.hint]
    parts += [str(again), repr(vars(again)), "".join(traceback.format_exception(fault))]
    parts += [f"{one.path} {one.message} {one.hint} {one.line} {one!r} {one}" for one in fault.faults]
    return "\n".join(parts)


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values that are no list and no mapping."""
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(value, (*path, key))
    else:
        yield path


def with_value(data: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of `data` that holds `value` at `path`."""
    changed = copy.deepcopy(data)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


EXAMPLES = {"bearer": bearer(), "api_key": api_key(), **{grant: oauth2(grant) for grant in GRANTS}}


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_P7_no_refusal_holds_what_was_written_whatever_field_it_stood_in(canary: Canary, kind: str) -> None:
    """Each value of a right document is replaced by a secret that breaks its rule, in four shapes."""
    secret = canary("mistyped secret")
    refused = 0
    for path in leaves(EXAMPLES[kind]):
        shapes = (secret + "\r\n" + secret, [secret], {secret: secret}, "${" + secret + "}", secret.encode())
        for shape in shapes:
            try:
                records_from(with_value(EXAMPLES[kind], path, shape))
            except DocumentFault as fault:
                refused += 1
                assert secret not in shown(fault), path
    assert refused >= 4 * len(list(leaves(EXAMPLES[kind]))) - 4


@pytest.mark.parametrize("form", list(Format))
def test_P7_a_document_that_is_none_is_refused_without_its_text(canary: Canary, form: Format) -> None:
    secret = canary("secret in a broken document")
    texts = (
        f"records: [{{token: '{secret}",
        f'{{"records": [{{"token": "{secret}',
        f'token = "{secret}',
        secret,
    )
    for text in texts:
        with pytest.raises(DocumentFault) as refused:
            read(text, format=form)
        assert secret not in shown(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None or secret not in repr(refused.value.__context__)


def test_P9_the_published_schema_marks_secrets_and_holds_no_value_for_them() -> None:
    """What an OpenAPI document will be made of: write-only, no default and no example for a secret."""
    found = []

    def look(node: Any, key: str) -> None:
        if isinstance(node, list):
            for item in node:
                look(item, key)
        if not isinstance(node, dict):
            return
        if node.get("writeOnly"):
            found.append(key)
            assert not {"default", "example", "examples", "const", "enum"} & set(node), key
        for name, value in node.items():
            look(value, name)

    look(json_schema(), "")
    assert {"client_secret", "password", "token", "value"} <= set(found)


DANGEROUS_BEGINNINGS = ("=", "+", "@", "\t", "\r", "<", ">", "&", '"', "'", "|", "`", "*", "[", "#", "!")


@pytest.mark.parametrize("beginning", DANGEROUS_BEGINNINGS)
def test_D15_no_record_has_a_name_that_means_something_in_a_table_or_a_page(beginning: str) -> None:
    for name in (f"{beginning}cmd", f"a{beginning}b"):
        assert paths_of({**bearer(), "name": name}) == ["name"]


def test_D15_every_name_that_is_allowed_is_the_same_in_each_format_of_text() -> None:
    allowed = record({**bearer(), "name": "Az09._-"}).name
    table = io.StringIO()
    csv.writer(table).writerow([allowed])
    assert (html.escape(allowed), table.getvalue().strip(), json.loads(json.dumps(allowed))) == (allowed,) * 3


LOOK_ALIKES = (
    "https://аpi.example.com",
    "https://exаmple.com/authorize",
    "https://ｉd.example.com/x",
    "https://例え.jp/",
)


@pytest.mark.parametrize("url", LOOK_ALIKES)
@pytest.mark.parametrize("path", ["authorization.url", "token_exchange.url", "issuer"])
def test_D16_a_host_of_look_alike_letters_is_refused_in_favour_of_its_a_label(url: str, path: str) -> None:
    faults = faults_of(oauth2("authorization_code", {path: url}))
    assert [fault.path for fault in faults] == [f"auth.{path}"]
    assert url not in str(faults[0])


def test_D16_an_a_label_is_shown_as_it_is_and_never_as_the_letters_it_stands_for() -> None:
    url = "https://xn--pi-7kc.example.com/authorize"
    auth: Any = record(oauth2("authorization_code", {"authorization.url": url})).auth
    assert auth.authorization.url == url
    assert str(origin_of(url)) == "https://xn--pi-7kc.example.com"


@pytest.mark.parametrize("place", ["body", "form", "json", "multipart", ""])
def test_S29_no_record_can_ask_for_its_token_in_a_body(place: str) -> None:
    """RFC 6750 §2.2 allows it for forms only; the product puts it into a header, a query or a cookie, never there."""
    assert paths_of(api_key(send_in=place)) == ["auth.send_in"]
    usage = oauth2("client_credentials", {"token_usage.add_to": place})
    assert paths_of(usage) == ["auth.token_usage.add_to"]
    assert paths_of(bearer(add_to=place)) == ["auth.add_to"]
