"""The log file that a user sends to support: what was done and asked, in UTC, and no secret."""

from __future__ import annotations

import logging
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

from acr_transfer.cli.parser import version
from acr_transfer.errors import InputError

_SECRETS = (
    # A SAS or an account key in a query or a connection string; quoted or percent-encoded as well.
    (
        re.compile(
            r"(?i)\b(sig|AccountKey|password|client_secret|refresh_token|access_token)(=|%3d)[^&\s;\"']+"
        ),
        r"\1=***",
    ),
    (re.compile(r"(?i)\b(bearer|basic|sharedkey)\s+[^\s\"',]+"), r"\1 ***"),
    (
        re.compile(
            r"(?i)((?:access_token|refresh_token|client_secret|password|token)[\"']\s*:\s*[\"'])[^\"']+"
        ),
        r"\1***",
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"), "***"),
    (re.compile(r"AGE-SECRET-KEY-[A-Z0-9]+"), "***"),
)


def open_log(path: Path, line: Sequence[str]) -> None:
    """Append everything that this program and its libraries log from now on.

    Raises `InputError` if the file cannot be written. Libraries mask headers and queries themselves; what
    slips through is masked here.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--log-file {path} cannot be written: {error.strerror}") from None
    handler.setFormatter(
        _Masking("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    )
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(min(root.level, logging.INFO))
    logging.getLogger("acr_transfer").setLevel(logging.DEBUG)
    logging.getLogger("acr_transfer").info(
        "acr-transfer %s, Python %s on %s: %s",
        version(),
        platform.python_version(),
        platform.platform(),
        " ".join(line),
    )


def masked(text: str) -> str:
    """The text with everything blanked that looks like a secret."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class _Masking(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
