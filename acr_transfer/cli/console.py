"""What a command says: the result on stdout, all else on stderr, and as much of it as was asked for."""

from __future__ import annotations

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
    """The two streams of a command, with `--json` and `--quiet` heeded."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._json, self._quiet = bool(options.json), bool(options.quiet)

    def result(self, for_machines: Callable[[], object], for_people: Callable[[], str]) -> None:
        """Print what came of it: JSON if asked for, else the text."""
        print(json.dumps(for_machines(), indent=2, ensure_ascii=False) if self._json else for_people())

    def remark(self, text: str) -> None:
        """Something good to know, on stderr; not with `--quiet`."""
        _log.info(text)
        if not self._quiet:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Something that may go wrong later, on stderr, `--quiet` or not."""
        _log.warning(text)
        print(f"{coloured('warning:', 'yellow', sys.stderr)} {text}", file=sys.stderr)

    def progress(self) -> Progress:
        """How far the work is: shown on a terminal alone."""
        return Progress(sys.stderr, quiet=self._quiet)


_CODES = {"red": 31, "green": 32, "yellow": 33, "dim": 2, "bold": 1}


def coloured(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour if the stream (stdout unless named) is a terminal and NO_COLOR is not set.

    https://no-color.org
    """
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"
