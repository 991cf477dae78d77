"""Set-up on a machine whose `go`, `node` and `npm` are small scripts that write down what they are asked."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

GO = """#!/bin/sh
PATH=/usr/bin:/bin
[ "$1" = version ] && { echo "go version ${FAKE_GO:-go1.26.8} linux/amd64"; exit; }
echo "go $*" >> "$ASKED"
[ "$GOFLAGS" = -trimpath ] || { echo "flags of the user: $GOFLAGS"; exit 1; }
case "$1 $*" in
  get*"$FAKE_REFUSED") echo "reading module: 403 Forbidden"; exit 1 ;;
  get*) [ -z "$FAKE_OFFLINE" ] || { echo "dial tcp: no such host"; exit 1; } ;;
  build*) mkdir bin; echo half > bin/half; sleep "${FAKE_SLOW:-0}"
    while [ -n "$FAKE_UNTIL" ] && [ ! -e "$FAKE_UNTIL" ]; do sleep 0.05; done
    mv bin/half bin/pulumi ;;
  install*) mkdir "$GOBIN"; echo whole > "$GOBIN/registry" ;;
esac
"""

NPM = """#!/bin/sh
PATH=/usr/bin:/bin
echo "npm $*" >> "$ASKED"
echo "npm warn EBADENGINE noise"
mkdir -p node_modules/azurite/dist/src/blob
echo whole > node_modules/azurite/dist/src/blob/main.js
mkdir -p node_modules/@pulumi/pulumi
echo whole > node_modules/@pulumi/pulumi/index.js
"""

NODE = "#!/bin/sh\necho v20.20.2\n"


class Machine:
    """A checkout, a cache and a PATH of their own."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "my checkout"
        self.cache = folder / "my cache"
        self.programs = folder / "programs"
        self.asked = folder / "asked"
        self.programs.mkdir()
        shutil.copytree(CHECKOUT / "setup", self.checkout / "setup")
        for name, script in {"go": GO, "npm": NPM, "node": NODE}.items():
            self.put(name, script)

    def put(self, name: str, script: str) -> None:
        program = self.programs / name
        program.write_text(script)
        program.chmod(0o755)

    def start(self, *things: str, **env: str) -> subprocess.Popen[str]:
        own = {"PATH": str(self.programs), "ACR_TRANSFER_CACHE": str(self.cache), "ASKED": str(self.asked)}
        return subprocess.Popen(
            [sys.executable, "-m", "setup", *things],
            cwd=self.checkout,
            env={"FAKE_REFUSED": "none", "HOME": os.environ.get("HOME", "/")} | own | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever starts the tests in the background has SIGINT ignored, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *things: str, **env: str) -> tuple[int, str]:
        """Return the exit code and what was said on stderr; nothing is ever said on stdout."""
        process = self.start(*things, **env)
        said, output = process.communicate(timeout=60)
        assert said == ""
        return process.returncode, output

    def commands(self) -> list[str]:
        return self.asked.read_text().splitlines() if self.asked.exists() else []

    def in_cache(self) -> set[str]:
        """Every installed or left-over thing, by its path in the cache."""
        found = (path for path in self.cache.glob("*/*") if path.name != ".lock")
        return {str(path.relative_to(self.cache)) for path in found}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_everything_lands_in_the_cache_by_version_also_in_a_path_with_a_space(machine: Machine) -> None:
    assert machine.run("pulumi", "registry", "azurite", "node-sdk")[0] == 0
    for file in (
        "pulumi/v3.259.0/bin/pulumi",
        "registry/v3.1.2/bin/registry",
        "azurite/3.37.0/node_modules/azurite/dist/src/blob/main.js",
        "node-sdk/3.270.0/node_modules/@pulumi/pulumi/index.js",
    ):
        assert (machine.cache / file).is_file()


