"""A review as text, for people to read."""

import textwrap

from acr_transfer.model.documents.review import ReviewedStack, ReviewLevel, ReviewViolation
from acr_transfer.model.visible_text import visible, visible_line

_LABEL = 12
_INDENT = " " * _LABEL
_WRAPPER = textwrap.TextWrapper(110, _INDENT, _INDENT, break_long_words=False, break_on_hyphens=False)


def review_text(review: ReviewedStack) -> str:
    """Return the review of one stack: the violations, the worst first, then errors and a count."""
    parts = [_violation(each) for each in review.violations]
    parts += [f"NOT FULLY REVIEWED\n{textwrap.indent(visible(each), '  ')}" for each in review.errors]
    return "\n\n".join([*([f"== {review.stack}", *parts] if parts else []), _count(review)])


def _violation(found: ReviewViolation) -> str:
    severity = f", {found.severity}" if found.severity else ""
    lines = [
        f"{found.level.upper()}  {visible_line(found.rule)}{severity}",
        _line("waiver", f"until {found.until}: {found.reason}" if found.until else ""),
        _line("resource", visible_line(f"{found.resource} ({found.type})")),
        _line("what", found.what),
        _line("why", found.why if found.why != found.what else ""),
        _line("fix", found.fix),
        _line("see", found.url),
    ]
    return "\n".join(line for line in lines if line)


def _line(label: str, text: str) -> str:
    wrapped = "\n".join(map(_WRAPPER.fill, visible(text).splitlines()))
    return f"  {label}:".ljust(_LABEL) + wrapped[_LABEL:] if text else ""


def _count(review: ReviewedStack) -> str:
    versions = sorted(review.policy_packs.items())
    packs = visible_line(", ".join(f"{name} {version}".strip() for name, version in versions))
    levels = [each.level for each in review.violations]
    counts = ", ".join(f"{levels.count(level)} {level}" for level in ReviewLevel)
    return f"{review.stack}: {review.resources} resources reviewed by {packs or 'no pack'}: {counts}"
