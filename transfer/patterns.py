"""Patterns of repositories and tags: globs, and regular expressions that begin with `re:`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_MARK = "re:"


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns fits the whole text."""
    return any(compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression of a pattern. Raises `re.error` for one that is none."""
    if pattern.startswith(_MARK):
        return re.compile(pattern.removeprefix(_MARK))
    return re.compile(_translated(pattern))


def _translated(glob: str) -> str:
    """A glob as an expression: `*` and `?` stop at a slash, `**` does not, `[a-c]` is one of these."""
    parts = re.split(r"(\*\*|\*|\?|\[!?[^\]/!]+\])", glob)
    known = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        known.get(part) or (_class(part) if part[:1] == "[" and part[1:] else re.escape(part))
        for part in parts
    )


def _class(part: str) -> str:
    """`[abc]`, `[a-c]` or `[!abc]` as an expression; whatever else means something there is a character."""
    inner = part[1:-1]
    negative, inner = ("^", inner[1:]) if inner.startswith("!") else ("", inner)
    return f"[{negative}{''.join(one if one == '-' else re.escape(one) for one in inner)}]"
