"""Waivers: exceptions from a rule for named resources, with a reason, until a date.

A policy has one level, so a mandatory rule cannot report a note. Two advisory policies at the end of the
pack report every waived violation: the engine runs all policies for one resource, or one stack, in
order and in one thread.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any, Self

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)

from acr_transfer.model.credentials import without_credentials
from policy.framework.resources import Violation
from policy.framework.rule import Control, PolicyRule, StackRule

_TEXT = {"type": "string", "minLength": 1}
_DAY = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "default": [],
    "description": "Resources that may break the rule until a date.",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["resource", "reason", "until"],
        "properties": {
            "resource": {
                **_TEXT,
                "description": "The resource's name in Pulumi, or its URN; * matches any text.",
            },
            "reason": {**_TEXT, "description": "The reason for the waiver."},
            "until": {**_DAY, "description": "The last day in UTC, such as 2027-01-31."},
        },
    },
}
"""The engine checks waivers with this JSON Schema."""


@dataclass(frozen=True)
class Waiver:
    """An exception for one resource, or for several by a pattern."""

    resource: str
    reason: str
    until: str
    """The last day, such as 2027-01-31."""

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Self]:
        """Return the waivers in a rule's configuration, which the engine has checked with `SCHEMA`."""
        granted = config.get("waivers") or ()
        return [cls(each["resource"], each["reason"], each["until"]) for each in granted]

    def covers(self, violation: Violation) -> bool:
        """Whether the violation is about a resource of this waiver."""
        return any(fnmatchcase(name, self.resource) for name in (violation.name, violation.urn) if name)

    @property
    def expired(self) -> bool:
        """Whether the last day is over, or is not a date, such as 2027-02-30."""
        try:
            return datetime.now(UTC).date() > date.fromisoformat(self.until)
        except ValueError:
            return True


def waiver_of(violation: Violation, waivers: Sequence[Waiver]) -> Waiver | None:
    """Return the waiver of a violation: of several, the one that ends last."""
    granted = (each for each in waivers if each.covers(violation))
    return max(granted, key=lambda each: each.until, default=None)


class _Notes(threading.local):
    def __init__(self) -> None:
        self.pending: list[tuple[str, str]] = []

    def report(self, _: object, report: ReportViolation) -> None:
        pending, self.pending = self.pending, []
        for text, urn in sorted(set(pending)):
            report(text, urn or None)


_of_resources, _of_stack = _Notes(), _Notes()


def note(rule: PolicyRule, violation: Violation, waiver: Waiver) -> None:
    """Keep a waived violation until the engine runs the policies below in the same thread."""
    text = f"{rule.name}: {violation.what}\nWaived until {waiver.until}: {waiver.reason}"
    notes = _of_stack if isinstance(rule, StackRule) else _of_resources
    notes.pending.append((without_credentials(text), violation.urn))


def waiver_policies() -> list[Policy]:
    """Return the two policies that report waived violations; they must be the last of the pack."""
    return [
        ResourceValidationPolicy("waived", validate=_of_resources.report, **_METADATA),
        StackValidationPolicy("waived-in-stack", validate=_of_stack.report, **_METADATA),
    ]


_METADATA: dict[str, Any] = {
    "description": "The policy configuration waives a rule for this resource until a date.",
    "enforcement_level": EnforcementLevel.ADVISORY,
    "severity": Severity.LOW,
    "framework": Control.CONFIGURATION.framework,
    "tags": ["acr-transfer", "waivers"],
    "remediation_steps": "Correct the violation, then remove the waiver from the configuration.",
    "url": "https://www.pulumi.com/docs/insights/policy/",
}
