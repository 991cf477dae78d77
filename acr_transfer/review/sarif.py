"""A review as SARIF 2.1.0, which GitHub, Azure DevOps and editors show beside the code.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from acr_transfer.review.review import Review
from acr_transfer.review.violation import Violation
from policy.framework.rule import Rule
from policy.rules.catalogue import ALL

_HOME = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    "mandatory": "error",
    "advisory": "warning",
    "waived": "note",
    "disabled": "none",
    "remediate": "error",
}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""How GitHub ranks: https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning."""


def sarif(reviews: Sequence[Review]) -> dict[str, Any]:
    """Return one run with the results of all stacks: GitHub takes no second run of the same category."""
    found = [each for review in reviews for each in review.violations]
    rules = _rules(found)
    places = {each["id"]: number for number, each in enumerate(rules)}
    versions = sorted({version for review in reviews for version in review.packs.values()})
    driver = {"name": "acr-transfer policy", "rules": rules}
    run = {
        "tool": {"driver": {**driver, **({"semanticVersion": versions[-1]} if versions else {})}},
        "automationDetails": {"id": "acr-transfer-policy/"},
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The working directory."}}},
        "invocations": [_invocation(reviews)],
        "results": [each for review in reviews for each in _results(review, places)],
    }
    return {"$schema": _HOME, "version": "2.1.0", "runs": [run]}


def _invocation(reviews: Sequence[Review]) -> dict[str, Any]:
    errors = [
        {"level": "error", "message": {"text": f"{review.stack}: {each}"}}
        for review in reviews
        for each in review.errors
    ]
    return {"executionSuccessful": not errors, "toolExecutionNotifications": errors}


def _rules(found: Iterable[Violation]) -> list[dict[str, Any]]:
    """The pack's own rules, broken or not, and those of other packs that were broken."""
    own = {rule.name: _own(rule) for rule in ALL}
    others = {each.rule: _other(each) for each in found if each.rule not in own}
    return [each for _, each in sorted({**own, **others}.items())]


def _own(rule: Rule) -> dict[str, Any]:
    severity = rule.severity.value if rule.severity else ""
    reference, title = rule.control.value
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.why},
        "help": {"text": f"{rule.mend}\n{rule.url}", "markdown": f"{rule.mend}\n\n[Source]({rule.url})"},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": _LEVELS[rule.level.value]},
        "properties": {
            "tags": ["security", rule.chapter, f"{reference} {title}"],
            **({"security-severity": _SCORES[severity]} if severity in _SCORES else {}),
        },
    }


def _other(found: Violation) -> dict[str, Any]:
    return {"id": found.rule, "shortDescription": {"text": found.why}}


def _results(review: Review, places: dict[str, int]) -> Iterable[dict[str, Any]]:
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
            "message": {"text": f"{each.what} {each.mend}".strip()},
            "locations": [_location(review, each)],
            "partialFingerprints": {"ruleAndResource/v1": _fingerprint(each, seen[each.rule, each.urn])},
            "suppressions": [waiver] if each.until else [],
        }


def _location(review: Review, found: Violation) -> dict[str, Any]:
    """The stack's file stands for its resources: the engine says no lines of the program."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": review.file, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1},
        },
        "logicalLocations": [
            {"name": found.resource, "fullyQualifiedName": found.urn, "kind": "resource"},
        ],
    }


def _fingerprint(found: Violation, number: int) -> str:
    """The same for the same rule and resource whatever the message: hours in it pass."""
    whole = "\n".join((found.rule, found.urn))
    return f"{hashlib.sha256(whole.encode()).hexdigest()[:16]}:{number}"
