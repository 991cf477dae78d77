"""Text in columns, and sizes as people read them."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows below a header in aligned columns; the columns numbered in `right` are flush right."""
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line(cells: Sequence[str]) -> str:
        placed = (
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(placed).rstrip()

    return "\n".join(map(line, lines))


def amount(size: float) -> str:
    """Bytes as people read them: `512 B`, `1.5 KiB`, `20.0 MiB`."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def plural(count: int, noun: str) -> str:
    """`1 blob`, `2 blobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
