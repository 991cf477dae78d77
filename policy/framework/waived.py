"""Shows what rules have let pass: a waiver that nobody sees is a hole.

A policy has one level, so a mandatory rule cannot give a note. Two advisory policies, which come last, do:
the engine asks all policies about a resource, or a stack, one after the other in one thread.
"""

import threading
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)

from acr_transfer.model.credentials import without_credentials
from policy.framework.controls import Control
from policy.framework.resources import Finding
from policy.framework.rule import Rule, StackRule
from policy.framework.waivers import Waiver


class _Notes(threading.local):
    def __init__(self) -> None:
        self.waiting: list[tuple[str, str]] = []


_of_resources, _of_stack = _Notes(), _Notes()


def remember(rule: Rule, finding: Finding, waiver: Waiver) -> None:
    """Keep what a rule has let pass, until the policies of this module are asked in the same thread."""
    text = f"{rule.name}: {finding.what}\nWaived until {waiver.until}: {waiver.reason}"
    notes = _of_stack if isinstance(rule, StackRule) else _of_resources
    notes.waiting.append((without_credentials(text), finding.urn))


def policies() -> list[Policy]:
    """Return the two policies, to be the last of the pack."""
    return [
        ResourceValidationPolicy(
            "waived", validate=lambda args, report: _show(_of_resources, report), **_ABOUT
        ),
        StackValidationPolicy(
            "waived-in-stack", validate=lambda args, report: _show(_of_stack, report), **_ABOUT
        ),
    ]


def _show(notes: _Notes, report: ReportViolation) -> None:
    waiting, notes.waiting = notes.waiting, []
    for text, urn in sorted(set(waiting)):
        report(text, urn or None)


_ABOUT: dict[str, Any] = {
    "description": "A rule lets this resource pass for a while, by the policy configuration.",
    "enforcement_level": EnforcementLevel.ADVISORY,
    "severity": Severity.LOW,
    "framework": Control.CONFIGURATION.framework,
    "tags": ["acr-transfer", "waivers"],
    "remediation_steps": "Mend what the rule has found, then remove its waiver from the configuration.",
    "url": "https://www.pulumi.com/docs/insights/policy/",
}
