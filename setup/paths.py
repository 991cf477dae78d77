"""The folders of set-up, and the pinned versions of the programs that it installs."""

import json
import os
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
"""The root of this project."""

VERSIONS: dict[str, Any] = json.loads(Path(__file__).with_name("versions.json").read_text())
"""The pinned versions. The sandbox reads the same file."""


def cache() -> Path:
    """Return the user's cache folder, which all checkouts share.

    XDG base directories: https://specifications.freedesktop.org/basedir/latest/
    """
    own = os.environ.get("ACR_TRANSFER_CACHE")
    if own:
        return Path(own).expanduser().resolve()
    # The specification says to ignore relative paths.
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "acr-transfer"
