"""Patterns of repositories and tags: globs, and regular expressions that begin with `re:`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache

_MARK = "re:"
_SPECIAL = re.compile(r"(\*\*|\*|\?|\[!?[^\]/!]+\])")


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns fits the whole text."""
    return any(compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression of a pattern. Raises `re.error` for one that is none."""
    expression = pattern.removeprefix(_MARK) if pattern.startswith(_MARK) else _translated(pattern)
    with warnings.catch_warnings():
        # `--` or `[` within brackets: Python warns that it may mean more one day. Today it does not.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(expression)


def _translated(glob: str) -> str:
    """A glob as an expression: `*` and `?` stop at a slash, `**` does not, `[a-c]` is one of these."""
    # Splitting by a group gives plain texts and what the group matched in turn.
    parts = enumerate(_SPECIAL.split(glob))
    return "".join(_special(part) if index % 2 else re.escape(part) for index, part in parts)


def _special(part: str) -> str:
    return {"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part) or _class(part)


def _class(part: str) -> str:
    """`[abc]`, `[a-c]` or `[!abc]` as an expression; whatever else means something there is a character."""
    inner = part[1:-1]
    negative, inner = ("^", inner[1:]) if inner.startswith("!") else ("", inner)
    return f"[{negative}{''.join(one if one == '-' else re.escape(one) for one in inner)}]"
