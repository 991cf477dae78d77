"""The argument parser: shared options, and one subparser for each command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acr_transfer.cli.commands import Command
from acr_transfer.version import version

_DESCRIPTION = "Choose images, copy the exported blobs to the target, and prove every digest."

_EPILOG = """exit codes:
    0  success; for prove: every artifact is proved
    1  review: a mandatory rule is violated; otherwise an internal error: please report it
    2  invalid command line
    3  prove: an artifact is not proved; review: a stack was not reviewed completely
    4  a stack cannot be read, was never deployed, or lacks an output
    5  hop: no blob was exported, or the import would reject a blob
    6  not logged in, or a permission is missing
    7  a container, storage account, registry or cloud does not exist
    8  hop, pack, unpack: a blob was not copied, or differs from the source
    9  a service is unreachable or returned an unexpected response
   10  an input file is invalid: rules, a lock, a hand-over, a receipt, a log file
   11  plan: an artifact does not exist, or (--strict) has a warning; no lock was written
   12  plan --diff: the two locks differ
   13  status: a run failed, and no later run succeeded
   14  doctor: a fault would make a transfer fail
   15  pack, unpack: a disk is too small, full, or cannot be written or read
  130  interrupted by Ctrl-C; the same command continues

environment:
  ACR_TRANSFER_SOURCE, ACR_TRANSFER_TARGET, ACR_TRANSFER_PROJECT   defaults of --source, --target and --cwd
  NO_COLOR                                                         disables colours

completion, for bash (also zsh and tcsh):
  acr-transfer --print-completion bash > ~/.local/share/bash-completion/completions/acr-transfer"""


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser of the command line."""
    whole = argparse.ArgumentParser(
        prog="acr-transfer",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Help,
        add_help=False,
    )
    listed = whole.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    options = whole.add_argument_group("options")
    options.add_argument("-h", "--help", action="help", help="show this help; COMMAND --help shows more")
    options.add_argument("--version", action=_Version, help="print the version")
    options.add_argument(
        "--print-completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help="print a completion script for this shell",
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
    parser.add_argument(
        "-C", "--cwd", metavar="DIR", type=Path, default=default, help="folder of Pulumi.yaml (%(default)s)"
    )


def seconds(text: str) -> float:
    """A number of seconds, for `type=`."""
    found = float(text)
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return found


def _add_shared(parser: argparse.ArgumentParser) -> None:
    shared = parser.add_argument_group("output")
    shared.add_argument("--json", action="store_true", help="print JSON on stdout instead of a table")
    shared.add_argument("--quiet", action="store_true", help="print only warnings and errors on stderr")
    shared.add_argument(
        "--log-file",
        metavar="FILE",
        type=Path,
        help="append a log for support, without secrets, to this file",
    )


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    lines = [f"  {line}\n      {purpose}" for line, purpose in examples]
    return "\n".join([f"example{'s' if len(lines) > 1 else ''}:", *lines])


class _Help(argparse.RawDescriptionHelpFormatter):
    """Lists the commands without the line of their placeholder."""

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        if not isinstance(action, argparse._SubParsersAction):
            return text
        return "".join(line.removeprefix("  ") for line in text.splitlines(keepends=True)[1:])


class _PrintAndExit(argparse.Action):
    """Prints a text, created only when the option is used, and exits."""

    def __init__(self, option_strings: Sequence[str], dest: str, nargs: Any = None, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=nargs, default=argparse.SUPPRESS, **kwargs)


class _Version(_PrintAndExit):
    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"acr-transfer {version()}")
        parser.exit()


class _Completion(_PrintAndExit):
    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        import shtab

        print(shtab.complete(parser, values))
        parser.exit()
