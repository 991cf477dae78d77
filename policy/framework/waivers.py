"""Exceptions from a rule: for a named resource, with a reason, and until a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any, Self

from policy.framework.resources import Finding

SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "default": [],
    "description": "Resources that the rule lets pass for a while.",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["resource", "reason", "until"],
        "properties": {
            "resource": {
                "type": "string",
                "minLength": 1,
                "description": "The resource's name in Pulumi, or its URN; * stands for anything.",
            },
            "reason": {"type": "string", "minLength": 1, "description": "Why it may pass."},
            "until": {
                "type": "string",
                "pattern": r"^\d{4}-\d{2}-\d{2}$",
                "description": "The last day, by UTC, such as 2027-01-31.",
            },
        },
    },
}
"""What the engine checks waivers against."""


@dataclass(frozen=True)
class Waiver:
    """One resource, or several by a pattern, that a rule lets pass."""

    resource: str
    reason: str
    until: str
    """The last day, such as 2027-01-31."""

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> list[Self]:
        """Return the waivers of a rule's configuration, which the engine has checked against the schema."""
        given = config.get("waivers") or ()
        return [cls(each["resource"], each["reason"], each["until"]) for each in given]

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is about a resource of this waiver."""
        return any(fnmatchcase(name, self.resource) for name in (finding.name, finding.urn) if name)

    @property
    def ended(self) -> bool:
        """Whether the last day is over, or was none: 2027-02-30."""
        try:
            return datetime.now(UTC).date() > date.fromisoformat(self.until)
        except ValueError:
            return True


def waiver_of(finding: Finding, waivers: Sequence[Waiver]) -> Waiver | None:
    """Return the waiver of a finding: of several the one that ends last."""
    return max((each for each in waivers if each.covers(finding)), key=lambda each: each.until, default=None)
