"""Somebody hears of a SAS token that nears its end, and of no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from components.sas_expiry import RUN_LIMIT, expiry_of, warning_about

EXPIRY = datetime(2026, 12, 1, tzinfo=UTC)
WRITTEN = EXPIRY - timedelta(days=10)


@pytest.mark.parametrize(
    ("left", "written", "share", "words"),
    [
        (timedelta(days=10), WRITTEN, 20, ""),
        (timedelta(days=2), WRITTEN, 20, ""),
        (timedelta(days=2, seconds=-1), WRITTEN, 20, "less than 20 % of its life is left"),
        (timedelta(days=2, seconds=-1), WRITTEN, 10, ""),
        (timedelta(hours=3), WRITTEN, 0, ""),
        (timedelta(hours=3), None, 20, ""),
        (RUN_LIMIT, WRITTEN, 0, ""),
        (RUN_LIMIT - timedelta(seconds=1), None, 0, "119 minutes, and a run may take 2 hours"),
        (timedelta(0), None, 20, "ended at 2026-12-01T00:00:00Z"),
        (timedelta(days=-1), WRITTEN, 20, "every run will be refused"),
    ],
)
def test_a_token_is_warned_about_when_its_end_is_near(
    left: timedelta, written: datetime | None, share: int, words: str
) -> None:
    found = warning_about(EXPIRY, written, EXPIRY - left, share)
    assert bool(found) is bool(words)
    assert words in found
    assert ("pulumi config set acr-transfer:sasExpiry" in found) is bool(words)


@pytest.mark.parametrize(
    "text", ["2026-12-01T00:00:00Z", "2026-12-01T02:30:00.9+02:30", "2026-11-30T19:00:00-05:00"]
)
def test_an_end_is_read_in_utc_and_to_the_second(text: str) -> None:
    assert expiry_of(text) == EXPIRY


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-12-01", "2026-12-01T00:00:00", "0001-01-01T00:00:00+01:00"]
)
def test_a_time_that_another_machine_could_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|isoformat|UTC"):
        expiry_of(text)
