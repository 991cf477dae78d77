"""Text in columns, and names cut to what a terminal has room for."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

_LEAST = 16
"""Characters that a column keeps of a long text."""


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), *, indent: int = 0
) -> str:
    """Rows below a header in aligned columns; the columns numbered in `right` are flush right.

    On a terminal that is too narrow, the widest columns are cut; anywhere else every text is whole. `indent`
    is what the caller puts before each line.
    """
    lines = [list(header), *map(list, rows)]
    widths = _fitted([max(map(len, column)) for column in zip(*lines, strict=True)], room() - indent)

    def line(cells: Sequence[str]) -> str:
        placed = (
            cut(cell, width).rjust(width) if number in right else cut(cell, width).ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return " " * indent + "  ".join(placed).rstrip()

    return "\n".join(map(line, lines))


def room() -> int:
    """Characters that fit on a line of stdout: those of the terminal, or any number where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _fitted(widths: list[int], space: int) -> list[int]:
    """The widths with the widest made smaller until all fit, or none is wide any more."""
    while sum(widths) + 2 * (len(widths) - 1) > space and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    return widths


def cut(text: str, width: int) -> str:
    """The text, or its beginning and an ellipsis where it is longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wrapped(text: str, indent: int, *, hanging: int = 0) -> list[str]:
    """The text on as many lines as the terminal needs, indented, all but the first by `hanging` more."""
    return textwrap.wrap(
        text,
        max(room(), indent + hanging + _LEAST),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def named(reference: str) -> str:
    """A reference with whatever digest is in it cut short."""
    return re.sub(r"(sha256[:-][0-9a-f]{12})[0-9a-f]{52}", r"\1…", reference)


def short(digest: str) -> str:
    """A digest as far as a reviewer compares it."""
    return f"{digest[:19]}…" if len(digest) > 20 else digest