def test_a_user_reads_what_is_done_and_how_long_it_takes_and_no_noise_of_others(machine: Machine) -> None:
    output = machine.run("azurite")[1]
    assert "the storage server Azurite 3.37.0 (about 1 minute" in output
    assert "done in" in output
    assert "EBADENGINE" not in output


def test_a_second_run_installs_nothing_and_says_nothing(machine: Machine) -> None:
    machine.run("pulumi", "registry", "azurite")
    before = machine.commands()
    assert machine.run("pulumi", "registry", "azurite") == (0, "")
    assert machine.commands() == before


def test_what_a_package_depends_on_is_pinned_by_a_day(machine: Machine) -> None:
    machine.run("azurite")
    assert "--before 2026-11-01" in machine.commands()[0]


def test_a_pulumi_on_the_path_that_is_new_enough_is_used_as_it_is(machine: Machine) -> None:
    machine.put("pulumi", "#!/bin/sh\necho v3.1000.0\n")
    (machine.programs / "go").unlink()
    assert machine.run("pulumi") == (0, "")
    assert not machine.cache.exists()


@pytest.mark.parametrize("prints", ["echo v3.99.0", "echo v2.999.9", "exit 1"])
def test_a_pulumi_on_the_path_that_is_too_old_or_broken_is_refused_with_the_next_step(
    machine: Machine, prints: str
) -> None:
    machine.put("pulumi", f"#!/bin/sh\n{prints}\n")
    exit_code, output = machine.run("pulumi")
    assert exit_code == 1
    assert f"`{machine.programs / 'pulumi'} version` prints" in output
    assert "v3.258.0 or later is required" in output
    assert output.count("brew install pulumi/tap/pulumi") == 1
    assert not machine.commands()


def test_before_a_build_set_up_names_the_faster_ways_to_install_pulumi(machine: Machine) -> None:
    output = machine.run("pulumi")[1]
    assert "curl -fsSL https://get.pulumi.com | sh" in output
    assert "brew install pulumi/tap/pulumi" in output


def test_a_cache_of_an_earlier_set_up_gets_the_language_host_without_a_build(machine: Machine) -> None:
    machine.run("pulumi")
    host = machine.cache / "pulumi" / "v3.259.0" / "bin" / "pulumi-language-python"
    assert os.access(host, os.X_OK)
    host.unlink()
    before = machine.commands()
    assert machine.run("pulumi")[0] == 0
    assert machine.commands() == before
    assert os.access(host, os.X_OK)


def test_go_flags_of_the_user_do_not_reach_a_build(machine: Machine) -> None:
    assert machine.run("pulumi", "registry", GOFLAGS="-mod=vendor")[0] == 0


def test_every_missing_prerequisite_is_named_with_its_command_before_anything_is_installed(
    machine: Machine,
) -> None:
    (machine.programs / "go").unlink()
    (machine.programs / "npm").unlink()
    exit_code, output = machine.run("all")
    assert exit_code == 1
    for command in (
        "sudo apt-get install -y golang-go",
        "sudo dnf install -y golang",
        "brew install go",
        "sudo apt-get install -y nodejs npm",
        "brew install node",
    ):
        assert output.count(command) == 1
    assert not machine.cache.exists()
    assert not (machine.checkout / ".venv").exists()


def test_a_go_too_old_to_fetch_a_newer_one_is_named_too(machine: Machine) -> None:
    exit_code, output = machine.run("registry", FAKE_GO="go1.19.8")
    assert exit_code == 1
    assert "Go 1.21 or later" in output


def test_go_is_asked_for_only_where_something_has_to_be_built(machine: Machine) -> None:
    machine.run("pulumi", "registry")
    (machine.programs / "go").unlink()
    assert machine.run("pulumi", "registry") == (0, "")


def test_an_older_pinned_version_is_built_where_the_first_is_no_longer_served(machine: Machine) -> None:
    exit_code, output = machine.run("pulumi", FAKE_REFUSED="v3.259.0")
    assert exit_code == 0
    assert "no longer serves v3.259.0; building v3.258.0 instead" in output
    logs = {f"logs/pulumi-{name}.log" for name in ("init", "get", "build")}
    assert machine.in_cache() == {"pulumi/v3.258.0"} | logs
    assert machine.run("pulumi") == (0, "")


