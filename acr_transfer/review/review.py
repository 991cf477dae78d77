"""A review: what the engine's events say about one stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from acr_transfer.model.credentials import without_credentials
from acr_transfer.review.engine import Heard
from acr_transfer.review.violation import Violation, in_order

_SUMMARY = "preview failed"
"""What the engine says at the end of a preview that broke a mandatory rule, as of every failed one."""


@dataclass(frozen=True)
class Review:
    """What a reviewer wants to know about one stack before it is deployed."""

    stack: str
    file: str
    """The file that a code review tool shows the violations at, relative to the working directory."""

    packs: Mapping[str, str]
    """Versions of the policy packs, by their names."""

    resources: int
    """How many resources were looked at."""

    violations: tuple[Violation, ...]
    errors: tuple[str, ...]
    """Why not all of the stack could be looked at; none if it could."""

    @classmethod
    def of(cls, stack: str, file: str, heard: Heard) -> Self:
        """Read the events of one preview or analysis."""
        violations = in_order([Violation.of(each) for each in _of(heard, "policyEvent")])
        errors = [each["message"] for each in _of(heard, "diagnosticEvent") if each["severity"] == "error"]
        errors = [each for each in errors if each.strip() != _SUMMARY]
        forbidden = any(each.level == "mandatory" for each in violations)
        if not heard.succeeded and not errors and not forbidden:
            errors = [heard.errors or "Pulumi failed and did not say why."]
        return cls(
            stack=stack,
            file=file,
            packs=_packs(heard),
            resources=heard.resources,
            violations=violations,
            errors=tuple(without_credentials(each).strip() for each in errors),
        )

    @property
    def forbidden(self) -> bool:
        """Whether the stack must not be deployed as it is."""
        return any(each.level == "mandatory" for each in self.violations)

    def count(self, level: str) -> int:
        """Return how many violations are of a level."""
        return sum(each.level == level for each in self.violations)


def _packs(heard: Heard) -> Mapping[str, str]:
    """The engine says so at its end, with a local pack's folder behind its name: `name|local|folder`."""
    ends = _of(heard, "summaryEvent")
    packs: Mapping[str, str] = (ends[-1]["PolicyPacks"] or {}) if ends else {}
    return {name.partition("|")[0]: version for name, version in packs.items()}


def _of(heard: Heard, kind: str) -> list[Mapping[str, Any]]:
    return [each[kind] for each in heard.events if kind in each]
