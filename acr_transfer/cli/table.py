"""Text in columns, fitted to the width of the terminal."""

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

from acr_transfer.model.visible_text import visible, visible_line

_MIN_WIDTH = 16
"""Minimum width of a column with long texts."""

_WIDEST = 72
"""Maximum width of a column without a terminal; a longer text moves the rest of its own line."""


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), *, indent: int = 0
) -> str:
    """Rows below a header in aligned columns; the columns in `right` are right-aligned.

    On a narrow terminal, the widest columns are cut. Other streams get the whole texts, and one long text
    does not widen the other lines.
    """
    lines = [list(header), *(list(map(visible_line, row)) for row in rows)]
    widths = _widths(list(zip(*lines, strict=True)), room() - indent)

    shown = cut if sys.stdout.isatty() else _whole

    def line(cells: Sequence[str]) -> str:
        placed = (
            shown(cell, width).rjust(width) if number in right else shown(cell, width).ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return " " * indent + "  ".join(placed).rstrip()

    return "\n".join(map(line, lines))


def room() -> int:
    """Characters that fit on a line of stdout: unlimited unless it is a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _widths(columns: Sequence[Sequence[str]], space: int) -> list[int]:
    if not sys.stdout.isatty():
        return [max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0) for column in columns]
    return _fitted([max(map(len, column)) for column in columns], space)


def _whole(text: str, width: int) -> str:
    del width
    return text


def _fitted(widths: list[int], space: int) -> list[int]:
    """The widths, with the widest reduced until all fit or the minimum is reached."""
    while sum(widths) + 2 * (len(widths) - 1) > space and max(widths) > _MIN_WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def cut(text: str, width: int) -> str:
    """The text, or its beginning and an ellipsis if it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wrapped(text: str, indent: int, *, hanging: int = 0) -> list[str]:
    """The text in indented lines that fit the terminal; all but the first have `hanging` more spaces."""
    return textwrap.wrap(
        visible(text),
        max(room(), indent + hanging + _MIN_WIDTH),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def named(reference: str) -> str:
    """A reference with its digest abbreviated."""
    return re.sub(r"(sha256[:-][0-9a-f]{12})[0-9a-f]{52}", r"\1…", reference)


def short(digest: str) -> str:
    """A digest abbreviated to 12 hexadecimal digits."""
    return f"{digest[:19]}…" if len(digest) > 20 else digest
