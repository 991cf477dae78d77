"""A review for people to read."""

import textwrap

from acr_transfer.review.review import Review
from acr_transfer.review.violation import LEVELS, Violation

_WIDTH = 110
_LABEL = 12


def text(review: Review) -> str:
    """Return the review of one stack: the worst first, what to do with each, and a count at the end."""
    parts = [_violation(each) for each in review.violations]
    parts += [_error(each) for each in review.errors]
    return "\n\n".join([*([f"== {review.stack}", *parts] if parts else []), _count(review)])


def _violation(found: Violation) -> str:
    severity = f", {found.severity}" if found.severity else ""
    lines = [
        f"{found.level.upper()}  {found.rule}{severity}",
        _line("waiver", f"until {found.until}: {found.reason}" if found.until else ""),
        _line("resource", f"{found.resource} ({found.type})"),
        _line("what", found.what),
        _line("why", found.why if found.why != found.what else ""),
        _line("mend", found.mend),
        _line("see", found.url),
    ]
    return "\n".join(line for line in lines if line)


def _line(label: str, said: str) -> str:
    if not said:
        return ""
    before = f"  {label}:".ljust(_LABEL)
    return "\n".join(
        textwrap.fill(
            each,
            width=_WIDTH,
            initial_indent=before if not number else " " * _LABEL,
            subsequent_indent=" " * _LABEL,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, each in enumerate(said.splitlines())
    )


def _error(message: str) -> str:
    return "\n".join(["NOT REVIEWED TO THE END", textwrap.indent(message, "  ")])


def _count(review: Review) -> str:
    packs = ", ".join(f"{name} {version}".strip() for name, version in sorted(review.packs.items()))
    found = ", ".join(f"{review.count(level)} {level}" for level in LEVELS)
    return f"{review.stack}: {review.resources} resources reviewed by {packs or 'no pack'}: {found}"
