"""The argument parser: shared options, and one subparser for each command."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from acr_transfer.cli.commands import Command
from acr_transfer.cli.console import write
from acr_transfer.cli.option_types import file_path
from acr_transfer.errors import TransferError
from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.visible_text import visible
from acr_transfer.version import version

_DESCRIPTION = "Choose images, copy the exported blobs to the target, and prove every digest."

_LONGEST = 1000
"""Characters of a message about the command line, which may quote it."""

_OTHER_EXIT_CODES = {
    0: "success; for prove: every artifact is proved",
    1: "review: a mandatory rule is violated; otherwise an internal error: please report it",
    2: "invalid command line",
    130: "interrupted by Ctrl-C; the same command continues",
    141: "the reader of the output closed it",
}
_EPILOG = """environment:
  ACR_TRANSFER_SOURCE, ACR_TRANSFER_TARGET, ACR_TRANSFER_PROJECT   defaults of --source, --target and --cwd
  NO_COLOR                                                         disables colours

completion, for bash (also zsh and tcsh):
  acr-transfer --print-completion bash > ~/.local/share/bash-completion/completions/acr-transfer"""


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser of the command line."""
    whole = _Parser(
        prog="acr-transfer",
        description=_DESCRIPTION,
        epilog=f"exit codes:\n{_exit_codes()}\n\n{_EPILOG}",
        formatter_class=_Help,
        add_help=False,
    )
    listed = whole.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    options = whole.add_argument_group("options")
    options.add_argument("-h", "--help", action="help", help="show this help; COMMAND --help shows more")
    options.add_argument("--version", action=_Print, nargs=0, text=_version, help="print the version")
    shells, completion = ("bash", "zsh", "tcsh"), "print a completion script for this shell"
    options.add_argument(
        "--print-completion", action=_Print, text=_completion, choices=shells, help=completion
    )
    for name, command in commands.items():
        one = listed.add_parser(
            name,
            help=command.PURPOSE,
            description=f"{command.PURPOSE[:1].upper()}{command.PURPOSE[1:]}.",
            epilog=_examples(command.EXAMPLES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.set_defaults(run=command.run)
        command.add_arguments(one)
        _add_shared(one)
    return whole


def add_stack(parser: argparse._ActionsContainer, side: str, purpose: str) -> None:
    """`--source` or `--target`: the name of a stack."""
    default = os.environ.get(f"ACR_TRANSFER_{side.upper()}") or side
    parser.add_argument(f"--{side}", metavar="STACK", default=default, help=f"{purpose} (%(default)s)")


def add_project(parser: argparse._ActionsContainer) -> None:
    """`--cwd`: the folder of the Pulumi project."""
    default = Path(os.environ.get("ACR_TRANSFER_PROJECT") or ".")
    folder = "folder of Pulumi.yaml (%(default)s)"
    parser.add_argument("-C", "--cwd", metavar="DIR", type=file_path, default=default, help=folder)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    shared = parser.add_argument_group("output")
    shared.add_argument("--json", action="store_true", help="print JSON on stdout instead of a table")
    shared.add_argument("--quiet", action="store_true", help="print only warnings and errors on stderr")
    log = "append a log for support, without secrets, to this file"
    shared.add_argument("--log-file", metavar="FILE", type=file_path, help=log)


def _exit_codes() -> str:
    texts = _OTHER_EXIT_CODES | {
        kind.exit_code: f"{kind.__doc__}".rstrip(".") for kind in TransferError.__subclasses__()
    }
    return "\n".join(f"{code:>5}  {text[:1].lower()}{text[1:]}" for code, text in sorted(texts.items()))


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    lines = [f"  {line}\n      {purpose}" for line, purpose in examples]
    return "\n".join([f"example{'s' if len(lines) > 1 else ''}:", *lines])


class _Parser(argparse.ArgumentParser):
    """Prints help and faults of the command line with every character visible, and without credentials."""

    def error(self, message: str) -> NoReturn:
        super().error(message if len(message) < _LONGEST else f"{message[:_LONGEST]}...")

    def _print_message(self, message: str, file: Any = None) -> None:
        write(visible(without_credentials(message)), file or sys.stderr)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Lists the commands without the line of their placeholder."""

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        if not isinstance(action, argparse._SubParsersAction):
            return text
        return "".join(line.removeprefix("  ") for line in text.splitlines(keepends=True)[1:])


class _Print(argparse.Action):
    """Prints a text, created only when the option is used, and exits."""

    def __init__(
        self, *args: Any, text: Callable[[argparse.ArgumentParser, Any], str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **{**kwargs, "dest": argparse.SUPPRESS, "default": argparse.SUPPRESS})
        self._text = text

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        write(f"{self._text(parser, values)}\n", sys.stdout)
        parser.exit()


def _version(*_: Any) -> str:
    return f"acr-transfer {version()}"


def _completion(parser: argparse.ArgumentParser, shell: str) -> str:
    import shtab

    return str(shtab.complete(parser, shell))
