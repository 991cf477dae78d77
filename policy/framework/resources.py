"""What a rule looks at: one resource, or all resources of a stack and how they depend on each other."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, StackValidationArgs

from policy.framework.properties import Value, peek, plain, text
from policy.framework.resource_types import Kind
from policy.framework.settings import Setting, Settings


def _now() -> datetime:
    return datetime.now(UTC)


_NAME = re.compile(r"[\w.() -]+")


@dataclass(frozen=True, order=True)
class Finding:
    """One violation: what is wrong with which resource. It holds no secret."""

    name: str
    urn: str
    what: str


@dataclass(frozen=True)
class Subject:
    """A resource: its inputs where one resource is validated, its outputs where a stack is."""

    type: str
    name: str
    urn: str
    sent: Mapping[str, Any]
    """The properties as the engine sends them, some of them unknown."""

    protect: bool = False
    settings: Settings = field(default_factory=Settings)
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The URNs of the resources that a property's value comes from, known in a preview as well."""

    is_component: bool = False
    """Whether a program has put it together; said in stacks alone."""

    now: datetime = field(default_factory=_now)

    @cached_property
    def properties(self) -> Mapping[str, Value]:
        """A copy of all properties, to search."""
        copied: Mapping[str, Value] = plain(self.sent)
        return copied

    def peek(self, path: str) -> Value:
        """Return a property's value, such as that of `sku.name`, or `MISSING`, or `UNKNOWN`."""
        return peek(self.sent, path)

    def fault(self, what: str) -> Finding:
        """Say what is wrong with this resource, without any secret."""
        return Finding(self.name, self.urn, what)

    def called(self, *paths: str) -> str:
        """Return the name in Azure, from the first of these properties that is known, or else in Pulumi.

        What cannot be a name, such as a URL with a password, is not repeated.
        """
        found = (text(self.peek(path)) for path in paths)
        return next((name for name in found if _NAME.fullmatch(name)), self.name)


@dataclass(frozen=True)
class Stack:
    """All resources of a stack."""

    resources: tuple[Subject, ...]
    settings: Settings = field(default_factory=Settings)
    now: datetime = field(default_factory=_now)

    def of(self, *kinds: Kind) -> list[Subject]:
        """Return the resources of these types."""
        return [each for each in self.resources if any(kind.matches(each.type) for kind in kinds)]

    def behind(self, subject: Subject, key: str, *kinds: Kind) -> list[Subject]:
        """Return the resources of these types that the property's value comes from."""
        urns = subject.uses.get(key, ())
        return [each for each in self.of(*kinds) if each.urn in urns]

    def linked(self, subject: Subject, key: str, kind: Kind) -> list[Subject]:
        """Return the resources that a property such as `registryName` means: by dependency, name or ID."""
        found = self.behind(subject, key, kind)
        name = subject.peek(key)
        return found or [each for each in self.of(kind) if _is_called(each, name) or _holds(each, subject)]


def _holds(parent: Subject, child: Subject) -> bool:
    """Whether an ID says that one resource is part of the other."""
    id = text(parent.peek("id")).lower()
    return bool(id) and text(child.peek("id")).lower().startswith(f"{id}/")


def _is_called(subject: Subject, name: Value) -> bool:
    return bool(text(name)) and text(subject.peek("name")).lower() == text(name).lower()


def one(args: ResourceValidationArgs, settings: Sequence[Setting]) -> Subject:
    """Return the resource that the engine wants validated."""
    return Subject(
        args.resource_type,
        args.name,
        args.urn,
        args.props,
        args.opts.protect,
        Settings(settings, args.get_config()),
    )


def whole(args: StackValidationArgs, settings: Sequence[Setting]) -> Stack:
    """Return the stack that the engine wants validated; sorted, so that messages stay the same."""
    configured = Settings(settings, args.get_config())
    resources = sorted(args.resources, key=lambda each: each.urn)
    return Stack(tuple(_of_stack(each, configured) for each in resources), configured)


def _of_stack(resource: PolicyResource, settings: Settings) -> Subject:
    uses = {key: _urns(behind) for key, behind in resource.property_dependencies.items()}
    # No provider makes it, and it is none of the engine's own resources either.
    is_component = resource.provider is None and not resource.resource_type.startswith("pulumi:")
    return Subject(
        resource.resource_type,
        resource.name,
        resource.urn,
        resource.props,
        resource.opts.protect,
        settings,
        uses,
        is_component=is_component,
    )


def _urns(resources: Iterable[PolicyResource]) -> tuple[str, ...]:
    return tuple(each.urn for each in resources)
