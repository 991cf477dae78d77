"""The progress of a copy, as tests receive it."""

from __future__ import annotations

from collections.abc import Callable


class Progress:
    """Passes each advance on to a function of the test."""

    def __init__(self, advance: Callable[[str, int, bool], None] = lambda *_: None) -> None:
        self._advance = advance

    def begin(self, blobs: int, size: int) -> None:
        """Does nothing."""

    def advance(self, name: str, size: int, sent: bool) -> None:
        """Call the function."""
        self._advance(name, size, sent)
