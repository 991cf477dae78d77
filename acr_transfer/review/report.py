"""A review for programs to read, in JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from acr_transfer.review.review import Review
from acr_transfer.review.violation import Violation

SCHEMA = 1
"""The version of the report's form; `docs/review.schema.json` describes it."""


def report(reviews: Sequence[Review], profile: str) -> dict[str, Any]:
    """Return what was reviewed and found."""
    return {"schema": SCHEMA, "profile": profile, "stacks": [_stack(each) for each in reviews]}


def _stack(review: Review) -> dict[str, Any]:
    return {
        "stack": review.stack,
        "file": review.file,
        "policyPacks": dict(review.packs),
        "resources": review.resources,
        "forbidden": review.forbidden,
        "errors": list(review.errors),
        "violations": [_violation(each) for each in review.violations],
    }


def _violation(found: Violation) -> dict[str, Any]:
    said = {key: value for key, value in asdict(found).items() if value}
    return {**said, "resource": found.resource, "type": found.type}
