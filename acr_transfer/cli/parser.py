"""The command line: what all commands share, and one subparser for each of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acr_transfer.cli.commands import Command

_ABOUT = (
    "Say which images move, carry what a source stack exported to a target stack, and prove what arrived."
)

_ENDING = """exit codes:
    0  done; for prove: everything is proved
    1  review: a mandatory rule is broken; else a fault of this program: please report it
    2  the command line is wrong
    3  prove: not everything is proved; review: a stack was not reviewed completely
    4  a stack cannot be read, was never deployed, or lacks an output
    5  hop: nothing was exported, or a blob that the import would not take
    6  nobody is logged in, or a right is missing
    7  a container, storage account, registry or cloud is not there
    8  hop, pack, unpack: a blob was not copied, or is not as it is at the source
    9  a service cannot be reached or answers something unexpected
   10  a file that was given is not what it should be: rules, a lock, a hand-over, a receipt, a log file
   11  plan: an artifact is not there, or (--strict) must not move as it is; no lock was written
   12  plan --diff: the two locks differ
   13  status: a run failed, and nothing has mended it since
   14  doctor: something would make a transfer fail
   15  pack, unpack: a disk is too small, full, or cannot be written or read
  130  stopped by Ctrl-C; the same command goes on


environment:
  ACR_TRANSFER_SOURCE, ACR_TRANSFER_TARGET, ACR_TRANSFER_PROJECT   defaults of --source, --target and --cwd
  NO_COLOR                                                         set: no colours

completion, for bash (also zsh and tcsh):
  acr-transfer --print-completion bash > ~/.local/share/bash-completion/completions/acr-transfer"""


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser(
        prog="acr-transfer",
        description=_ABOUT,
        epilog=_ENDING,
        formatter_class=_Help,
        add_help=False,
    )
    listed = whole.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    options = whole.add_argument_group("options")
    options.add_argument("-h", "--help", action="help", help="show this and leave; COMMAND --help shows more")
    options.add_argument("--version", action=_Version, help="print the version and leave")
    options.add_argument(
        "--print-completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help="print a completion script for this shell and leave",
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
    """`--cwd`: the folder in which Pulumi is asked for the stacks."""
    default = Path(os.environ.get("ACR_TRANSFER_PROJECT") or ".")
    parser.add_argument(
        "-C", "--cwd", metavar="DIR", type=Path, default=default, help="folder of Pulumi.yaml (%(default)s)"
    )


def seconds(text: str) -> float:
    """A number of seconds, for `type=`."""
    found = float(text)
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return found


def _add_shared(parser: argparse.ArgumentParser) -> None:
    shared = parser.add_argument_group("what it says")
    shared.add_argument("--json", action="store_true", help="print JSON on stdout instead of a table")
    shared.add_argument(
        "--quiet", action="store_true", help="no progress and no remarks on stderr, errors alone"
    )
    shared.add_argument(
        "--log-file",
        metavar="FILE",
        type=Path,
        help="append what was done and asked, for support; no secret is written to it",
    )


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    lines = [f"  {line}\n      {purpose}" for line, purpose in examples]
    return "\n".join([f"example{'s' if len(lines) > 1 else ''}:", *lines])


class _Help(argparse.RawDescriptionHelpFormatter):
    """Lists the commands without a line for their placeholder."""

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        if not isinstance(action, argparse._SubParsersAction):
            return text
        return "".join(line.removeprefix("  ") for line in text.splitlines(keepends=True)[1:])


class _Leaving(argparse.Action):
    """Prints something and leaves; what it prints is made only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, nargs: Any = None, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=nargs, default=argparse.SUPPRESS, **kwargs)


class _Version(_Leaving):
    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"acr-transfer {version()}")
        parser.exit()


class _Completion(_Leaving):
    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        import shtab

        print(shtab.complete(parser, values))
        parser.exit()


def version() -> str:
    """The installed version; `unknown` where the code runs without being installed."""
    from importlib import metadata

    try:
        return metadata.version("acr-transfer")
    except metadata.PackageNotFoundError:
        return "unknown"
