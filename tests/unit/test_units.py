"""Sizes as text for people."""

from __future__ import annotations

import pytest

from acr_transfer.units import human_size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * 1024**2, "20.0 MiB"), (8 * 1024**3, "8.0 GiB")],
)
def test_a_size_is_shown_in_the_unit_that_fits(size: int, text: str) -> None:
    assert human_size(size) == text
