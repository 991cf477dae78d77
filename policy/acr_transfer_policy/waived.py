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

from .controls import Control
from .credentials import without_credentials
from .subject import Finding
from .waivers import Waiver


class _Notes(threading.local):
    def __init__(self) -> None:
        self.waiting: list[tuple[str, str]] = []


_notes = _Notes()


def remember(rule: str, finding: Finding, waiver: Waiver) -> None:
    """Keep what a rule has let pass, until the policies of this module are asked in the same thread."""
    text = f"{rule}: {finding.what}\nIt may pass until {waiver.until}: {waiver.reason}"
    _notes.waiting.append((without_credentials(text), finding.urn))


def policies() -> list[Policy]:
    """Return the two policies, to be the last of the pack."""
    return [
        ResourceValidationPolicy("waived", validate=lambda args, report: _show(report), **_ABOUT),
        StackValidationPolicy("waived-in-stack", validate=lambda args, report: _show(report), **_ABOUT),
    ]


def _show(report: ReportViolation) -> None:
    waiting, _notes.waiting = _notes.waiting, []
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
