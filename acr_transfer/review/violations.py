"""Violations of policies: read from the engine's events, in the order in which a reviewer reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.documents.review import ReviewLevel, ReviewViolation

if TYPE_CHECKING:
    from policy.framework.rule import PolicyRule

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


def violations(
    events: Iterable[Mapping[str, Any]], rules: Mapping[str, PolicyRule]
) -> tuple[ReviewViolation, ...]:
    """Return the violations of `policyEvent`s, each once, the worst first."""
    return tuple(sorted({violation(event, rules) for event in events}, key=_order))


def violation(event: Mapping[str, Any], rules: Mapping[str, PolicyRule]) -> ReviewViolation:
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


def _waived(policy: str, text: str, rules: Mapping[str, PolicyRule]) -> dict[str, str]:
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
