"""The share of many similar tests that `make test` runs."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

_PARTS = 4


def todays_share(cases: Sequence[str]) -> list[str]:
    """A quarter of the cases, each day another one; all of them with RIGHTS=all, as `make soak` sets it."""
    if os.environ.get("RIGHTS") == "all":
        return list(cases)
    day = datetime.now(UTC).toordinal()
    return [case for case in cases if (zlib.crc32(case.encode()) + day) % _PARTS == 0]
