"""Cases of rules as tables; each runs through the rule's policy, with properties wrapped as by the SDK."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from unittest import mock

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policy.framework.pack import policy_of
from policy.framework.rule import PolicyRule

UNKNOWN = UNKNOWN_STRING_VALUE
"""An unknown value in a preview, as the engine sends it."""


class Shape(StrEnum):
    """The kinds of cases that every rule must have."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    OTHER = "other"
    """The fault in a resource of a type that the rule does not check."""


_PROVIDER = PolicyProviderResource("pulumi:providers:azure-native", {}, "urn", "default")


@dataclass(frozen=True)
class Resource:
    """A resource of a case. In a stack, `uses` names the resources that a property's value comes from."""

    type: str
    props: Mapping[str, Any] = field(default_factory=dict)
    name: str = "main"
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protect: bool = False
    component: bool = False

    @property
    def urn(self) -> str:
        return f"urn:pulumi:source::acr-transfer::{self.type}::{self.name}"

    @property
    def options(self) -> PolicyResourceOptions:
        return PolicyResourceOptions(self.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


@dataclass(frozen=True)
class Case:
    """One resource, or the resources of one stack, and a part of each expected message."""

    shape: Shape
    resources: tuple[Resource, ...]
    expected: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    stack_config: Mapping[str, str] = field(default_factory=dict)


def case(
    shape: Shape,
    *resources: Resource,
    finds: Sequence[str] = (),
    stack_config: Mapping[str, str] | None = None,
    **config: Any,
) -> Case:
    """Return a case; further keywords are the rule's configuration."""
    return Case(shape, resources, tuple(finds), config, stack_config or {})


def good(*resources: Resource, **config: Any) -> Case:
    return case(Shape.GOOD, *resources, **config)


def bad(*resources: Resource, finds: Sequence[str], **config: Any) -> Case:
    return case(Shape.BAD, *resources, finds=finds, **config)


def unknown(*resources: Resource, finds: Sequence[str] = (), **config: Any) -> Case:
    return case(Shape.UNKNOWN, *resources, finds=finds, **config)


def absent(*resources: Resource, finds: Sequence[str] = (), **config: Any) -> Case:
    return case(Shape.ABSENT, *resources, finds=finds, **config)


def other(*resources: Resource, **config: Any) -> Case:
    return case(Shape.OTHER, *resources, **config)


Table = dict[str, list[Case]]
"""The cases of rules, by the rule's name."""


def messages(rule: PolicyRule, tried: Case, serve: Callable[[PolicyRule], Policy] = policy_of) -> list[str]:
    """Return the messages of the rule for a case, in their order."""
    found: list[str] = []

    def report(message: str, urn: str | None = None) -> None:
        found.append(message)

    policy = serve(rule)
    # An older engine passes the configuration of the stack to a policy pack in this variable.
    with mock.patch.dict(os.environ, {"PULUMI_CONFIG": json.dumps(tried.stack_config)}):
        if isinstance(policy, ResourceValidationPolicy):
            for resource in tried.resources:
                policy.validate(arguments(resource, tried.config), report)
        else:
            assert isinstance(policy, StackValidationPolicy)
            policy.validate(stack_of(tried), report)
    return found


def arguments(resource: Resource, config: Mapping[str, Any]) -> ResourceValidationArgs:
    props = unknown_checking_proxy(dict(resource.props))
    return ResourceValidationArgs(
        resource.type, props, resource.urn, resource.name, resource.options, None, config
    )


def stack_of(tried: Case) -> StackValidationArgs:
    made = {each.name: _in_stack(each) for each in tried.resources}
    assert len(made) == len(tried.resources), "resources of one case need different names"
    for each in tried.resources:
        for key, names in each.uses.items():
            made[each.name].property_dependencies[key] = [made[name] for name in names]
            made[each.name].dependencies.extend(made[name] for name in names)
    return StackValidationArgs(list(made.values()), tried.config)


def _in_stack(resource: Resource) -> PolicyResource:
    props = unknown_checking_proxy(dict(resource.props))
    provider = None if resource.component else _PROVIDER
    return PolicyResource(
        resource.type, props, resource.urn, resource.name, resource.options, provider, None, [], {}
    )


def fails(rule: PolicyRule, tried: Case, serve: Callable[[PolicyRule], Policy] = policy_of) -> str:
    """Return the difference between the rule's messages and the case; empty if there is none."""
    found = messages(rule, tried, serve)
    left = list(found)
    for part in tried.expected:
        hit = next((each for each in left if part in each), None)
        if hit is None:
            return f"{part!r} is in none of {found}"
        left.remove(hit)
    return f"not expected: {left}" if left else ""
