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

from acr_transfer.model.credentials import without_credentials
from policy.framework import waived, waivers
from policy.framework.evaluate import findings
from policy.framework.resources import Finding, one, whole
from policy.framework.rule import ResourceRule, Rule, StackRule
from policy.framework.waivers import Waiver, waiver_of
from policy.rules.catalogue import ALL


def policies() -> list[Policy]:
    """Return all rules as policies, and after them those that show what was waived."""
    return [*map(served, ALL), *waived.policies()]


def served(rule: Rule) -> Policy:
    """Return a rule as a policy."""
    settings = {each.name: each.schema for each in rule.settings}
    about: dict[str, Any] = {
        "name": rule.name,
        "description": rule.why,
        "enforcement_level": rule.level,
        "config_schema": PolicyConfigSchema({**settings, "waivers": dict(waivers.SCHEMA)}),
        "severity": rule.severity,
        "framework": rule.control.framework,
        "tags": ["acr-transfer", rule.chapter],
        "remediation_steps": rule.fix,
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


def _stack(rule: StackRule, args: StackValidationArgs, report: ReportViolation) -> None:
    found = findings(rule.name, lambda: rule.check(whole(args, rule.settings)))
    _report(rule, found, args.get_config(), report)


def _resource(rule: ResourceRule, args: ResourceValidationArgs, report: ReportViolation) -> None:
    _report(rule, _found(rule, args), args.get_config(), report)


def _found(rule: ResourceRule, args: ResourceValidationArgs) -> list[Finding]:
    if not rule.concerns(args.resource_type):
        return []
    return findings(rule.name, lambda: rule.check(one(args, rule.settings)))


def _report(rule: Rule, found: list[Finding], config: Mapping[str, Any], report: ReportViolation) -> None:
    granted = Waiver.read(config)
    for finding in found:
        waiver = waiver_of(finding, granted)
        if waiver and not waiver.ended:
            waived.remember(rule, finding, waiver)
        else:
            report(message(rule, finding, waiver), finding.urn or None)


def message(rule: Rule, finding: Finding, ended: Waiver | None = None) -> str:
    """Return what the engine shows below the rule's description: what is wrong, what to do, where to read."""
    lines = [finding.what, f"Fix: {rule.fix}", f"See: {rule.url}"]
    if ended:
        lines.insert(1, f"Its waiver ended with {ended.until} ({ended.reason}).")
    return without_credentials("\n".join(lines))


def _remedied(rule: ResourceRule, args: ResourceValidationArgs) -> Mapping[str, Any] | None:
    """Set the remedy's values in place: a copy of the properties would no longer say which are secret."""
    granted = Waiver.read(args.get_config())
    open_waivers = [each for each in granted if not each.ended]
    if not [each for each in _found(rule, args) if not waiver_of(each, open_waivers)]:
        return None
    for name, value in (rule.remedy or {}).items():
        args.props[name] = value  # type: ignore[index]
    return args.props
