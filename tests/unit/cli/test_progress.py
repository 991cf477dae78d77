"""Progress is shown on a terminal only."""

from __future__ import annotations

import io

import pytest

from acr_transfer.cli.progress import HopProgress, Progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_on_a_terminal_and_leaves_its_line_clean() -> None:
    stream = _Terminal()
    with Progress(stream) as progress:
        HopProgress(progress).begin(2, 2048)
        HopProgress(progress).advance("b", 1024)
    assert "2 blobs" in stream.getvalue()
    assert stream.getvalue().endswith("\033[2K")


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO(), False), (_Terminal(), True)])
def test_progress_elsewhere_or_with_quiet_shows_nothing(stream: io.StringIO, quiet: bool) -> None:
    with Progress(stream, quiet=quiet) as progress:
        progress.show("looking")
        progress.begin("pieces", 10)
        progress.advance(10)
    assert stream.getvalue() == ""
