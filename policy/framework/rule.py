"""A rule as data: its check and everything that a reviewer needs to know about it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict, Unpack

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.controls import Control
from policy.framework.resource_types import TypePattern
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.settings import RuleSetting

ResourceCheck = Callable[[ResourceView], Iterator[Violation]]
StackCheck = Callable[[StackView], Iterator[Violation]]


class RuleMetadata(TypedDict):
    """The metadata of a rule. Its check's docstring is the reason for the rule, true of every violation."""

    level: EnforcementLevel
    """Mandatory: the transfer would fail, or a secret or data would leak. Advisory: hardening or cost."""

    severity: Severity

    control: Control

    fix: str
    """What to change, as an imperative sentence."""

    url: str
    """The source of the rule."""

    settings: NotRequired[tuple[RuleSetting, ...]]
    """The settings besides level and waivers."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The common part of resource rules and stack rules; see `RuleMetadata`."""

    name: str
    level: EnforcementLevel
    severity: Severity
    control: Control
    why: str
    fix: str
    url: str
    settings: tuple[RuleSetting, ...] = ()
    chapter: str
    """The subject: `storage` for the modules `storage` and `storage_stack`."""


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule about the inputs of one resource; it can read secrets."""

    types: tuple[TypePattern, ...]
    check: ResourceCheck
    remedy: Mapping[str, bool | str] | None = None
    """Properties and the values that correct them; set only if the configuration says `remediate`."""

    def applies_to(self, resource_type: str) -> bool:
        """Whether the rule checks resources of this type."""
        return any(type.matches(resource_type) for type in self.types)


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule about the outputs of all resources; it must not read the values of secrets."""

    check: StackCheck


def resource_rule(
    name: str,
    *types: TypePattern,
    remedy: Mapping[str, bool | str] | None = None,
    **metadata: Unpack[RuleMetadata],
) -> Callable[[ResourceCheck], ResourceRule]:
    """Declare a check of one resource as a rule for resources of these types."""
    return lambda check: ResourceRule(
        name=name,
        types=types,
        check=check,
        remedy=remedy,
        why=_why(check),
        chapter=_chapter(check),
        **metadata,
    )


def stack_rule(name: str, **metadata: Unpack[RuleMetadata]) -> Callable[[StackCheck], StackRule]:
    """Declare a check of a whole stack as a rule."""
    return lambda check: StackRule(
        name=name, check=check, why=_why(check), chapter=_chapter(check), **metadata
    )


def _why(check: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(check) or "").split())


def _chapter(check: Callable[..., object]) -> str:
    return check.__module__.rpartition(".")[2].partition("_")[0]
