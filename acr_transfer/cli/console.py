"""The output of a command: the result on stdout, and messages and progress on stderr."""

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from acr_transfer.cli.progress import Progress
from acr_transfer.model.visible_text import visible, visible_line

_log = logging.getLogger("acr_transfer")


class Console:
    """The streams of a command, with `--json` and `--quiet` applied."""

    def __init__(
        self, options: argparse.Namespace, *, results: TextIO | None = None, silent: bool = False
    ) -> None:
        self._json, self._quiet, self._silent = bool(options.json), bool(options.quiet) or silent, silent
        self._results = results

    def of_step(self, *, silent: bool = False) -> "Console":
        """The console of a step of `ship`: the step's result is text on stderr; `silent` prints nothing."""
        options = argparse.Namespace(json=False, quiet=self._quiet)
        return Console(options, results=sys.stderr, silent=silent)

    def result(self, for_machines: Callable[[], object], for_people: Callable[[], str]) -> None:
        """Print the result: JSON with `--json`, else text."""
        if self._silent:
            return
        stream = self._results or sys.stdout
        if self._json:
            print(safe_json(for_machines()), file=stream)
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
        if not self._silent:
            show(f"{coloured('warning:', 'yellow', sys.stderr)} {visible_line(text)}")

    def error(self, text: str) -> None:
        """Print an error on stderr."""
        _log.error("%s", text)
        if not self._silent:
            show_error(text)

    def progress(self) -> Progress:
        """A progress display, visible only on a terminal."""
        return Progress(sys.stderr, quiet=self._quiet)


def show(text: str, stream: TextIO | None = None) -> None:
    """Print text on a stream (default: stderr) with every character visible; a terminal gets the colours."""
    stream = sys.stderr if stream is None else stream
    parts = _COLOURS.split(text) if _has_colours(stream) else [text]
    print("".join(part if _COLOURS.fullmatch(part) else visible(part) for part in parts), file=stream)


def show_error(text: str) -> None:
    """Print the message of a failure on stderr."""
    show(f"{coloured('acr-transfer:', 'red', sys.stderr)} {text}")


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
