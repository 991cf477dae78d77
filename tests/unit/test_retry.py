"""The retry rule: `Retry-After` decides; without it, the wait doubles up to a limit."""

from __future__ import annotations

import pytest

from acr_transfer.retry import TRANSIENT, parse_retry_after, wait_before_retry


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2", 2.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, expected: float | None) -> None:
    assert parse_retry_after(value) == expected


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("0.2", 0.2), ("3600", 60.0)])
def test_the_service_decides_the_wait_up_to_a_minute(value: str, seconds: float) -> None:
    assert wait_before_retry(1, value) == seconds


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (60, 30.0)])
@pytest.mark.parametrize("header", ["", "0", "soon"])
def test_without_a_requested_time_the_wait_doubles(attempt: int, longest: float, header: str) -> None:
    assert longest / 2 <= wait_before_retry(attempt, header) <= longest


def test_client_errors_are_not_retried() -> None:
    assert not TRANSIENT & {400, 401, 403, 404, 409, 412}
