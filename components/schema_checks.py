"""What a document has to look like, put together from small checks that name every fault with its place."""

import re
from collections.abc import Callable, Iterator, Mapping

Check = Callable[[object, str], Iterator[str]]
"""Yields one line a fault of a value; the second argument says where in the document the value is."""

_SHOWN = 60


def text(pattern: str = r"(?s).+", expected: str = "text") -> Check:
    """Check for text that a regular expression matches as a whole."""
    compiled = re.compile(pattern)

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield _fault(value, place, expected)

    return check


def number(value: object, place: str) -> Iterator[str]:
    """Check for a whole number, not below 0."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < 0:  # type: ignore[operator]
        yield _fault(value, place, "a whole number, at least 0")


def exactly(wanted: int) -> Check:
    """Check for one number."""

    def check(value: object, place: str) -> Iterator[str]:
        if isinstance(value, bool) or value != wanted:
            yield _fault(value, place, str(wanted))

    return check


def items(one: Check, least: int = 0) -> Check:
    """Check for a list, each item by `one`, `least` of them or more."""

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) < least:
            yield _fault(value, place, "a list" + (f" of at least {least}" if least else ""))
            return
        for index, each in enumerate(value):
            yield from one(each, f"{place}[{index}]")

    return check


def fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Check for an object with these keys; others are no fault."""
    known = {**required, **(optional or {})}

    def check(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _fault(value, place, "an object")
            return
        for key, one in known.items():
            at = f"{place}.{key}".lstrip(".")
            if key in value:
                yield from one(value[key], at)
            elif key in required:
                yield f"{at} is missing"

    return check


def _fault(value: object, place: str, expected: str) -> str:
    shown = repr(value)
    cut = f"{shown[:_SHOWN]}..." if len(shown) > _SHOWN else shown
    return f"{place or 'it'} is {cut}; expected {expected}"
