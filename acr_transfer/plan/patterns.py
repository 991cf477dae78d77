"""Patterns of repositories and tags: globs, and regular expressions that begin with `re:`."""

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache

_REGULAR_EXPRESSION = "re:"
_GLOB_PART = re.compile(r"(\*\*|\*|\?|\[!?[^\]/!]+\])")
_WILDCARDS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns matches the whole text."""
    return any(compile_pattern(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern. Raises `re.error` for an invalid one."""
    is_expression = pattern.startswith(_REGULAR_EXPRESSION)
    expression = pattern.removeprefix(_REGULAR_EXPRESSION) if is_expression else _translate(pattern)
    with warnings.catch_warnings():
        # Python warns that `--` or `[` in brackets may get another meaning in a later version.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(expression)


def _translate(glob: str) -> str:
    """Translate a glob: `*` and `?` stop at a slash, `**` does not, `[a-c]` is one of these characters."""
    # The group makes `split` return plain text and glob parts in turn.
    parts = enumerate(_GLOB_PART.split(glob))
    return "".join(
        (_WILDCARDS.get(part) or _character_class(part)) if index % 2 else re.escape(part)
        for index, part in parts
    )


def _character_class(part: str) -> str:
    """Translate `[abc]`, `[a-c]` or `[!abc]`; special characters in it stand for themselves."""
    inner = part[1:-1]
    negation, inner = ("^", inner[1:]) if inner.startswith("!") else ("", inner)
    return f"[{negation}{''.join(each if each == '-' else re.escape(each) for each in inner)}]"
