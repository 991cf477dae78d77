"""The output of a command: the result on stdout, and messages and progress on stderr."""

import argparse
import errno
import io
import json
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from acr_transfer.cli.progress import Progress
from acr_transfer.errors import DiskError
from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.visible_text import visible, visible_line

_CLOSED_PIPE = 128 + 13

_log = logging.getLogger("acr_transfer")


class Console:
    """The streams of a command, with `--json` and `--quiet` applied."""

    def __init__(self, options: argparse.Namespace, *, results: TextIO | None = None) -> None:
        self._json, self._quiet, self._results = bool(options.json), bool(options.quiet), results

    def of_step(self) -> "Console":
        """The console of a step of `ship`: the step's result is text on stderr."""
        options = argparse.Namespace(json=False, quiet=self._quiet)
        return Console(options, results=sys.stderr)

    def result(self, for_machines: Callable[[], object], for_people: Callable[[], str]) -> None:
        """Print the result: JSON with `--json`, else text."""
        stream = self._results or sys.stdout
        if self._json:
            write(f"{safe_json(for_machines())}\n", stream)
        else:
            show(for_people(), stream)

    def remark(self, text: str, colour: str = "") -> None:
        """Print a line of information on stderr, unless `--quiet`."""
        _log.info("%s", text)
        if not self._quiet:
            line = visible_line(text)
            show(coloured(line, colour, sys.stderr) if colour else line)

    def warn(self, text: str) -> None:
        """Print a warning of one line on stderr, with `--quiet` too."""
        _log.warning("%s", text)
        show(f"{coloured('warning:', 'yellow', sys.stderr)} {visible_line(text)}")

    def error(self, text: str) -> None:
        """Print an error on stderr."""
        _log.error("%s", text)
        show_error(text)

    def progress(self) -> Progress:
        """A progress display, visible only on a terminal."""
        return Progress(sys.stderr, quiet=self._quiet)


def show(text: str, stream: TextIO | None = None) -> None:
    """Print text on a stream (default: stderr) with every character visible; a terminal gets the colours.

    No credential is shown, whatever the text quotes: a file may be named like a URL with a token.
    """
    stream = sys.stderr if stream is None else stream
    text = without_credentials(text)
    parts = _COLOURS.split(text) if _has_colours(stream) else [text]
    shown = "".join(part if _COLOURS.fullmatch(part) else visible(part) for part in parts)
    write(f"{shown}\n", stream)


class OutputError(Exception):
    """Stdout or stderr cannot be written. No handler for errors of files and connections takes it for one."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output cannot be written: {error.strerror}")
        self.is_closed_pipe = error.errno == errno.EPIPE


def write(text: str, stream: TextIO) -> None:
    """Write to stdout or stderr. Raises `OutputError`, which no error of a file or a connection can be."""
    try:
        stream.write(text)
    except OSError as error:
        raise OutputError(error) from None


def open_output() -> None:
    """Let stdout and stderr accept every character, and exist: a shell may have closed them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Write everything that stdout and stderr still hold. Raises `OutputError`."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            raise OutputError(error) from None


def closed(error: OutputError) -> int:
    """Discard the rest of the output, and return the exit code.

    A reader such as `head` that closes the pipe is not a failure: the code is that of a program which the
    signal of a closed pipe ends. https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    if error.is_closed_pipe:
        return _CLOSED_PIPE
    show_error(str(error))
    return DiskError.exit_code


def show_error(text: str) -> None:
    """Print the message of a failure on stderr."""
    show(f"{coloured('acr-transfer:', 'red', sys.stderr)} {without_credentials(text)}")


def safe_json(value: object) -> str:
    """Return a value as JSON in ASCII, which no terminal and no CI runner takes for a command."""
    # "##" begins a command of Azure Pipelines anywhere in a line.
    return json.dumps(value, indent=2).replace("##", r"#\u0023")


_CODES = {"red": 31, "green": 32, "yellow": 33, "dim": 2, "bold": 1}
_COLOURS = re.compile(rf"(\033\[(?:0|{'|'.join(map(str, _CODES.values()))})m)")
"""The colours of `coloured`, the only control characters that `show` leaves as they are."""


def coloured(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour if the stream (default: stdout) is a terminal and NO_COLOR is not set.

    https://no-color.org
    """
    return f"\033[{_CODES[colour]}m{text}\033[0m" if _has_colours(stream or sys.stdout) else text


def _has_colours(stream: TextIO) -> bool:
    return not (os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb") and stream.isatty()
