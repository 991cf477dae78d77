"""A review as SARIF 2.1.0, which GitHub, Azure DevOps and editors show beside the code.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acr_transfer.model.documents.review import ReviewedStack, ReviewViolation

if TYPE_CHECKING:
    from policy.framework.rule import PolicyRule

_HOME = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    "mandatory": "error",
    "advisory": "warning",
    "waived": "note",
    "disabled": "none",
    "remediate": "error",
}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""GitHub's ranks:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning"""


def sarif(reviews: Sequence[ReviewedStack], rules: Mapping[str, PolicyRule]) -> dict[str, Any]:
    """Return one run with the results of all stacks: GitHub accepts only one run of a category."""
    found = [each for review in reviews for each in review.violations]
    described = _described(found, rules)
    places = {each["id"]: number for number, each in enumerate(described)}
    versions = sorted({version for review in reviews for version in review.policy_packs.values()})
    driver = {"name": "acr-transfer policy", "rules": described}
    run = {
        "tool": {"driver": {**driver, **({"semanticVersion": versions[-1]} if versions else {})}},
        "automationDetails": {"id": "acr-transfer-policy/"},
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The working directory."}}},
        "invocations": [_invocation(reviews)],
        "results": [each for review in reviews for each in _results(review, places)],
    }
    return {"$schema": _HOME, "version": "2.1.0", "runs": [run]}


def _invocation(reviews: Sequence[ReviewedStack]) -> dict[str, Any]:
    errors = [
        {"level": "error", "message": {"text": f"{review.stack}: {each}"}}
        for review in reviews
        for each in review.errors
    ]
    return {"executionSuccessful": not errors, "toolExecutionNotifications": errors}


def _described(found: Iterable[ReviewViolation], rules: Mapping[str, PolicyRule]) -> list[dict[str, Any]]:
    """All rules of the pack, and the violated rules of other packs."""
    others = {each.rule: {"id": each.rule, "shortDescription": {"text": each.why}} for each in found}
    return [each for _, each in sorted({**others, **{name: _rule(rules[name]) for name in rules}}.items())]


def _rule(rule: PolicyRule) -> dict[str, Any]:
    reference, title = rule.control.value
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.why},
        "help": {"text": f"{rule.fix}\n{rule.url}", "markdown": f"{rule.fix}\n\n[Source]({rule.url})"},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": _LEVELS[rule.level.value]},
        "properties": {
            "tags": ["security", rule.chapter, f"{reference} {title}"],
            "security-severity": _SCORES[rule.severity.value],
        },
    }


def _results(review: ReviewedStack, places: Mapping[str, int]) -> Iterable[dict[str, Any]]:
    seen = Counter[tuple[str, str]]()
    for each in review.violations:
        seen[each.rule, each.urn] += 1
        waiver = {
            "kind": "external",
            "status": "accepted",
            "justification": f"{each.reason} (until {each.until})",
        }
        yield {
            "ruleId": each.rule,
            "ruleIndex": places[each.rule],
            "level": _LEVELS[each.level],
            "message": {"text": f"{each.what} {each.fix}".strip()},
            "locations": [_location(review, each)],
            "partialFingerprints": {"ruleAndResource/v1": _fingerprint(each, seen[each.rule, each.urn])},
            "suppressions": [waiver] if each.until else [],
        }


def _location(review: ReviewedStack, found: ReviewViolation) -> dict[str, Any]:
    """The stack's file stands for its resources: the events contain no lines of the program."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": review.file, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1},
        },
        "logicalLocations": [
            {"name": found.resource, "fullyQualifiedName": found.urn, "kind": "resource"},
        ],
    }


def _fingerprint(found: ReviewViolation, number: int) -> str:
    """A value that depends on rule and resource, but not on the message: it may contain a time."""
    whole = "\n".join((found.rule, found.urn))
    return f"{hashlib.sha256(whole.encode()).hexdigest()[:16]}:{number}"
