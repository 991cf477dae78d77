"""The rules as policies of Pulumi's policy SDK."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    proxy,
)
from pulumi_policy.policy import _NotApplicableError

from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.visible_text import visible
from policy.framework import waivers
from policy.framework.resources import Violation, resource_view, stack_view
from policy.framework.rule import PolicyRule, ResourceRule, StackRule
from policy.framework.waivers import Waiver, waiver_of
from policy.rules.catalogue import ALL

_SDK_SIGNALS = (proxy.UnknownValueError, _NotApplicableError)
"""The SDK raises these on purpose, for the engine."""


def policies() -> list[Policy]:
    """Return all rules as policies, followed by those that report waived violations."""
    return [*map(policy_of, ALL), *waivers.waiver_policies()]


def policy_of(rule: PolicyRule) -> Policy:
    """Return a rule as a policy."""
    settings = {each.name: each.schema for each in rule.settings}
    metadata: dict[str, Any] = {
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
        return StackValidationPolicy(**metadata, validate=lambda args, report: _stack(rule, args, report))
    assert isinstance(rule, ResourceRule)
    return ResourceValidationPolicy(
        **metadata,
        validate=lambda args, report: _report(rule, _violations(rule, args), args.get_config(), report),
        remediate=(lambda args: _remediated(rule, args)) if rule.remedy else None,  # type: ignore[arg-type, return-value]
    )


def _stack(rule: StackRule, args: StackValidationArgs, report: ReportViolation) -> None:
    found = evaluate(rule.name, lambda: rule.check(stack_view(args, rule.configured(args.get_config()))))
    _report(rule, found, args.get_config(), report)


def _violations(rule: ResourceRule, args: ResourceValidationArgs) -> list[Violation]:
    if not rule.applies_to(args.resource_type):
        return []
    return evaluate(rule.name, lambda: rule.check(resource_view(args, rule.configured(args.get_config()))))


def evaluate(rule: str, check: Callable[[], Iterator[Violation]]) -> list[Violation]:
    """Return the violations that a check finds, each once and in order.

    An exception ends the check and is reported by its type only, because its text may hold a secret. The
    SDK's own signals go on to the engine, unless the check has found a violation before.
    """
    found = set[Violation]()
    try:
        for violation in check():
            found.add(violation)
    except _SDK_SIGNALS:
        if not found:
            raise
    except Exception as error:
        found.add(Violation("", "", f"policy {rule} could not be evaluated: {type(error).__name__}"))
    return sorted(found)


def _report(
    rule: PolicyRule, found: list[Violation], config: Mapping[str, Any], report: ReportViolation
) -> None:
    granted = Waiver.read(config)
    for violation in found:
        waiver = waiver_of(violation, granted)
        if waiver and not waiver.expired:
            waivers.note(rule, violation, waiver)
        else:
            report(message(rule, violation, waiver), violation.urn or None)


def message(rule: PolicyRule, violation: Violation, expired: Waiver | None = None) -> str:
    """Return the text that the engine shows below the rule's description: fault, fix and source."""
    lines = [violation.what, f"Fix: {rule.fix}", f"See: {rule.url}"]
    if expired:
        lines.insert(1, f"Its waiver expired on {expired.until} ({expired.reason}).")
    return visible(without_credentials("\n".join(lines)))


def _remediated(rule: ResourceRule, args: ResourceValidationArgs) -> Mapping[str, Any] | None:
    """Set the remedy's values in place: a copy of the properties would lose which of them are secret."""
    granted = [each for each in Waiver.read(args.get_config()) if not each.expired]
    if all(waiver_of(each, granted) for each in _violations(rule, args)):
        return None
    for name, value in (rule.remedy or {}).items():
        args.props[name] = value  # type: ignore[index]
    return args.props
