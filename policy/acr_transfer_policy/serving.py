"""The rules as the policies that the engine knows."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from .catalogue import ALL
from .guard import findings
from .rule import ResourceRule, Rule, StackRule
from .subject import Finding, one, whole


def policies() -> list[Policy]:
    """Return all rules as policies, in the order of the catalogue."""
    return [served(rule) for rule in ALL]


def served(rule: Rule) -> Policy:
    """Return a rule as a policy."""
    about: dict[str, Any] = {
        "name": rule.name,
        "description": rule.why,
        "enforcement_level": rule.level,
        "config_schema": PolicyConfigSchema({each.name: each.schema for each in rule.settings}),
        "severity": rule.severity,
        "framework": rule.control.framework,
        "tags": ["acr-transfer", rule.chapter],
        "remediation_steps": rule.mend,
        "url": rule.url,
    }
    if isinstance(rule, StackRule):
        return StackValidationPolicy(**about, validate=lambda args, report: _stack(rule, args, report))
    assert isinstance(rule, ResourceRule)
    return ResourceValidationPolicy(
        **about,
        validate=lambda args, report: _resource(rule, args, report),
        remediate=(lambda args: _remedied(rule, args)) if rule.remedy else None,  # type: ignore[arg-type, return-value]
    )


def message(rule: Rule, finding: Finding) -> str:
    """Return what the engine shows below the rule's description."""
    return f"{finding.what}\nMend: {rule.mend}\nSee: {rule.url}"


def _stack(rule: StackRule, args: StackValidationArgs, report: ReportViolation) -> None:
    for finding in findings(rule.name, lambda: rule.check(whole(args, rule.settings))):
        report(message(rule, finding), finding.urn or None)


def _resource(rule: ResourceRule, args: ResourceValidationArgs, report: ReportViolation) -> None:
    for finding in _found(rule, args):
        report(message(rule, finding), None)


def _found(rule: ResourceRule, args: ResourceValidationArgs) -> list[Finding]:
    if not rule.concerns(args.resource_type):
        return []
    return findings(rule.name, lambda: rule.check(one(args, rule.settings)))


def _remedied(rule: ResourceRule, args: ResourceValidationArgs) -> Mapping[str, Any] | None:
    """Set the remedy's values in place: a copy of the properties would no longer say which are secret."""
    if not _found(rule, args):
        return None
    for name, value in (rule.remedy or {}).items():
        args.props[name] = value  # type: ignore[index]
    return args.props
