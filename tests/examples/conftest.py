"""Copies of the examples, so that tests do not change the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.example import Example

Copy = Callable[[str], Example]


@pytest.fixture
def copied(tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str]) -> Copy:
    """Copies an example by its name."""
    return lambda name: Example.copied(name, tmp_path, checkout, sandbox_environment)
