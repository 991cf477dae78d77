"""A review as SARIF 2.1.0, which GitHub, Azure DevOps and editors show beside the code.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from acr_transfer.model.documents.review import ReviewedStack, ReviewViolation
from acr_transfer.model.visible_text import visible, visible_line
from acr_transfer.review.pack import Rules

_HOME = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"mandatory": "error", "advisory": "warning", "waived": "note", "disabled": "none"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""GitHub's ranks:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning"""


def sarif(reviews: Sequence[ReviewedStack], rules: Rules) -> dict[str, Any]:
    """Return one run with the results of all stacks: GitHub accepts only one run of a category."""
    # All rules of the pack, and the violated rules of other packs.
    described = {
        visible_line(each.rule): {
            "id": visible_line(each.rule),
            "shortDescription": {"text": _text(each.why)},
        }
        for review in reviews
        for each in review.violations
    }
    described = dict(sorted({**described, **{name: _rule(rules, name) for name in rules}}.items()))
    driver = {"name": "acr-transfer policy", "rules": list(described.values())}
    versions = {version for review in reviews for version in review.policy_packs.values()}
    errors = [
        {"level": "error", "message": {"text": _text(f"{review.stack}: {each}")}}
        for review in reviews
        for each in review.errors
    ]
    run = {
        "tool": {"driver": driver | ({"semanticVersion": visible_line(max(versions))} if versions else {})},
        "automationDetails": {"id": "acr-transfer-policy/"},
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The working directory."}}},
        "invocations": [{"executionSuccessful": not errors, "toolExecutionNotifications": errors}],
        "results": [each for review in reviews for each in _results(review, list(described))],
    }
    return {"$schema": _HOME, "version": "2.1.0", "runs": [run]}


def _rule(rules: Rules, name: str) -> dict[str, Any]:
    rule = rules[name]
    reference, title = rule.control.value
    return {
        "id": name,
        "shortDescription": {"text": rule.why},
        "help": {"text": f"{rule.fix}\n{rule.url}", "markdown": f"{rule.fix}\n\n[Source]({rule.url})"},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": _LEVELS[rule.level.value]},
        "properties": {
            "tags": ["security", rule.chapter, f"{reference} {title}"],
            "security-severity": _SCORES[rule.severity.value],
        },
    }


def _results(review: ReviewedStack, described: Sequence[str]) -> Iterable[dict[str, Any]]:
    """The violations of a stack, whose file stands for its resources: the events contain no lines."""
    file = {"uri": review.file, "uriBaseId": "%SRCROOT%"}
    seen = Counter[tuple[str, str]]()
    for each in review.violations:
        seen[each.rule, each.urn] += 1
        rule, name, urn = visible_line(each.rule), visible_line(each.resource), visible_line(each.urn)
        resource = {"name": name, "fullyQualifiedName": urn, "kind": "resource"}
        yield {
            "ruleId": rule,
            "ruleIndex": described.index(rule),
            "level": _LEVELS[each.level],
            "message": {"text": _text(f"{each.what} {each.fix}".strip())},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": file, "region": {"startLine": 1}},
                    "logicalLocations": [resource],
                }
            ],
            "partialFingerprints": {"ruleAndResource/v1": _fingerprint(each, seen[each.rule, each.urn])},
            "suppressions": [_waiver(each)] if each.until else [],
        }


def _waiver(found: ReviewViolation) -> dict[str, str]:
    reason = f"{found.reason} (until {found.until})"
    return {"kind": "external", "status": "accepted", "justification": _text(reason)}


def _text(text: str) -> str:
    """A text of the engine for a viewer, which would show `[text](address)` as a link (SARIF 3.11.6)."""
    return visible(text).replace("](", r"]\x28")


def _fingerprint(found: ReviewViolation, number: int) -> str:
    """A value that depends on rule and resource, but not on the message: it may contain a time."""
    digest = hashlib.sha256(f"{found.rule}\n{found.urn}".encode(errors="backslashreplace")).hexdigest()
    return f"{digest[:16]}:{number}"
