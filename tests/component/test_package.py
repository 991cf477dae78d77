"""The components as a package for programs in other languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider

import components


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(ComponentProvider(components.HOSTED, "acr-transfer").schema or "")
    return loaded


def test_every_exported_component_is_hosted_and_no_other() -> None:
    exported = [getattr(components, name) for name in components.__all__]
    found = [
        each for each in exported if isinstance(each, type) and issubclass(each, pulumi.ComponentResource)
    ]
    assert found == components.HOSTED


def test_every_component_input_and_output_is_described(schema: dict[str, Any]) -> None:
    assert [path for path, described in _described(schema) if not described] == []


def test_each_component_has_the_token_that_it_registers_itself_by(schema: dict[str, Any]) -> None:
    assert set(schema["resources"]) == {f"acr-transfer:index:{each.__name__}" for each in components.HOSTED}


def _described(schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for kind in ("resources", "types"):
        for name, each in schema[kind].items():
            yield name, bool(each.get("description"))
            for group in ("inputProperties", "properties", "enum"):
                yield from _members(f"{name}.{group}", each.get(group, {}))


def _members(path: str, members: Any) -> Iterator[tuple[str, bool]]:
    named = members.items() if isinstance(members, dict) else ((each["name"], each) for each in members)
    for name, each in named:
        yield f"{path}.{name}", bool(each.get("description"))
