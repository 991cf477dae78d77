"""What all commands share: help, version, completion, quiet mode, colours, the log file."""

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
from acr_transfer.cli.commands import commands, prove, ship
from acr_transfer.cli.console import Console, coloured
from acr_transfer.cli.log_file import masked, open_log
from acr_transfer.cli.parser import parser
from acr_transfer.errors import InputError, NotProvedError, TransferError

ALL = commands()
ROOT = Path(__file__).resolve().parents[3]


def exit_code_of(*line: str) -> int | str | None:
    """The exit code of a command line that ends in the parser."""
    with pytest.raises(SystemExit) as stopped:
        main(line)
    return stopped.value.code


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_every_command_has_its_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(name, "--help") == 0
    said = capsys.readouterr().out
    for line, _ in ALL[name].EXAMPLES:
        assert f"acr-transfer {name}" in line
        assert line in said
    for option in ("--json", "--quiet", "--log-file"):
        assert option in said


@pytest.mark.parametrize("name", ALL)
def test_the_parser_accepts_every_example(name: str) -> None:
    for line, _ in ALL[name].EXAMPLES:
        # The text after a pipe or a redirection belongs to the shell.
        words = line.replace("'", "").split(" > ")[0].split(" | ")[0].split()[1:]
        assert parser(ALL).parse_args(words).command == name


def test_help_lists_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("--help") == 0
    said = capsys.readouterr().out
    for name, command in ALL.items():
        assert f"\n  {name} " in said
        assert command.PURPOSE.split()[0] in said
    kinds: list[type[TransferError]] = [TransferError, *TransferError.__subclasses__()]
    codes = {kind.exit_code for kind in kinds} | {0, 2, 130}
    assert [code for code in codes if f"\n{code:>5}  " not in said] == []
    document = (ROOT / "docs/commands.md").read_text()
    assert [code for code in codes if f"\n| {code} |" not in document] == []


def test_the_docs_have_a_heading_for_every_command() -> None:
    lines = [line for file in (ROOT / "docs").glob("*.md") for line in file.read_text().splitlines()]
    titles = {word.strip("`,:") for line in lines if line.startswith("#") for word in line.split()}
    assert [name for name in ALL if name not in titles] == []


def test_help_loads_no_slow_library() -> None:
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


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("--version") == 0
    assert f'version = "{capsys.readouterr().out.split()[1]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_completion_script_lists_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of("--print-completion", shell) == 0
    said = capsys.readouterr().out
    assert [name for name in ALL if name not in said] == []


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["nope"],
        ["--print-completion", "fish"],
        ["hop", "--nope"],
        ["prove", "--wait", "soon"],
        ["prove", "--wait", "-1"],
        ["prove", "--wait", "1e308"],
        ["prove", "--wait", "nan"],
        ["prove", "--sample", "0"],
        ["prove", "--sample", "९"],
        ["prove", "--sample", "9" * 5000],
        ["prove", "--registry", ".."],
        ["hop", "--cap", "9" * 400],
        ["hop", "--cap", "٣M"],
        ["pack", "x", "--part-size", "0"],
        ["clean", "--older-than", "99999999999"],
        ["status", "--watch", "1e300"],
        ["plan", "--registry", "[::1"],
        ["plan", "--registry", "a:99999"],
        ["plan", "--registry", "a/b"],
        ["plan", "--as-of", "9" * 5000],
        ["plan", "--newest", "9" * 5000],
        ["plan", "--rules", "x" * 5000],
        ["clean", "--side", "x" * 5000],
    ],
)
def test_an_invalid_command_line_exits_with_2_and_shows_the_usage(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(*line) == 2
    said = capsys.readouterr().err
    assert "usage: acr-transfer" in said
    assert len(said.splitlines()[-1]) < 1100


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "AZURE_FEDERATED_TOKEN_FILE"])
def test_a_file_of_the_environment_that_never_ends_is_refused(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "/dev/zero")
    assert main(["plan", "x", "--registry", "localhost:1"]) == 10
    expected = f"The file of {variable} /dev/zero cannot be read: it is a device, not a regular file."
    assert capsys.readouterr().err == f"acr-transfer: {expected}\n"


@pytest.mark.parametrize("name", ["https://user:secret@host", "https://host?sig=" + "s3cret" * 8])
def test_a_file_that_is_named_like_a_url_is_shown_without_its_secret(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--list", name]) == 10
    said = capsys.readouterr().err
    assert "[credential]" in said
    assert "cret" not in said


@pytest.mark.parametrize(
    "line",
    [
        ["plan", "--registry", "https://user:secret@host"],
        ["prove", "--registry", "user:secret@host:5000"],
        ["plan", "--regstry", "https://user:secret@host"],
        ["hop", "--nope", "https://user:s/ecret@host/x"],
        ["hop", "--cap", "https://user:secret@host"],
        ["https://user:secret@host"],
    ],
)
def test_no_password_of_the_command_line_is_repeated(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(*line) == 2
    assert "ecret" not in "".join(capsys.readouterr())


def test_environment_variables_set_the_default_stacks_and_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACR_TRANSFER_SOURCE", "one")
    monkeypatch.setenv("ACR_TRANSFER_PROJECT", "there")
    options = parser(ALL).parse_args(["hop", "--target", "two"])
    assert (options.source, options.target, options.cwd) == ("one", "two", Path("there"))


def test_quiet_prints_only_the_result_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
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
def test_only_a_terminal_without_no_color_shows_colours(
    stream: io.StringIO, no_color: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("no", "red", stream) == expected


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.mark.usefixtures("restored_logging")
def test_the_log_file_contains_actions_and_no_secrets(tmp_path: Path) -> None:
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


def test_an_unwritable_log_file_is_an_error(tmp_path: Path) -> None:
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
def test_texts_that_look_like_secrets_are_masked(text: str) -> None:
    assert "SECRET" not in masked(text).replace("AGE-SECRET-KEY", "")


def test_the_result_of_a_step_is_text_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(argparse.Namespace(json=True, quiet=False))
    console.of_step().result(dict, lambda: "a table")
    assert capsys.readouterr() == ("", "a table\n")


def test_a_step_of_ship_has_the_defaults_of_its_command_and_the_stacks_of_ship() -> None:
    options = parser(ALL).parse_args(["ship", "--source", "one", "--lock", "x.json"])
    step = ship._options_of(prove, options, wait=5.0)
    assert (step.source, step.target, step.wait, step.lock, step.layers) == (
        "one",
        "target",
        5.0,
        None,
        "none",
    )


def test_a_failed_step_keeps_its_exit_code_and_names_itself() -> None:
    def fail() -> str:
        raise NotProvedError("1 missing")

    console = Console(argparse.Namespace(json=False, quiet=True))
    with pytest.raises(TransferError, match=r"^prove: 1 missing\n.*Run `ship` again") as failed:
        ship._run_steps([ship.Step("prove", "compare digests", fail)], console)
    assert failed.value.exit_code == NotProvedError.exit_code
