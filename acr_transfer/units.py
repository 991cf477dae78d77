"""Sizes and counts as text for people."""


def human_size(size: float) -> str:
    """A number of bytes in binary units: `512 B`, `1.5 KiB`, `20.0 MiB`."""
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
