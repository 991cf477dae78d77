"""A review as JSON, for programs to read."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from acr_transfer.model.documents.review import ReviewedStack, ReviewReport, ReviewViolation
from acr_transfer.review.review import Review
from acr_transfer.review.violation import Violation


def report(reviews: Sequence[Review], profile: str) -> dict[str, Any]:
    """Return the reviews in the form of docs/review.schema.json."""
    return ReviewReport(schema_=2, profile=profile, stacks=tuple(map(_stack, reviews))).as_json()


def _stack(review: Review) -> ReviewedStack:
    return ReviewedStack(
        stack=review.stack,
        file=review.file,
        policy_packs=dict(review.packs),
        resources=review.resources,
        forbidden=review.forbidden,
        errors=review.errors,
        violations=tuple(map(_violation, review.violations)),
    )


def _violation(found: Violation) -> ReviewViolation:
    stated = {key: value for key, value in asdict(found).items() if value or key in ("urn", "what", "why")}
    stated["fix"] = stated.pop("mend", "")
    return ReviewViolation.model_validate({**stated, "resource": found.resource, "type": found.type})
