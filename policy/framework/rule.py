"""A rule as data: its check and everything that a reviewer needs to know about it.

A rule decorates its check: `@ResourceRule(types=..., severity=..., ...)`. The check has the rule's name, with
underscores for hyphens. Its docstring is the reason for the rule, in a sentence that is true of every
violation.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Self

from pulumi_policy import EnforcementLevel, PolicyComplianceFramework, Severity

from policy.framework.resource_types import TypePattern
from policy.framework.resources import Violation

Check = Callable[..., Iterator[Violation]]
"""Finds the violations of one rule in a `ResourceView` or a `StackView`."""

_DOCS = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer"
PREREQUISITES = f"{_DOCS}-prerequisites"
TRANSFER = f"{_DOCS}-images"
TROUBLESHOOTING = f"{_DOCS}-troubleshooting"


class Control(Enum):
    """A control of the Microsoft cloud security benchmark, by its reference and title.

    https://learn.microsoft.com/security/benchmark/azure/overview
    """

    NETWORK = ("NS-2", "Secure cloud services with network controls")
    CENTRAL_IDENTITY = ("IM-1", "Use centralized identity and authentication system")
    APPLICATION_IDENTITY = ("IM-3", "Manage application identities securely and automatically")
    NO_EXPOSED_SECRET = ("IM-8", "Restrict the exposure of credential and secrets")
    LEAST_PRIVILEGE = ("PA-7", "Follow just enough administration (least privilege) principle")
    IN_TRANSIT = ("DP-3", "Encrypt sensitive data in transit")
    KEY_LIFE = ("DP-6", "Use a secure key management process")
    KEY_REPOSITORY = ("DP-8", "Ensure security of key and certificate repository")
    ASSET_LIFE = ("AM-3", "Ensure security of asset lifecycle management")
    LOGGING = ("LT-3", "Enable logging for security investigation")
    BACKUP = ("BR-2", "Protect backup and recovery data")
    CONFIGURATION = ("PV-1", "Define and establish secure configurations")
    SUPPLY_CHAIN = ("DS-2", "Ensure software supply chain security")

    @property
    def framework(self) -> PolicyComplianceFramework:
        """The control in the form that the engine shows."""
        reference, title = self.value
        return PolicyComplianceFramework("Microsoft cloud security benchmark", "1.0", reference, title)


_SCHEMAS: Mapping[type, Mapping[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": 0},
    str: {"type": "string"},
    list: {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True)
class RuleSetting:
    """One setting of a rule."""

    name: str
    default: bool | int | str | tuple[str, ...]
    """The value without configuration; its type is the setting's type."""
    description: str

    @property
    def schema(self) -> dict[str, Any]:
        """The setting in JSON Schema; the engine checks the configuration with it."""
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        return {**_SCHEMAS[type(default)], "default": default, "description": self.description}


def _no_check(_: object) -> Iterator[Violation]:
    return iter(())


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """The common part of resource rules and stack rules."""

    severity: Severity
    other_level: EnforcementLevel | None = None
    """The level of a rule whose severity implies another one."""

    control: Control
    fix: str
    """What to change, as an imperative sentence."""

    url: str
    """The source of the rule."""

    settings: tuple[RuleSetting, ...] = ()
    """The settings besides level and waivers."""

    check: Check = _no_check
    name: str = ""
    why: str = ""
    """The reason for the rule."""

    chapter: str = ""
    """The subject: `run` for the modules `run` and `run_stack`."""

    @property
    def level(self) -> EnforcementLevel:
        """Mandatory if the transfer would fail, or a secret or data would leak, so that the severity is high.

        Advisory for hardening and cost.
        """
        serious = self.severity in (Severity.CRITICAL, Severity.HIGH)
        return self.other_level or (EnforcementLevel.MANDATORY if serious else EnforcementLevel.ADVISORY)

    def configured(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the settings by their names, from the configuration or else by default."""
        defaults = {each.name: each.default for each in self.settings}
        return defaults | {name: config[name] for name in defaults if config.get(name) is not None}

    def __call__(self, check: Check) -> Self:
        """Return the rule with its check."""
        return replace(
            self,
            check=check,
            name=check.__name__.replace("_", "-"),
            why=" ".join((inspect.getdoc(check) or "").split()),
            chapter=check.__module__.rpartition(".")[2].partition("_")[0],
        )


@dataclass(frozen=True, kw_only=True)
class ResourceRule(PolicyRule):
    """A rule about the inputs of one resource, a `ResourceView`; it can read secrets."""

    types: tuple[TypePattern, ...]
    remedy: Mapping[str, bool | str] | None = None
    """Properties and the values that correct them; set only if the configuration has `remediate`."""

    def applies_to(self, resource_type: str) -> bool:
        """Whether the rule checks resources of this type."""
        return any(type.fullmatch(resource_type) for type in self.types)


@dataclass(frozen=True, kw_only=True)
class StackRule(PolicyRule):
    """A rule about the outputs of all resources, a `StackView`; it must not read the values of secrets."""
