"""A rule as data: what it looks at and finds, and all that a reviewer wants to know about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict, Unpack

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.controls import Control
from policy.framework.resource_types import Kind
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.settings import Setting

ResourceCheck = Callable[[Subject], Iterator[Finding]]
StackCheck = Callable[[Stack], Iterator[Finding]]


class About(TypedDict):
    """What is said about a rule, apart from its name."""

    level: EnforcementLevel
    """Mandatory: the transfer would fail, or a secret or data would leak. Advisory: hardening or cost."""

    severity: Severity

    control: Control

    why: str
    """Why there is the rule, in a sentence that is true of every violation."""

    fix: str
    """What to change, in an imperative sentence."""

    url: str
    """The source of what the rule says."""

    settings: NotRequired[tuple[Setting, ...]]
    """What can be configured besides level and waivers."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What resource rules and stack rules have in common; see `About`."""

    name: str
    level: EnforcementLevel
    severity: Severity
    control: Control
    why: str
    fix: str
    url: str
    settings: tuple[Setting, ...] = ()

    @property
    def chapter(self) -> str:
        """What the rule is about: the module that it is written in, up to an underscore."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule about the inputs of one resource, in which secrets can be read."""

    kinds: tuple[Kind, ...]
    check: ResourceCheck
    remedy: Mapping[str, bool | str] | None = None
    """Properties, and the values that end a violation; set only where the configuration says `remediate`."""

    @property
    def chapter(self) -> str:  # noqa: D102
        return _module(self.check)

    def concerns(self, resource_type: str) -> bool:
        """Whether the rule is about resources of this type."""
        return any(kind.matches(resource_type) for kind in self.kinds)


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule about the outputs of all resources, in which no secret's value should be looked for."""

    check: StackCheck

    @property
    def chapter(self) -> str:  # noqa: D102
        return _module(self.check)


def _module(check: Callable[..., object]) -> str:
    """`storage` for the modules `storage` and `storage_in_use`."""
    return check.__module__.rpartition(".")[2].partition("_")[0]


def resource_rule(
    name: str, *kinds: Kind, remedy: Mapping[str, bool | str] | None = None, **about: Unpack[About]
) -> Callable[[ResourceCheck], ResourceRule]:
    """Make a check of one resource a rule with this name, for resources of these types."""
    return lambda check: ResourceRule(name=name, kinds=kinds, check=check, remedy=remedy, **about)


def stack_rule(name: str, **about: Unpack[About]) -> Callable[[StackCheck], StackRule]:
    """Make a check of a whole stack a rule with this name."""
    return lambda check: StackRule(name=name, check=check, **about)
