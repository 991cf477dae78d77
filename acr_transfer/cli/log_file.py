"""The log file for support: actions and requests, in UTC, without secrets."""

import io
import logging
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

from acr_transfer.errors import InputError
from acr_transfer.file_writer import append_to
from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.visible_text import visible
from acr_transfer.version import version

_NAMES = "access_token|refresh_token|client_secret|password"
_SECRETS = (
    # Parameters of a query or a connection string, percent-encoded too. The model's rule for credentials
    # judges by length and form; a log must not show a short or damaged one either.
    (rf"(?i)\b(sig|AccountKey|{_NAMES})(?:=|%3d)[^&\s;\"']+", r"\1=***"),
    (r"(?i)\b(bearer|basic|sharedkey)\s+[^\s\"',]+", r"\1 ***"),
    (rf"(?i)((?:token|{_NAMES})[\"']\s*:\s*[\"'])[^\"']+", r"\1***"),
    (r"://[^/\s@]+@", "://***@"),
    (r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*", "***"),
)
"""Patterns of secrets, and their replacements."""


def open_log(path: Path, arguments: Sequence[str]) -> None:
    """Append all later log records of this program and its libraries to a file.

    Raises `InputError` if the file cannot be written. Libraries mask headers and queries; this log masks
    every text that looks like a secret as well.
    """
    try:
        handler = _LogFile(path)
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
        " ".join(arguments),
    )


def masked(text: str) -> str:
    """The text without credentials and tokens."""
    for pattern, replacement in _SECRETS:
        text = re.sub(pattern, replacement, text)
    return without_credentials(text)


class _LogFile(logging.FileHandler):
    def _open(self) -> io.TextIOWrapper:
        file = append_to(Path(self.baseFilename))
        return io.TextIOWrapper(file, "utf-8", "backslashreplace", write_through=True)


class _Masking(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        # Only a record starts at the margin: no text from outside can forge one.
        return visible(masked(super().format(record))).replace("\n", "\n    ")
