"""Documents: three formats, one shape; every fault at once, with its line, and never a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from authrecord.core.errors import DocumentFault, RecordFault
from authrecord.documents import Format, read, read_file, records_from
from tests.canary_watch import Canary
from tests.documents import examples

YAML = """\
records:
  - name: orders
    auth:
      type: bearer
      token: ${env:TOKEN}
  - name: stock
    auth: {type: api_key, key: X-Key, value: "${env:KEY}"}
"""
JSON = """\
{"records": [
  {"name": "orders",
   "auth": {"type": "bearer", "token": "${env:TOKEN}"}},
  {"name": "stock", "auth": {"type": "api_key", "key": "X-Key", "value": "${env:KEY}"}}
]}
"""
TOML = """\
[[records]]
name = "orders"
[records.auth]
type = "bearer"
token = "${env:TOKEN}"

[[records]]
name = "stock"
auth = {type = "api_key", key = "X-Key", value = "${env:KEY}"}
"""
FAULTY = {
    Format.YAML: """\
records:
  - name: a b
    auth:
      type: oauth2
      grant: client_credentials
      credentials:
        client_id: x
        client_secret: ${env:S}
      token_exchange:
        url: ftp://example.com
        scop: read
      token_refresh: {url: https://example.com}
""",
    Format.JSON: """\
{"records": [{
  "name": "a b",
  "auth": {
    "type": "oauth2", "grant": "client_credentials",
    "credentials": {"client_id": "x", "client_secret": "${env:S}"},


    "token_exchange": {

      "url": "ftp://example.com",
      "scop": "read"},
    "token_refresh": {"url": "https://example.com"}}}]}
""",
    Format.TOML: '''\
[[records]]
name = "a b"
description = """
two "lines" """
[records.auth]
type = "oauth2"
grant = "client_credentials"
credentials = {client_id = "x", client_secret = "${env:S}"}
[records.auth.token_exchange] # here
"url" = "ftp://example.com"
scop = 'read'
[records.auth.token_refresh]
''',
}


@pytest.mark.parametrize(("text", "form"), [(YAML, Format.YAML), (JSON, Format.JSON), (TOML, Format.TOML)])
def test_the_three_formats_give_the_same_records(text: str, form: Format) -> None:
    assert read(text, format=form) == read(YAML, format=Format.YAML)
    assert [record.name for record in read("\ufeff" + text, format=form)] == ["orders", "stock"]


def test_a_list_a_mapping_with_records_and_one_record_are_accepted() -> None:
    one = examples.bearer()
    assert records_from(one) == records_from([one]) == records_from({"records": [one]})
    assert records_from({"records": [], "$schema": "./authrecord.schema.json"}) == ()


@pytest.mark.parametrize("form", list(Format))
def test_every_fault_of_a_document_comes_at_once_with_its_line(form: Format) -> None:
    with pytest.raises(DocumentFault) as refused:
        read(FAULTY[form], format=form, source="orders.file")
    exchange = "records[0].auth.token_exchange"
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [
        ("records[0].name", 2),
        (f"{exchange}.url", 10),
        (f"{exchange}.scop", 11),
        ("records[0].auth.token_refresh", 12),
    ]
    assert str(refused.value).startswith("orders.file: 4 faults")
    assert "Did you mean scope?" in str(refused.value)
    assert "'Token Refresh' does not apply" in str(refused.value)
    assert "Authorization Code and Password Credentials" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "form", "line"),
    [
        ("records:\n  - name: [\n", Format.YAML, 3),
        ("a: 1\n  b: 2\n", Format.YAML, 2),
        ("a: 1\n---\nb: 2\n", Format.YAML, 2),
        ("name: a\n? [x]\n: b\n", Format.YAML, 2),
        ("name: *b\n", Format.YAML, 1),
        ('{"records": [\n  {"name" "x"}]}', Format.JSON, 2),
        ("name = 'a'\nauth = \n", Format.TOML, 2),
        ("name = 'a'\nname = 'b'\n", Format.TOML, 2),
        ("[a]\n[a]\n", Format.TOML, 2),
    ],
)
def test_a_syntax_error_comes_with_its_line(text: str, form: Format, line: int) -> None:
    with pytest.raises(DocumentFault) as refused:
        read(text, format=form)
    (fault,) = refused.value.faults
    assert fault.line == line


@pytest.mark.parametrize(
    ("text", "form", "line"),
    [
        ("name: a\nauth:\n  type: bearer\n  token: a\n  token: b\n", Format.YAML, 5),
        ('{"name": "a", "auth": {"type": "bearer",\n"token": "a",\n"token": "b"}}', Format.JSON, 3),
    ],
)
def test_a_key_that_stands_twice_is_refused(text: str, form: Format, line: int) -> None:
    with pytest.raises(DocumentFault) as refused:
        read(text, format=form)
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [("auth.token", line)]


def test_a_record_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(DocumentFault) as refused:
        read(YAML.replace("stock", "orders"), format=Format.YAML)
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [("records[1].name", 6)]


@pytest.mark.parametrize("form", list(Format))
def test_no_value_of_a_document_is_in_a_message(form: Format, canary: Canary) -> None:
    """Neither values, nor what stands where a key should be, nor the text around a syntax error."""
    secret = canary("value")
    texts = {
        Format.YAML: [
            f"name: '{secret} x'\n{secret}: 1\nauth: {{type: {secret}}}\n",
            f"name: a\nauth: {{type: bearer, token: '{secret}', prefix: '{secret}\u00e9'}}\n",
            f"name: {secret}: {secret}\n",
            f"name: !{secret} x\n",
            f"name: *{secret}\n",
            f"'{secret}",
            f"name: a\nauth: {{type: bearer, token: '${{{secret}:x}}', prefix: !!{secret} x}}\n",
            f"{secret}: 1\n{secret}: 2\n",
        ],
        Format.JSON: [
            json.dumps({"name": secret + " ", secret: 1, "auth": {"type": secret}}),
            f'{{"name": "{secret}" "{secret}"}}',
            f'{{"{secret}": 1, "{secret}": 2}}',
            f"[{secret}]",
        ],
        Format.TOML: [
            f'name = "{secret} "\n{secret} = 1\n[auth]\ntype = "{secret}"\n',
            f"{secret} = 1\n{secret} = 2\n",
            f"name = {secret}\n",
            f"[{secret}]\n[{secret}]\n",
            f"a = {{{secret} = 1, {secret} = 2}}\n",
            f'name = "{secret}\n',
        ],
    }
    for text in texts[form]:
        with pytest.raises(DocumentFault) as refused:
            read(text, format=form)
        canary.scan(str(refused.value) + repr(refused.value.faults), "message")


def test_alias_bombs_deep_nesting_and_large_documents_are_refused() -> None:
    """Anchors are counted as often as they are used."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    bombs = [
        ("\n".join(lines), Format.YAML),
        ("[" * 10_000, Format.YAML),
        ("a: " * 1 + "[" * 40 + "]" * 40, Format.YAML),
        ("[" * 100_000 + "]" * 100_000, Format.JSON),
        ("[" * 40 + "]" * 40, Format.JSON),
        ("a = " + "[" * 100_000 + "]" * 100_000, Format.TOML),
        ("a = " + "[" * 40 + "]" * 40, Format.TOML),
        ("#" * (4 * 1024 * 1024 + 1), Format.YAML),
        ("[" + "1," * 250_000 + "1]", Format.JSON),
    ]
    for text, form in bombs:
        with pytest.raises(DocumentFault):
            read(text, format=form)


