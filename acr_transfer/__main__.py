"""The command `acr-transfer`: reads the line, runs the command, and says why if it cannot."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Sequence

from acr_transfer.cli.commands import commands
from acr_transfer.cli.console import coloured
from acr_transfer.cli.parser import parser
from acr_transfer.errors import FAILURES, exit_code, explained

_log = logging.getLogger("acr_transfer")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    line = list(sys.argv[1:] if argv is None else argv)
    options = parser(commands()).parse_args(line)
    # Python prints warnings of loggers that nobody listens to. Those of Azure's libraries name requests.
    for name in ("azure", "acr_transfer"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        if options.log_file:
            from acr_transfer.cli.log_file import open_log

            open_log(options.log_file, line)
        with explained("an unforeseen request", "Azure"):
            run: Callable[..., int] = options.run
            code = run(options)
        _log.info("exit code %d", code)
        return code
    except FAILURES as error:
        _log.error("exit code %d: %s", exit_code(error), error)
        print(f"{coloured('acr-transfer:', 'red', sys.stderr)} {error}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        _log.info("stopped")
        print(
            "acr-transfer: stopped. Nothing half done is visible. To go on, run the same again:\n"
            f"  {shlex.join(['acr-transfer', *line])}",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
