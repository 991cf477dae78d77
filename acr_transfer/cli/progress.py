"""The progress display: on stderr, and only on a terminal."""

import time
from typing import TYPE_CHECKING, TextIO

from acr_transfer.model.visible_text import visible_line
from acr_transfer.progress import ProgressReporter
from acr_transfer.units import human_size, plural

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress(ProgressReporter):
    """One line of a terminal: counted work with rate and remaining time, or a state in words.

    Other streams, and `quiet`, show nothing. As a context manager, it clears the line at the end.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._shown = stream.isatty() and not quiet
        self._started = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def seconds(self) -> float:
        """Time since this display was created."""
        return time.monotonic() - self._started

    def begin(self, text: str, total: float | None, *, of_bytes: bool = False) -> None:
        """Start to count up to `total`, in bytes or items (None: only wait). The previous count ends."""
        self.end()
        if self._shown:
            self._bar = _bar(self._stream, total, of_bytes=of_bytes)
            self._bar.add_task(visible_line(text), total=total)
            self._bar.start()

    def advance(self, amount: float) -> None:
        """Count completed work; the total grows if it is exceeded."""
        if self._bar is not None:
            task = self._bar.tasks[0]
            done = task.completed + amount
            self._bar.update(task.id, completed=done, total=max(task.total or 0, done))

    def show(self, text: str) -> None:
        """Replace the state in words."""
        if self._bar is None:
            self.begin(text, None)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=visible_line(text))

    def end(self) -> None:
        """Clear the line."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _bar(stream: TextIO, total: float | None, *, of_bytes: bool = False) -> "Bar":
    """A bar up to `total`; without a total, a spinner."""
    from rich import progress
    from rich.console import Console
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        """A rate in binary units, like the sizes beside it; rich's own rate is decimal."""

        def render(self, task: progress.Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{human_size(speed)}/s" if speed else "", style="progress.data.speed")

    columns: list[progress.ProgressColumn] = [progress.TextColumn("{task.description}", markup=False)]
    if total is None:
        columns = [progress.SpinnerColumn(), *columns, progress.TimeElapsedColumn()]
    else:
        counts = (
            [progress.DownloadColumn(binary_units=True), Rate()]
            if of_bytes
            else [progress.MofNCompleteColumn()]
        )
        columns += [progress.BarColumn(), *counts, progress.TimeRemainingColumn()]
    return progress.Progress(*columns, console=Console(file=stream), transient=True)


class HopProgress:
    """The progress of a copy, in bytes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, blobs: int, total: int) -> None:
        """Start to count the bytes of these blobs."""
        self._progress.begin(plural(blobs, "blob"), total, of_bytes=True)

    def advance(self, _name: str, size: int, _sent: bool = True) -> None:
        """Count bytes that were copied or existed at the target."""
        self._progress.advance(size)
