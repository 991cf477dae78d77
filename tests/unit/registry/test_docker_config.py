"""Docker's configuration and credential helpers, whatever they hold and however long they take."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from acr_transfer.errors import AccessError
from acr_transfer.registry import docker_config
from acr_transfer.registry.docker_config import docker_credentials


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{",
        '{"auths": []}',
        '{"auths": {"host": []}}',
        '{"auths": {"host": {"auth": 7}}}',
        '{"auths": {"host": {"auth": ["x"]}}}',
        '{"auths": {"host": {"auth": "/w=="}}}',
        '{"auths": {"host": {"identitytoken": 7}}}',
        '{"credsStore": 7}',
        '{"credsStore": "../../bin/true"}',
        '{"credHelpers": ["x"]}',
        '{"credHelpers": {"host": {"a": 1}}}',
        '{"a": ' + "[" * 100_000,
    ],
)
def test_a_configuration_of_another_form_has_no_credentials(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    assert docker_credentials("host", {"DOCKER_CONFIG": str(tmp_path)}) is None


def test_a_configuration_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    assert docker_credentials("host", {"DOCKER_CONFIG": str(tmp_path)}) is None


def helper(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a configuration with a credential helper."""
    program = tmp_path / "docker-credential-ours"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (tmp_path / "config.json").write_text('{"credsStore": "ours"}')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return {"DOCKER_CONFIG": str(tmp_path)}


@pytest.mark.parametrize(
    "script",
    [
        "echo '[]'",
        "echo '{}'",
        'echo \'{"Username": 7, "Secret": "x"}\'',
        'echo \'{"Username": "me", "Secret": "x"}\'; exit 1',
        "printf '\\377'",
        "echo '[[[['",
    ],
)
def test_a_helper_that_answers_something_else_has_no_credentials(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert docker_credentials("host", helper(tmp_path, script, monkeypatch)) is None


def test_a_helper_that_hangs_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_config, "HELPER_SECONDS", 0.5)
    environ = helper(tmp_path, f"sleep 1000 & echo $! > {tmp_path}/child; wait", monkeypatch)
    with pytest.raises(AccessError, match="docker-credential-ours did not answer") as failed:
        docker_credentials("host", environ)
    assert "echo host | docker-credential-ours get" in str(failed.value)
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "stat"
    for _ in range(300):
        # A killed process is gone, or a zombie until its new parent has read its status.
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the helper's child is alive")
