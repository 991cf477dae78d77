"""The share of many similar tests that `make test` runs."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence

_PARTS = 4


def share(cases: Sequence[str]) -> list[str]:
    """A fixed quarter of the cases; all of them with RIGHTS=all, as `make soak` sets it."""
    if os.environ.get("RIGHTS") == "all":
        return list(cases)
    return [case for case in cases if zlib.crc32(case.encode()) % _PARTS == 3]
