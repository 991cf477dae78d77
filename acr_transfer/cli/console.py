"""The output of a command: the result on stdout, and messages and progress on stderr."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import TextIO

from acr_transfer.cli.progress import Progress

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
        text = json.dumps(for_machines(), indent=2, ensure_ascii=False) if self._json else for_people()
        print(text, file=self._results or sys.stdout)

    def remark(self, text: str) -> None:
        """Print information on stderr, unless `--quiet`."""
        _log.info(text)
        if not self._quiet:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Print a warning on stderr, with `--quiet` too."""
        _log.warning(text)
        if not self._silent:
            print(f"{coloured('warning:', 'yellow', sys.stderr)} {text}", file=sys.stderr)

    def error(self, text: str) -> None:
        """Print an error on stderr."""
        _log.error(text)
        if not self._silent:
            print(f"{coloured('acr-transfer:', 'red', sys.stderr)} {text}", file=sys.stderr)

    def progress(self) -> Progress:
        """A progress display, visible only on a terminal."""
        return Progress(sys.stderr, quiet=self._quiet)


_CODES = {"red": 31, "green": 32, "yellow": 33, "dim": 2, "bold": 1}


def coloured(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour if the stream (default: stdout) is a terminal and NO_COLOR is not set.

    https://no-color.org
    """
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"
