"""The progress of long work, as far as the steps report it; the command line shows it."""

from __future__ import annotations

from typing import Protocol


class ProgressReporter(Protocol):
    """Receives the progress of one step after another."""

    def begin(self, text: str, total: float, *, of_bytes: bool = False) -> None:
        """Start to count up to `total` items, or bytes."""

    def advance(self, amount: float) -> None:
        """Count `amount` more."""

    def show(self, text: str) -> None:
        """Replace the text."""


class NoProgress:
    """A reporter for callers without interest in progress."""

    def begin(self, text: str, total: float, *, of_bytes: bool = False) -> None:
        """Ignore the step."""

    def advance(self, amount: float) -> None:
        """Ignore the count."""

    def show(self, text: str) -> None:
        """Ignore the text."""
