"""A secret does not print, serialise, hash or copy itself; a reference prints itself."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
import traceback
from dataclasses import dataclass

import pytest

from authrecord.core.secret import MASK, Reference, Secret, parse_source
from tests.canary_watch import Canary


@dataclass(frozen=True)
class Holder:
    secret: Secret


def test_P2_every_way_of_printing_a_secret_shows_the_mask(canary: Canary) -> None:
    value = canary("secret")
    secret = Secret(value)
    printed = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret!r}",
        pprint.pformat(secret),
    ]
    printed += [repr(Holder(secret)), repr(dataclasses.asdict(Holder(secret))), format(secret, ">20")]
    for text in printed:
        assert value not in text
        assert MASK in text
    with pytest.raises(TypeError):
        vars(secret)
    assert not any(value in repr(getattr(secret, name, None)) for name in dir(secret))


def test_P2_a_deep_copy_of_a_secret_is_the_secret_itself(canary: Canary) -> None:
    secret = Secret(canary("secret"))
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret


def test_P3_a_secret_does_not_serialise(canary: Canary) -> None:
    secret = Secret(canary("secret"))
    for serialise in (
        json.dumps,
        pickle.dumps,
        lambda one: one.__reduce_ex__(2),
        lambda one: one.__getstate__(),
    ):
        with pytest.raises(TypeError):
            serialise(secret)


def test_P5_a_traceback_with_locals_masks_a_secret(canary: Canary) -> None:
    value = canary("secret")

    def fails(secret: Secret) -> None:
        raise ValueError("something else is wrong")

    try:
        fails(Secret(value))
    except ValueError as error:
        text = "".join(
            line
            for frame in traceback.TracebackException.from_exception(error, capture_locals=True).stack[1:]
            for line in (frame.locals or {}).values()
        )
        assert MASK in text
        assert value not in text


def test_secrets_are_equal_by_value_and_cannot_be_dictionary_keys(canary: Canary) -> None:
    value = canary("secret")
    assert Secret(value) == Secret(value)
    assert Secret(value) != Secret(value + "x")
    assert Secret(value) != value
    assert Secret(value).reveal() == value
    assert not Secret("")
    with pytest.raises(TypeError):
        hash(Secret(value))
    with pytest.raises(AttributeError):
        Secret(value).anything = 1
    with pytest.raises(TypeError):
        Secret(b"bytes")  # type: ignore[arg-type]  # that it is refused is the point


@pytest.mark.parametrize(
    ("text", "kind", "argument"),
    [
        ("${env:ORDERS_SECRET}", "env", "ORDERS_SECRET"),
        ("${file:/run/secrets/orders}", "file", "/run/secrets/orders"),
        ("${keyring:orders/client}", "keyring", "orders/client"),
        ("${command:pass show orders}", "command", "pass show orders"),
    ],
)
def test_a_reference_is_read_and_written_as_it_stands(text: str, kind: str, argument: str) -> None:
    assert parse_source(text) == Reference(kind, argument)
    assert str(parse_source(text)) == text


@pytest.mark.parametrize("text", ["${enw:NAME}", "${env:}", "${env: }", "${NAME}", "${}"])
def test_a_mistyped_reference_is_refused_and_not_sent_as_a_secret(text: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        parse_source(text)


def test_D6_what_is_no_reference_stays_literal(canary: Canary) -> None:
    for text in ("{{7*7}}", "$HOME", "${", "__class__", "{0}", "%(x)s", "a${env:X}"):
        source = parse_source(text)
        assert isinstance(source, Secret)
        assert source.reveal() == text
