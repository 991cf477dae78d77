"""A rule as data: its check and everything that a reviewer needs to know about it.

A rule decorates its check: `@ResourceRule(name=..., types=..., level=..., ...)`. The check's docstring is the
reason for the rule, in a sentence that is true of every violation.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.controls import Control
from policy.framework.resource_types import TypePattern
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.settings import RuleSetting

ResourceCheck = Callable[[ResourceView], Iterator[Violation]]
StackCheck = Callable[[StackView], Iterator[Violation]]


def _no_check(_: object) -> Iterator[Violation]:
    return iter(())


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """The common part of resource rules and stack rules."""

    name: str
    level: EnforcementLevel
    """Mandatory: the transfer would fail, or a secret or data would leak. Advisory: hardening or cost."""

    severity: Severity
    control: Control
    fix: str
    """What to change, as an imperative sentence."""

    url: str
    """The source of the rule."""

    settings: tuple[RuleSetting, ...] = ()
    """The settings besides level and waivers."""

    why: str = ""
    """The reason for the rule."""

    chapter: str = ""
    """The subject: `storage` for the modules `storage` and `storage_stack`."""

    def _of(self, check: Callable[..., object]) -> Self:
        why = " ".join((inspect.getdoc(check) or "").split())
        return replace(self, why=why, chapter=check.__module__.rpartition(".")[2].partition("_")[0])


@dataclass(frozen=True, kw_only=True)
class ResourceRule(PolicyRule):
    """A rule about the inputs of one resource; it can read secrets."""

    types: tuple[TypePattern, ...]
    check: ResourceCheck = _no_check
    remedy: Mapping[str, bool | str] | None = None
    """Properties and the values that correct them; set only if the configuration says `remediate`."""

    def __call__(self, check: ResourceCheck) -> Self:
        """Return the rule with its check."""
        return replace(self._of(check), check=check)

    def applies_to(self, resource_type: str) -> bool:
        """Whether the rule checks resources of this type."""
        return any(type.matches(resource_type) for type in self.types)


@dataclass(frozen=True, kw_only=True)
class StackRule(PolicyRule):
    """A rule about the outputs of all resources; it must not read the values of secrets."""

    check: StackCheck = _no_check

    def __call__(self, check: StackCheck) -> Self:
        """Return the rule with its check."""
        return replace(self._of(check), check=check)
