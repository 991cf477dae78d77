"""How far the work is, for the person who waits: on stderr, so that stdout is the result alone."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

from transfer.report import amount


class Progress:
    """How far the work is: one line that is rewritten on a terminal, now and then a line elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._pause = 0.1 if self._terminal else 5.0
        self._next = 0.0
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since this began."""
        return time.monotonic() - self._begun

    def show(self, text: str) -> None:
        """The newest state; the ones that come too fast to be read are left out."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._pause
        if self._terminal:
            width = shutil.get_terminal_size().columns
            self._write(f"\r\033[K{text[: width - 1]}")
        else:
            self._write(f"{text}\n")

    def end(self) -> None:
        """Leave the terminal's line clean for what follows."""
        if self._terminal:
            self._write("\r\033[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class HopProgress:
    """Counts what `hop` carries and shows it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._blobs = self._total = self._done = 0

    def begin(self, blobs: int, total: int) -> None:
        """How much there is to carry."""
        self._blobs, self._total = blobs, total
        self.advance("", 0)

    def advance(self, _name: str, size: int) -> None:
        """So many bytes more have arrived, or were there."""
        self._done += size
        rate = amount(self._done / max(self._progress.seconds, 0.001))
        self._progress.show(f"{self._blobs} blobs: {amount(self._done)} of {amount(self._total)}, {rate}/s")
