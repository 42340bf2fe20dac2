"""Editing one record leaves the rest of a person's document as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from authrecord.core.errors import DocumentFault, RecordFault
from authrecord.core.secret import Reference, Secret
from authrecord.documents import Format, read, records_from, remove, upsert, write
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary
from tests.documents import strategies

YAML = """\
# top
records:
  # about a
  - name: a   # the name
    auth:
      type: bearer  # static
      token: ${env:A}
      prefix: "Token"   # odd server

  # about b
  - name: b
    auth: {type: api_key, key: X-Key, value: "${env:B}"}   # flow
# end
"""
TOML = """\
# top
[[records]]
name = "a" # the name

[records.auth] # about
type = "bearer"
token = "${env:A}"
prefix = 'Token' # odd server

# about b
[[records]]
name = "b"
auth = { type = "api_key", key = "X-Key", value = "${env:B}" } # flow
"""
JSON = """\
{
    "records": [
        {
            "name": "a",
            "auth": {
                "type": "bearer",
                "token": "${env:A}",
                "prefix": "Token"
            }
        },
        {
            "name": "b",
            "auth": {
                "type": "api_key",
                "key": "X-Key",
                "value": "${env:B}"
            }
        }
    ]
}
"""
TEXTS = {Format.YAML: YAML, Format.TOML: TOML, Format.JSON: JSON}
A = Record(name="a", auth=Bearer(token=Reference("env", "A"), prefix="Token"))
B = Record(name="b", auth=ApiKey(key="X-Key", value=Reference("env", "B")))
C = Record(name="c", auth=Bearer(token=Reference("env", "C")), description="x: y # z")


@pytest.mark.parametrize(("form", "quote"), [(Format.YAML, ""), (Format.TOML, '"'), (Format.JSON, '"')])
def test_a_changed_value_is_the_only_change_in_the_text(form: Format, quote: str) -> None:
    text = TEXTS[form]
    old = {Format.YAML: '"Token"', Format.TOML: "'Token'", Format.JSON: '"Token"'}[form]
    changed = upsert(
        text, format=form, record=replace(A, auth=Bearer(token=Reference("env", "A"), prefix="JWT"))
    )
    if form is Format.TOML:
        assert changed.text == text.replace(old + " # odd", '"JWT" # odd')
    else:
        assert changed.text == text.replace(old, f"{quote}JWT{quote}")


@pytest.mark.parametrize("form", list(Format))
def test_the_same_record_again_changes_nothing(form: Format) -> None:
    text = TEXTS[form]
    assert upsert(text, format=form, record=B).text == text
    assert upsert(text, format=form, record=A).text == text


@pytest.mark.parametrize("form", list(Format))
def test_a_new_record_is_added_and_every_line_before_stays(form: Format) -> None:
    text = TEXTS[form]
    after = upsert(text, format=form, record=C).text
    assert read(after, format=form) == (A, B, C)
    if form is not Format.JSON:
        assert all(line in after.splitlines() for line in text.splitlines())


def test_a_record_is_removed_and_the_comments_of_others_stay() -> None:
    assert remove(YAML, format=Format.YAML, name="a") == (
        "# top\nrecords:\n  # about a\n\n  # about b\n" + YAML[YAML.index("  - name: b") :]
    )
    assert remove(YAML, format=Format.YAML, name="b") == YAML[: YAML.index("  - name: b")] + "# end\n"
    without = remove(TOML, format=Format.TOML, name="b")
    assert without.startswith(TOML[: TOML.index("# about b")])


@pytest.mark.parametrize("form", list(Format))
def test_all_records_can_be_removed_and_one_added_again(form: Format) -> None:
    text = remove(remove(TEXTS[form], format=form, name="a"), format=form, name="b")
    assert read(text, format=form) == ()
    assert read(upsert(text, format=form, record=A).text, format=form) == (A,)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", Format.YAML),
        ("# mine\n", Format.YAML),
        ("records: []\n", Format.YAML),
        ("records: [] # none\nEND".removesuffix("END"), Format.YAML),
        ("[]", Format.YAML),
        ("", Format.JSON),
        ("[]\n", Format.JSON),
        ('{"records": []}', Format.JSON),
        ("", Format.TOML),
        ("# mine\n", Format.TOML),
        ("records = []\n", Format.TOML),
        ("\ufeff# mine\r\nrecords: []\r\n", Format.YAML),
        ("- name: z\n  auth: {type: bearer, token: x}", Format.YAML),
        ("records: [{name: z, auth: {type: bearer, token: x}}]", Format.YAML),
        (
            "records:\n- name: z\n  description: |\n    a\n\n    b\n  auth: {type: bearer, token: x}\n\n\n# e",
            Format.YAML,
        ),
    ],
)
def test_a_record_is_added_to_every_form_of_document(text: str, form: Format) -> None:
    after = upsert(text, format=form, record=C).text
    assert read(after, format=form)[-1] == C
    for kept in ("# mine", "# none", "# e", "\ufeff", "\r\n"):
        assert (kept in after) == (kept in text)
    assert read(remove(after, format=form, name="c"), format=form) == (
        read(text, format=form) if "z" in text else ()
    )


@pytest.mark.parametrize("form", list(Format))
def test_a_literal_that_stands_in_the_document_stays_and_a_new_one_is_left_out(
    form: Format, canary: Canary
) -> None:
    old, new = canary("old"), canary("new")
    text = write([Record(name="a", auth=Bearer(token=Secret(old)))], format=form, reveal=True).text
    kept = upsert(text, format=form, record=Record(name="a", auth=Bearer(token=Secret(old), prefix="JWT")))
    assert (old in kept.text, kept.left_out) == (True, ())
    changed = upsert(text, format=form, record=Record(name="a", auth=Bearer(token=Secret(new))))
    canary.scan(changed.text, "document")
    assert [left.path for left in changed.left_out] == ["auth.token"]
    shown = upsert(text, format=form, record=Record(name="a", auth=Bearer(token=Secret(new))), reveal=True)
    assert (new in shown.text, old in shown.text) == (True, False)


@pytest.mark.parametrize("form", list(Format))
@given(first=strategies.documents, second=strategies.records)
@hypothesis_settings(max_examples=40)
def test_any_record_can_take_the_place_of_any_other(
    form: Format, first: list[dict[str, Any]], second: dict[str, Any]
) -> None:
    before = records_from(first)
    text = write(before, format=form, reveal=True).text
    for index in range(len(before) + 1):
        name = before[index].name if index < len(before) else "new"
        (record,) = records_from({**second, "name": name})
        after = upsert(text, format=form, record=record, reveal=True).text
        expected = [record if one.name == name else one for one in before]
        assert list(read(after, format=form)) == (expected if index < len(before) else [*before, record])
        without = tuple(one for one in before if one.name != name)
        assert read(remove(after, format=form, name=name), format=form) == without


def test_what_cannot_be_changed_without_loss_is_refused_and_nothing_is_guessed() -> None:
    shared = "- name: a\n  auth: &s {type: bearer, token: x}\n- name: b\n  auth: *s\n"
    with pytest.raises(RecordFault, match="without loss"):
        remove(shared, format=Format.YAML, name="a")
    single = "name: a\nauth: {type: bearer, token: x}\n"
    with pytest.raises(RecordFault, match="without loss"):
        upsert(single, format=Format.YAML, record=C)
    assert read(remove(single, format=Format.YAML, name="a"), format=Format.YAML) == ()
    with pytest.raises(RecordFault, match="no record of that name"):
        remove(YAML, format=Format.YAML, name="z")
    with pytest.raises(DocumentFault):
        upsert("records: [", format=Format.YAML, record=C)
    with pytest.raises(DocumentFault):
        upsert(YAML, format=Format.YAML, record=replace(C, name="no name"))