def test_a_network_that_is_down_is_no_reason_for_an_older_version(machine: Machine) -> None:
    exit_code, output = machine.run("pulumi", FAKE_OFFLINE="yes")
    assert exit_code == 1
    assert "v3.258.0" not in output


def test_a_failure_shows_the_last_lines_the_log_and_what_to_do(machine: Machine) -> None:
    output = machine.run("pulumi", FAKE_OFFLINE="yes")[1]
    log = machine.cache / "logs" / "pulumi-get.log"
    assert "| dial tcp: no such host" in output
    assert f"Full output: {log}" in output
    assert "Next: " in output
    assert "no such host" in log.read_text()


def test_a_cache_that_cannot_be_written_is_named(machine: Machine) -> None:
    machine.cache.write_text("a file where the folder should be")
    exit_code, output = machine.run("registry")
    assert exit_code == 1
    assert "ACR_TRANSFER_CACHE" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_install_leaves_nothing_half_done(machine: Machine, how: signal.Signals) -> None:
    process = machine.start("pulumi", FAKE_SLOW="30" if how != signal.SIGKILL else "3")
    eventually(lambda: any(machine.cache.glob("pulumi/.*/bin/half")))
    process.send_signal(how)
    output = process.communicate(timeout=120)[1]
    assert process.returncode == (130 if how != signal.SIGKILL else -signal.SIGKILL), output
    assert not (machine.cache / "pulumi" / "v3.259.0").exists()

    assert machine.run("pulumi")[0] == 0
    assert {path.name for path in (machine.cache / "pulumi").iterdir()} == {".lock", "v3.259.0"}


def test_two_runs_at_once_build_once(machine: Machine) -> None:
    built = machine.checkout / "built"
    first = machine.start("pulumi", FAKE_UNTIL=str(built))
    eventually(lambda: any(machine.cache.glob("pulumi/.*/bin/half")))
    second = machine.start("pulumi")
    assert second.stderr
    assert "waiting for another set-up" in second.stderr.readline()
    built.touch()
    for process in (first, second):
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert sum(command.startswith("go build") for command in machine.commands()) == 1


def test_an_unknown_thing_is_refused_with_the_known_ones(machine: Machine) -> None:
    exit_code, output = machine.run("terraform")
    assert exit_code == 2
    assert (
        "unknown: terraform; expected all, venv, azurite, registry, pulumi, node-sdk, peers, azure-cli"
        in output
    )


def test_make_names_the_python_it_needs(machine: Machine) -> None:
    make = shutil.which("make")
    assert make is not None
    shutil.copy(CHECKOUT / "Makefile", machine.checkout)
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python3"):
        machine.put(name, "#!/bin/sh\nexit 1\n")
    ended = subprocess.run(
        [make, "-C", str(machine.checkout), "install"],
        env={"PATH": f"{machine.programs}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "Python 3.11 or later" in ended.stderr
    assert "sudo apt-get install -y python3 python3-venv" in ended.stderr


def test_make_sets_up_in_a_path_with_a_space_by_the_first_python_that_is_new_enough(machine: Machine) -> None:
    make = shutil.which("make")
    assert make is not None
    shutil.copy(CHECKOUT / "Makefile", machine.checkout)
    for name in ("python3", "python3.14", "python3.13", "python3.12"):
        machine.put(name, "#!/bin/sh\nexit 1\n")
    machine.put("python3.11", f'#!/bin/sh\necho "$@" >> {shlex.quote(str(machine.asked))}\n')
    subprocess.run(
        [make, "-C", str(machine.checkout), "install"],
        env={"PATH": f"{machine.programs}"},
        capture_output=True,
        check=True,
    )
    assert machine.commands()[-1] == "-m setup all"
