"""The review of one stack: the violations and errors in the output of the engine."""

import re
from collections.abc import Mapping
from typing import Any

from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.documents.review import ReviewedStack, ReviewLevel, ReviewViolation
from acr_transfer.review.engine import EngineOutput
from acr_transfer.review.pack import Rules

_SUMMARY = "preview failed"
"""The engine's last error in every failed preview, one with a mandatory violation included."""

_LEVELS = list(ReviewLevel)
_SEVERITIES = ("critical", "high", "medium", "low", "")
_COLOUR = re.compile(r"<\{%.*?%\}>")
_MESSAGE = re.compile(
    r"(?P<why>[^\n]*)(?:\n(?P<what>.*?))??(?:\nFix: (?P<fix>.*?))?(?:\nSee: (?P<url>\S+))?", re.DOTALL
)
_WAIVED = re.compile(
    r"(?P<rule>[a-z0-9-]+): (?P<what>.*)\nWaived until (?P<until>\d{4}-\d{2}-\d{2}): (?P<reason>.*)",
    re.DOTALL,
)
_WAIVER_POLICIES = ("waived", "waived-in-stack")
"""The pack's policies that report waived violations of its rules."""


def reviewed_stack(stack: str, file: str, output: EngineOutput, rules: Rules) -> ReviewedStack:
    """Return the review of a stack; `file` stands for the stack in code review tools."""
    found = sorted({violation_of(event, rules) for event in output.of_kind("policyEvent")}, key=_order)
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
        violations=tuple(found),
    )


def _packs(output: EngineOutput) -> dict[str, str]:
    """The versions in the summary, where a local pack has its folder behind its name: `name|local|folder`."""
    summaries = output.of_kind("summaryEvent")
    packs: Mapping[str, str] = (summaries[-1]["PolicyPacks"] or {}) if summaries else {}
    return {name.partition("|")[0]: version for name, version in packs.items()}


def violation_of(event: Mapping[str, Any], rules: Rules) -> ReviewViolation:
    """Read a `policyEvent`. Its message is the policy's description and then the text of `pack.message`.

    Credentials are removed from the message, in case another pack put one there.
    """
    matched = _MESSAGE.fullmatch(without_credentials(_COLOUR.sub("", event["message"])).strip())
    assert matched, "the pattern matches every text"
    parts = {name: (text or "").strip() for name, text in matched.groupdict().items()}
    path, _, name = event.get("resourceUrn", "").rpartition("::")
    severity = event.get("severity", "")
    fields = {
        "level": event["enforcementLevel"],
        "rule": event["policyName"],
        "urn": event.get("resourceUrn", ""),
        "pack": event["policyPackName"],
        "resource": name,
        "type": path.rpartition("::")[2].rpartition("$")[2],
        **({"severity": severity} if severity in _SEVERITIES[:-1] else {}),
        **parts,
        "what": parts["what"] or parts["why"],
    }
    return ReviewViolation.model_validate(fields | _waived(event["policyName"], parts["what"], rules))


def _waived(policy: str, text: str, rules: Rules) -> dict[str, str]:
    """The fields of a waived violation, which belong to its rule and not to the policy that reports it."""
    matched = _WAIVED.fullmatch(text) if policy in _WAIVER_POLICIES else None
    rule = rules.get(matched["rule"]) if matched else None
    if not matched or not rule:
        return {}
    about = {"why": rule.why, "fix": rule.fix, "url": rule.url, "severity": rule.severity.value}
    return {"level": ReviewLevel.WAIVED, **about, **matched.groupdict()}


def _order(found: ReviewViolation) -> tuple[object, ...]:
    ranks = _LEVELS.index(found.level), _SEVERITIES.index(found.severity)
    return *ranks, found.rule, found.resource, found.urn, found.what
