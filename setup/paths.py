"""Where things are installed."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder of this project's files."""


def cache() -> Path:
    """Return the user's cache, which all checkouts share.

    It follows the XDG base directories: https://specifications.freedesktop.org/basedir/latest/
    """
    own = os.environ.get("ACR_TRANSFER_CACHE")
    if own:
        return Path(own).expanduser().resolve()
    # The specification has relative paths ignored, as if they were not set.
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "acr-transfer"
