"""The types of options, for `type=`. Each raises `ArgumentTypeError` for a text of another form."""

import os
import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from pathlib import Path

from acr_transfer.model.credentials import quoted
from acr_transfer.model.resource_names import HOST
from acr_transfer.model.times import parse_time

_MOST_SECONDS = 365 * 86_400
_MOST_DAYS = 36_500
_LONGEST_PATH = 4095
"""https://man7.org/linux/man-pages/man3/realpath.3.html"""

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def size(text: str) -> int:
    """Parse `1024`, `500K`, `20M`, `4G` or `1.5T`, in powers of 1024."""
    form = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([KMGT]?)(?:i?B)?"
    found = re.fullmatch(form, text.strip(), re.IGNORECASE | re.ASCII)
    bytes_ = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if bytes_ < 1:
        raise _refused(text, "a size", "a number with K, M, G or T, like 20M")
    return bytes_


def rate(text: str) -> int:
    """Parse a number of bytes a second: a size with or without `/s`."""
    return size(text.strip().removesuffix("/s"))


def seconds(text: str) -> float:
    """Parse a number of seconds, 0 or more."""
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found <= _MOST_SECONDS:
        raise _refused(text, "a number of seconds", "0 or more, at most those of a year")
    return found


def days(text: str) -> timedelta:
    """Parse a whole number of days, 0 or more."""
    found = _whole(text)
    if found is None or found > _MOST_DAYS:
        raise _refused(text, "a number of days", f"a whole number from 0 to {_MOST_DAYS}")
    return timedelta(days=found)


def count(text: str) -> int:
    """Parse a whole number above 0."""
    found = _whole(text)
    if not found:
        raise _refused(text, "a number above 0", "a whole number of at most nine digits")
    return found


def utc_time(text: str) -> datetime:
    """Parse a time in UTC, such as 2026-11-01T00:00:00Z."""
    if found := parse_time(text):
        return found
    raise _refused(text, "a time", "one such as 2026-11-01T00:00:00Z")


def file_path(text: str) -> Path:
    """Parse the path of a file or a folder."""
    if len(os.fsencode(text)) > _LONGEST_PATH:
        raise _refused(text, "a path", f"at most {_LONGEST_PATH} bytes")
    return Path(text)


def registry_host(text: str) -> str:
    """Parse a registry's host, with or without port, behind `http://` or `https://` if it states a scheme."""
    if HOST.accepts(re.sub("^https?://", "", text)):
        return text
    # It may be a URL with a password, so the message does not show it.
    raise ArgumentTypeError(f"expected {HOST.expected}")


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _refused(text: str, kind: str, expected: str) -> ArgumentTypeError:
    return ArgumentTypeError(f"{quoted(text)} is not {kind}; expected {expected}")
