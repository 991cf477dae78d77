"""Strategies for unusual requests, from the sandbox's resource types and their schemas."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from sandbox.arm.resource_type import ResourceType

NAMES = st.sampled_from(
    ["", "a", "default", "DEFAULT", "x" * 300, "a b", "...", "%", "a_b", "ä", "\U0001f5dd", "'", "add", "\\"]
)
"""Unusual and reserved names of resources."""

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=5,
)


@st.composite
def bodies(draw: st.DrawFn, shape: dict[str, Any], *, strange: int = 8) -> Any:
    """A body that matches a schema, except for about one value in `strange`, which is arbitrary."""
    if draw(st.integers(0, strange)) == 0:
        return draw(ANYTHING)
    if words := shape.get("enum") or shape.get("known"):
        return draw(st.sampled_from([*words, words[0].upper(), "other"]))
    kinds = {"string": st.text(), "boolean": st.booleans(), "integer": st.integers()}
    if shape.get("type") in kinds:
        return draw(kinds[shape["type"]])
    if shape.get("type") == "array":
        return draw(st.lists(bodies(shape["items"], strange=strange), max_size=2))
    if shape.get("type") == "object":
        return _object(draw, shape, strange)
    return draw(ANYTHING)


def _object(draw: st.DrawFn, shape: dict[str, Any], strange: int) -> dict[str, Any]:
    fields = shape.get("properties", {})
    wanted = [
        name for name in fields if name in shape.get("required", ()) or draw(st.booleans())
    ]  # now and then one that is required is anything, or null
    made = {name: draw(bodies(fields[name], strange=strange)) for name in wanted}
    if others := shape.get("additionalProperties"):
        made |= draw(st.dictionaries(st.text(), bodies(others, strange=strange), max_size=2))
    return made


def versions(kind: ResourceType) -> st.SearchStrategy[str]:
    """A version, usually one that the type supports."""
    known = st.sampled_from(sorted(kind.versions))
    return st.one_of(known, known, known, st.sampled_from(["", "1999-01-01", "latest", "2023-01-01'"]))


def names(kind: ResourceType, there: str) -> st.SearchStrategy[str]:
    """An existing or an unusual name; never a valid new one, which could start a server."""
    strange = st.one_of(NAMES, st.text(max_size=12).filter(lambda name: not re.fullmatch(kind.pattern, name)))
    return st.one_of(st.just(there), strange) if there else strange
