"""The one parser of JSON from outside: in linear time, and without anything that readers take differently.

It refuses deep nesting, repeated keys, halves of characters, and numbers beyond 64 bits
(https://www.rfc-editor.org/rfc/rfc8259#section-6).
"""

import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NoReturn

from acr_transfer.model.credentials import quoted
from acr_transfer.model.references import repeated

DEPTH = 64
"""The deepest nesting. The documents of this product have 7 levels."""

VALUES = 1_000_000
"""The most values in one text; each takes memory beyond its characters."""

_STRING = re.compile(rb'"[^"]*"')
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"[]{},'))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1, ord(","): 0}
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS = 19
"""Digits of the largest number of 64 bits."""


class JsonError(ValueError):
    """A text cannot be used as JSON; the message is a sentence without its subject."""


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Raises `JsonError`."""
    _check_structure(text)
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_number,
            object_pairs_hook=_without_repetition,
        )
    except ValueError as error:
        raise JsonError(f"is not valid JSON: {error}") from None
    if _HALF.search(text):
        _refuse_halves(value)
    return value


def _check_structure(text: str) -> None:
    """Count brackets and commas outside strings before a parser follows them."""
    without_escaped_quotes = text.encode(errors="replace").replace(rb"\\", b"").replace(rb"\"", b"")
    structure = without_escaped_quotes.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    structure = _STRING.sub(b"", structure).replace(b'"', b"")
    if len(structure) > VALUES:
        raise JsonError(f"holds too much: more than {VALUES:,} brackets and commas")
    if max(accumulate(map(_STEPS.__getitem__, structure)), default=0) > DEPTH:
        raise JsonError(f"is nested too deeply: more than {DEPTH} levels")


def _refuse_halves(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError(r"contains half of a character, such as \ud800") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS:
        raise ValueError(f"a number has {len(text):,} digits; expected at most {_DIGITS}")
    return int(text)


def _number(text: str) -> float:
    found = float(text)
    if abs(found) == float("inf"):
        raise ValueError(f"the number {text[:20]} is too large")
    return found


def _without_repetition(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object; a repeated key is refused, since readers differ in which value they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(
            f"the key {quoted(repeated(key for key, _ in pairs)[0])} appears twice in one object"
        )
    return found
