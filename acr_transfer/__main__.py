"""The command `acr-transfer`: parses the arguments, runs the command, and reports its failure."""

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from acr_transfer.cli.commands import commands
from acr_transfer.cli.console import OutputError, closed, finish, open_output, show, show_error
from acr_transfer.cli.parser import parser
from acr_transfer.errors import FAILURES, TransferError, exit_code, explained, internal_error
from acr_transfer.file_reader import LIST_BYTES, check_file

_FILES = ("SSL_CERT_FILE", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
"""Variables that name a file for OpenSSL and azure-identity.

https://docs.openssl.org/master/man3/SSL_CTX_load_verify_locations/
https://learn.microsoft.com/python/api/overview/azure/identity-readme#environment-variables
"""

_log = logging.getLogger("acr_transfer")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if sys.platform == "win32":
        sys.exit("acr-transfer: Windows is not supported. Run the same command in WSL: `wsl --install`.")
    open_output()
    try:
        try:
            return _main(list(sys.argv[1:] if argv is None else argv))
        finally:
            finish()
    except OutputError as error:
        return closed(error)


def check_environment() -> None:
    """Raise `TextFileError` for a file that a library would wait for, or read without end."""
    for name in _FILES:
        if path := os.environ.get(name):
            check_file(Path(path), f"file of {name}", LIST_BYTES)


def _main(arguments: list[str]) -> int:
    options = parser(commands()).parse_args(arguments)
    # Python prints warnings of loggers without a handler. Those of Azure's libraries contain requests.
    for name in ("azure", "acr_transfer"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        if options.log_file:
            from acr_transfer.cli.log_file import open_log

            open_log(options.log_file, arguments)
        check_environment()
        with explained("an unexpected request", "Azure"):
            run: Callable[..., int] = options.run
            code = run(options)
        _log.info("exit code %d", code)
        return code
    except FAILURES as error:
        _log.error("exit code %d: %s", exit_code(error), error)
        show_error("\n".join(filter(None, (str(error), _advice(error, options)))))
        return exit_code(error)
    except KeyboardInterrupt:
        _log.info("interrupted")
        show(
            "acr-transfer: interrupted. No incomplete result is visible. To continue, run the same command:\n"
            f"  {shlex.join(['acr-transfer', *arguments])}"
        )
        return 130
    except OutputError:
        raise
    except Exception as error:
        _log.critical("internal error", exc_info=True)
        show_error(internal_error(error))
        return 1


def _advice(error: Exception, options: argparse.Namespace) -> str:
    """The ways out of an error, with the names of the stacks in the command line."""
    stacks = {side: str(getattr(options, side, "")) for side in ("source", "target")}
    return error.advice(stacks) if isinstance(error, TransferError) else ""


if __name__ == "__main__":
    sys.exit(main())
