"""The resources that a rule checks: one, or all of a stack with their dependencies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, StackValidationArgs

from policy.framework.properties import Value, peek, plain, text
from policy.framework.resource_types import NAME_PROPERTIES, TypePattern

_NAME = re.compile(r"[\w.() -]+")
_now = partial(datetime.now, UTC)


@dataclass(frozen=True, order=True)
class Violation:
    """A rule that a resource breaks. It holds no secret."""

    name: str
    urn: str
    what: str
    """The fault of the resource, in a sentence."""


@dataclass(frozen=True)
class ResourceView:
    """A resource: with its inputs for a resource rule, with its outputs for a stack rule."""

    type: str
    name: str
    urn: str
    raw: Mapping[str, Any]
    """The properties as the engine sends them; a preview does not know all of them."""

    protect: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The values of the rule's settings by their names."""

    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each property, the URNs of the resources that its value comes from; a preview knows them too."""

    is_component: bool = False
    """Whether it is a component; only stack rules receive this."""

    now: datetime = field(default_factory=_now)

    @cached_property
    def properties(self) -> Mapping[str, Value]:
        """A copy of all properties, to search."""
        copied: Mapping[str, Value] = plain(self.raw)
        return copied

    def peek(self, path: str) -> Value:
        """Return the value of a property such as `sku.name`, or `MISSING`, or `UNKNOWN`."""
        return peek(self.raw, path)

    def violation(self, what: str) -> Violation:
        """Return a violation of this resource; `what` holds no secret."""
        return Violation(self.name, self.urn, what)

    def __str__(self) -> str:
        """Return the name for messages: the known name in Azure, or else the name in Pulumi.

        A text that cannot be a name, such as a URL with a password, is not repeated.
        """
        inputs = [key for type, key in NAME_PROPERTIES.items() if type.fullmatch(self.type)]
        found = (text(self.peek(key)) for key in (*inputs, "name"))
        return next((name for name in found if _NAME.fullmatch(name)), self.name)


@dataclass(frozen=True)
class StackView:
    """All resources of a stack."""

    resources: tuple[ResourceView, ...]

    def of(self, *types: TypePattern) -> list[ResourceView]:
        """Return the resources of these types."""
        return [each for each in self.resources if any(type.fullmatch(each.type) for type in types)]

    def dependencies(self, resource: ResourceView, key: str, *types: TypePattern) -> list[ResourceView]:
        """Return the resources of these types that a property's value comes from."""
        urns = resource.sources.get(key, ())
        return [each for each in self.of(*types) if each.urn in urns]

    def referenced(self, resource: ResourceView, key: str, type: TypePattern) -> list[ResourceView]:
        """Return the resources that a property such as `registryName` names: by dependency, name or ID."""
        found = self.dependencies(resource, key, type) or self.named(type, text(resource.peek(key)))
        return found or [each for each in self.of(type) if _is_parent(each, resource)]

    def named(self, type: TypePattern, name: str) -> list[ResourceView]:
        """Return the resources of a type with a name in Azure, in any letter case; none if it is empty."""
        return [each for each in self.of(type) if name and text(each.peek("name")).lower() == name.lower()]


def _is_parent(parent: ResourceView, child: ResourceView) -> bool:
    """Whether the IDs of two resources make one a part of the other."""
    id = text(parent.peek("id")).lower()
    return bool(id) and text(child.peek("id")).lower().startswith(f"{id}/")


def resource_view(args: ResourceValidationArgs, settings: Mapping[str, Any]) -> ResourceView:
    """Return the resource that the engine passes to a resource rule."""
    return ResourceView(args.resource_type, args.name, args.urn, args.props, args.opts.protect, settings)


def stack_view(args: StackValidationArgs, settings: Mapping[str, Any]) -> StackView:
    """Return the stack that the engine passes to a stack rule, sorted, so that messages stay the same."""
    resources = sorted(args.resources, key=lambda each: each.urn)
    return StackView(tuple(_resource_of_stack(each, settings) for each in resources))


def _resource_of_stack(resource: PolicyResource, settings: Mapping[str, Any]) -> ResourceView:
    return ResourceView(
        resource.resource_type,
        resource.name,
        resource.urn,
        resource.props,
        resource.opts.protect,
        settings,
        {key: tuple(each.urn for each in found) for key, found in resource.property_dependencies.items()},
        # It has no provider, and is not one of the engine's own resources either.
        is_component=resource.provider is None and not resource.resource_type.startswith("pulumi:"),
    )
