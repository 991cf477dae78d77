"""The sandbox's request log has a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cloud import request_log
from sandbox.cloud.database import Database
from sandbox.cloud.request_log import RequestLog


def test_the_log_keeps_the_newest_exchanges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "KEPT", 250)
    log = RequestLog(Database(tmp_path))
    for number in range(1000):
        log.record("arm", "", ("GET", f"/{number}", 200))
    assert [each["url"] for each in log.exchanges()] == [f"/{number}" for number in range(750, 1000)]


def test_of_a_long_body_the_log_keeps_the_size(tmp_path: Path) -> None:
    log = RequestLog(Database(tmp_path))
    log.record("arm", "", ("PUT", "/x", 200), '{"a": "' + "b" * 300_000 + '"}', "{}")
    (found,) = log.exchanges()
    assert found["request"] == "[300009 characters]"
    assert found["response"] == "{}"
