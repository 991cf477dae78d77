"""The command `acr-transfer`: parses the arguments, runs the command, and reports its failure."""

import logging
import shlex
import sys
from collections.abc import Callable, Sequence

from acr_transfer.cli.commands import commands
from acr_transfer.cli.console import OutputError, closed, finish, open_output, show, show_error
from acr_transfer.cli.parser import parser
from acr_transfer.errors import FAILURES, exit_code, explained, internal_error
from acr_transfer.model.credentials import without_credentials

_log = logging.getLogger("acr_transfer")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    open_output()
    try:
        try:
            return _main(list(sys.argv[1:] if argv is None else argv))
        finally:
            finish()
    except OutputError as error:
        return closed(error)


def _main(arguments: list[str]) -> int:
    options = parser(commands()).parse_args(arguments)
    # Python prints warnings of loggers without a handler. Those of Azure's libraries contain requests.
    for name in ("azure", "acr_transfer"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        if options.log_file:
            from acr_transfer.cli.log_file import open_log

            open_log(options.log_file, arguments)
        with explained("an unexpected request", "Azure"):
            run: Callable[..., int] = options.run
            code = run(options)
        _log.info("exit code %d", code)
        return code
    except FAILURES as error:
        _log.error("exit code %d: %s", exit_code(error), error)
        show_error(str(error))
        return exit_code(error)
    except KeyboardInterrupt:
        _log.info("interrupted")
        show(
            "acr-transfer: interrupted. No incomplete result is visible. To continue, run the same command:\n"
            f"  {without_credentials(shlex.join(['acr-transfer', *arguments]))}"
        )
        return 130
    except OutputError:
        raise
    except Exception as error:
        _log.critical("internal error", exc_info=True)
        show_error(internal_error(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
