"""Files that the command writes for itself are for its user only, whatever the umask is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from acr_transfer.__main__ import main
from acr_transfer.review.configuration import configuration
from acr_transfer.review.pack import PolicyPack


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_log_file_is_private_and_holds_no_password_of_a_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    line = ["plan", "https://user:a-password@host/app:1", "--registry", "127.0.0.1:1", "--log-file", str(log)]
    assert main([*line, "--out", str(tmp_path / "lock")]) != 0
    assert log.stat().st_mode & 0o777 == 0o600
    assert "acr-transfer" in log.read_text()
    assert "a-password" not in log.read_text() + "".join(capsys.readouterr())


def test_the_policy_configuration_of_a_review_is_private() -> None:
    with configuration(PolicyPack.load(), "strict", Path("policy/waivers.json")) as file:
        assert file.parent.stat().st_mode & 0o077 == 0
    assert not file.exists()
