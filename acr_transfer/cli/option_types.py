"""The types of options, for `type=`. Each raises `ArgumentTypeError` for a text of another form."""

import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta

from acr_transfer.model.times import parse_time

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def size(text: str) -> int:
    """Parse `1024`, `500K`, `20M`, `4G` or `1.5T`, in powers of 1024."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    bytes_ = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if bytes_ < 1:
        raise ArgumentTypeError(f"{text!r} is not a size; expected a number with K, M, G or T, like 20M")
    return bytes_


def rate(text: str) -> int:
    """Parse a number of bytes a second: a size with or without `/s`."""
    return size(text.strip().removesuffix("/s"))


def seconds(text: str) -> float:
    """Parse a number of seconds, 0 or more."""
    found = float(text)
    if not 0 <= found < float("inf"):
        raise ArgumentTypeError(f"{text} is not a number of seconds")
    return found


def days(text: str) -> timedelta:
    """Parse a whole number of days, 0 or more."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a number of days")
    return timedelta(days=int(text))


def count(text: str) -> int:
    """Parse a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def utc_time(text: str) -> datetime:
    """Parse a time in UTC, such as 2026-11-01T00:00:00Z."""
    if found := parse_time(text):
        return found
    raise ArgumentTypeError(f"{text!r} is not a time; expected one such as 2026-11-01T00:00:00Z")