def test_aliases_in_moderation_are_read() -> None:
    text = """\
- name: a
  auth: &shared {type: bearer, token: "${env:T}"}
- name: b
  auth: *shared
"""
    first, second = read(text, format=Format.YAML)
    assert first.auth == second.auth


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!str", "!x"])
def test_a_tag_is_refused_and_builds_nothing(tag: str) -> None:
    with pytest.raises(DocumentFault, match="tag"):
        read(f"name: {tag} a\nauth: {{type: bearer, token: x}}\n", format=Format.YAML)


def test_a_merge_key_is_refused_by_name() -> None:
    with pytest.raises(DocumentFault, match="merge key"):
        read("name: a\nauth: {type: bearer, token: x, <<: {prefix: y}}\n", format=Format.YAML)


def test_plain_yaml_words_are_text_and_numbers_are_refused_with_a_hint() -> None:
    """YAML 1.2: `no` is a word; a number would lose its zeros, so it must be quoted."""
    (record,) = read("name: no\nauth: {type: bearer, token: x, prefix: on}\n", format=Format.YAML)
    assert record.name == "no"
    for number in ("0123", "1e5", "0o17", "12345678901234567890"):
        with pytest.raises(DocumentFault, match="Put it in quotes"):
            read(f"name: {number}\nauth: {{type: bearer, token: x}}\n", format=Format.YAML)


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (5, [""]),
        ({"records": {}}, ["records"]),
        ({"records": [5]}, ["records[0]"]),
        ({"records": [], "extra": 1}, ["extra"]),
        ({"name": "a"}, ["auth"]),
        ({"name": "a", "auth": []}, ["auth"]),
        ({"auth": {"type": "basic"}}, ["name", "auth.type"]),
        ({"name": None, "auth": {}}, ["name", "auth.type"]),
        ({"name": "a", "auth": {"type": "oauth2"}}, ["auth.grant", "auth.credentials.client_id"]),
        ({"name": "a", "tags": "x", "auth": {"type": "bearer", "token": 5}}, ["tags", "auth.token"]),
    ],
)
def test_a_wrong_shape_is_refused_at_its_path(data: object, paths: list[str]) -> None:
    assert examples.paths_of(data) == paths


def test_a_file_is_read_by_its_suffix_and_named_in_faults(tmp_path: Path) -> None:
    for suffix, text in ((".yaml", YAML), (".yml", YAML), (".json", JSON), (".toml", TOML)):
        path = tmp_path / f"records{suffix}"
        path.write_text(text, encoding="utf-8")
        assert len(read_file(path)) == 2
    with pytest.raises(RecordFault, match=r"\.yaml"):
        read_file(tmp_path / "records.txt")
    path = tmp_path / "records.toml"
    path.write_bytes(b"name = 'a'\n# \xff\n")
    with pytest.raises(DocumentFault, match=r"records\.toml(.|\n)*line 2: is not UTF-8"):
        read_file(path)


def test_a_document_with_very_many_faults_is_refused_all_the_same() -> None:
    with pytest.raises(DocumentFault) as refused:
        records_from([{} for _ in range(500)])
    assert len(refused.value.faults) == 100
