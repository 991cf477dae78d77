"""Options that are a number of bytes."""

from __future__ import annotations

import argparse
import re

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def size(text: str) -> int:
    """Parse `1024`, `500K`, `20M`, `4G` or `1.5T`, in powers of 1024; for `type=`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    bytes_ = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if bytes_ < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size; expected a number with K, M, G or T, like 20M"
        )
    return bytes_


def rate(text: str) -> int:
    """Parse a number of bytes a second: a size with or without `/s`; for `type=`."""
    return size(text.strip().removesuffix("/s"))
