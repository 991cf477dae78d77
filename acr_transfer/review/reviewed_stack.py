"""The review of one stack, from the output of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.documents.review import ReviewedStack, ReviewLevel
from acr_transfer.review.engine import EngineOutput
from acr_transfer.review.violations import violations

if TYPE_CHECKING:
    from policy.framework.rule import PolicyRule

_SUMMARY = "preview failed"
"""The engine's last error in every failed preview, one with a mandatory violation included."""


def reviewed_stack(
    stack: str, file: str, output: EngineOutput, rules: Mapping[str, PolicyRule]
) -> ReviewedStack:
    """Return the review of a stack; `file` stands for the stack in code review tools."""
    found = violations(output.of_kind("policyEvent"), rules)
    forbidden = any(each.level is ReviewLevel.MANDATORY for each in found)
    diagnostics = output.of_kind("diagnosticEvent")
    errors = [each["message"].strip() for each in diagnostics if each["severity"] == "error"]
    errors = [each for each in errors if each != _SUMMARY]
    if not output.succeeded and not errors and not forbidden:
        errors = [output.stderr or "Pulumi failed without an error message."]
    return ReviewedStack(
        stack=stack,
        file=file,
        policy_packs=_packs(output),
        resources=output.resources,
        forbidden=forbidden,
        errors=tuple(without_credentials(each).strip() for each in errors),
        violations=found,
    )


def _packs(output: EngineOutput) -> dict[str, str]:
    """The versions in the summary, where a local pack has its folder behind its name: `name|local|folder`."""
    summaries = output.of_kind("summaryEvent")
    packs: Mapping[str, str] = (summaries[-1]["PolicyPacks"] or {}) if summaries else {}
    return {name.partition("|")[0]: version for name, version in packs.items()}
