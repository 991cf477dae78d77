"""The frame that all commands share: help, version, completion, quiet, colours, the log file."""

from __future__ import annotations

import argparse
import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acr_transfer.__main__ import main
from acr_transfer.cli.commands import commands
from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.log_file import masked, open_log
from acr_transfer.cli.parser import parser
from acr_transfer.errors import InputError, TransferError

ALL = commands()
ROOT = Path(__file__).resolve().parents[2]


def left(*line: str) -> int | str | None:
    """The exit code of a line that ends in the parser."""
    with pytest.raises(SystemExit) as stopped:
        main(line)
    return stopped.value.code


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_with_an_example_of_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left(name, "--help") == 0
    said = capsys.readouterr().out
    for line, _ in ALL[name].EXAMPLES:
        assert f"acr-transfer {name}" in line
        assert line in said
    for option in ("--json", "--quiet", "--log-file"):
        assert option in said


@pytest.mark.parametrize("name", ALL)
def test_every_example_is_a_line_that_the_parser_takes(name: str) -> None:
    for line, _ in ALL[name].EXAMPLES:
        # What follows a pipe or a redirection belongs to the shell.
        words = line.replace("'", "").split(" > ")[0].split(" | ")[0].split()[1:]
        assert parser(ALL).parse_args(words).command == name


def test_help_lists_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert left("--help") == 0
    said = capsys.readouterr().out
    for name, command in ALL.items():
        assert f"\n  {name} " in said
        assert command.PURPOSE.split()[0] in said
    kinds: list[type[TransferError]] = [TransferError, *TransferError.__subclasses__()]
    codes = {kind.exit_code for kind in kinds} | {0, 2, 130}
    assert [code for code in codes if f"\n{code:>5}  " not in said] == []
    document = (ROOT / "docs/commands.md").read_text()
    assert [code for code in codes if f"\n| {code} |" not in document] == []


def test_every_command_has_a_chapter_in_the_docs() -> None:
    lines = [line for file in (ROOT / "docs").glob("*.md") for line in file.read_text().splitlines()]
    titles = {word.strip("`,:") for line in lines if line.startswith("#") for word in line.split()}
    assert [name for name in ALL if name not in titles] == []


def test_help_comes_without_the_heavy_libraries() -> None:
    program = (
        "import sys; from acr_transfer.cli.parser import parser;"
        "from acr_transfer.cli.commands import commands;"
        "parser(commands()).format_help();"
        "heavy = {'azure', 'aiohttp', 'pydantic', 'rich', 'shtab'};"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert left("--version") == 0
    assert f'version = "{capsys.readouterr().out.split()[1]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_completion_script_knows_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert left("--print-completion", shell) == 0
    said = capsys.readouterr().out
    assert [name for name in ALL if name not in said] == []


@pytest.mark.parametrize("line", [[], ["nope"], ["--print-completion", "fish"], ["hop", "--nope"]])
def test_a_wrong_line_exits_with_2_and_shows_the_right_one(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert left(*line) == 2
    assert "usage: acr-transfer" in capsys.readouterr().err


def test_the_environment_names_stacks_and_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACR_TRANSFER_SOURCE", "one")
    monkeypatch.setenv("ACR_TRANSFER_PROJECT", "there")
    options = parser(ALL).parse_args(["hop", "--target", "two"])
    assert (options.source, options.target, options.cwd) == ("one", "two", Path("there"))


def test_quiet_leaves_the_result_and_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(argparse.Namespace(json=False, quiet=True))
    console.remark("by the way")
    console.warn("take care")
    console.result(dict, lambda: "it is done")
    assert capsys.readouterr() == ("it is done\n", "warning: take care\n")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "no_color", "expected"),
    [
        (_Terminal(), "", "\033[31mno\033[0m"),
        (_Terminal(), "1", "no"),
        (io.StringIO(), "", "no"),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    stream: io.StringIO, no_color: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("no", "red", stream) == expected


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.mark.usefixtures("logging_as_before")
def test_the_log_file_tells_what_was_done_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "support.log"
    open_log(path, ["hop", "--source", "s"])
    logging.getLogger("azure.something").info(
        "GET https://a/c?sp=r&sig=SECRET%2F1&se=2 Authorization: Bearer SECRET"
    )
    logging.getLogger("acr_transfer.copy.hop").error("it did not go well")
    text = path.read_text()
    assert "hop --source s" in text
    assert "it did not go well" in text
    assert "SECRET" not in text
    assert "se=2" in text


def test_a_log_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--log-file"):
        open_log(tmp_path / "no" / "file", [])


@pytest.mark.parametrize(
    "text",
    [
        "https://a/c?sv=1&sig=SECRET",
        "sig%3DSECRET",
        "AccountName=a;AccountKey=SECRET==;x",
        "Authorization: Bearer SECRET",
        "authorization: SharedKey a:SECRET",
        "'Authorization': 'Basic SECRET'",
        '{"access_token": "SECRET"}',
        "grant_type=x&refresh_token=SECRET&y",
        "eyJhbGciOiJSUzI1NiJ9.SECRET.SECRET",
        "AGE-SECRET-KEY-1SECRET",
    ],
)
def test_what_looks_like_a_secret_is_blanked(text: str) -> None:
    assert "SECRET" not in masked(text).replace("AGE-SECRET-KEY", "")


@pytest.mark.parametrize("line", [[], ["nope"], ["prove", "--wait", "soon"], ["prove", "--wait", "-1"]])
def test_a_wrong_command_line_exits_with_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line)
    assert stopped.value.code == 2
    assert "usage: acr-transfer" in capsys.readouterr().err
