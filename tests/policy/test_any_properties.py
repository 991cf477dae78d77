"""No rule raises and no message holds a secret, whatever the properties are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.framework.rule import PolicyRule
from policy.rules.catalogue import ALL
from tests.policy.cases import CASES
from tests.policy.tables import UNKNOWN, Case, Shape, messages

SIGNATURE = "Q2FuYXJ5IHRoYXQgbXVzdCBub3QgYmUgc2VlbiBhbnl3aGVyZSE%3D"
KEY = "S2V5IHRoYXQgbXVzdCBub3QgYmUgc2VlbiBhbnl3aGVyZSwgbm90IGV2ZW4gaGFsZiBvZiBpdCwgbmV2ZXIhIQ=="
PASSWORD = "correct-horse-battery-staple"
SECRETS = [
    f"?sv=2025-01-05&sp=racwdl&sr=b&se=2020-01-01&sig={SIGNATURE}",
    f"https://a.blob.core.windows.net/c?sig={SIGNATURE}",
    f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY}",
    KEY,
    f"https://me:{PASSWORD}@cargo.example/transfer/more",
    f"https://cargo.example/transfer?password={PASSWORD}",
    f"me:{PASSWORD}@cargo.example/app:1",
    f"app:1?{PASSWORD}",
]

odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([UNKNOWN, "http://[", "//", "\x00", "Deny", "disabled", "all", *SECRETS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(SECRETS), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(props: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All paths in a case's properties, so that odd values replace what a rule reads."""
    inner = props.items() if isinstance(props, dict) else enumerate(props) if isinstance(props, list) else ()
    return [place for key, value in inner for place in [(*before, key), *paths(value, (*before, key))]]


def replaced(props: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    holder = props.copy()
    holder[path[0]] = replaced(props[path[0]], path[1:], value)
    return holder


@st.composite
def spoiled(draw: st.DrawFn, rule: PolicyRule) -> Case:
    """One of the rule's cases with some of its values replaced by odd ones."""
    case = draw(st.sampled_from([each for each in CASES[rule.name] if each.shape is not Shape.OTHER]))
    resources = []
    for resource in case.resources:
        props: Any = dict(resource.props)
        for path in draw(st.lists(st.sampled_from(paths(props)), max_size=2)) if paths(props) else []:
            if path in paths(props):
                props = replaced(props, path, draw(odd))
        resources.append(replace(resource, props=props))
    return replace(case, resources=tuple(resources), expected=())


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: str(rule.name))
@settings(max_examples=15)
@given(data=st.data())
def test_a_rule_raises_nothing_and_shows_no_secret(rule: PolicyRule, data: st.DataObject) -> None:
    shown = "".join(messages(rule, data.draw(spoiled(rule))))
    assert "could not be evaluated" not in shown
    for secret in (SIGNATURE[:20], KEY[:20], PASSWORD):
        assert secret.lower() not in shown.lower()
