"""One refused, reset or interrupted connection ends no `plan` and no `prove`; `--wait` outlasts many."""

from __future__ import annotations

from pathlib import Path

import pytest

from acr_transfer.__main__ import main
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.registry.transport import CONCURRENCY
from tests.transfer.registries.failing_registry import REPOSITORY, FailingRegistry, Failure
from tests.transfer.small_cloud import IMAGE, digest_of

PATHS = ("/v2/", "/_catalog", "/tags/list", "/manifests/v1")


@pytest.fixture
def registry() -> FailingRegistry:
    return FailingRegistry(tags=3)


@pytest.fixture
def lock(registry: FailingRegistry, tmp_path: Path) -> Path:
    return write_lock(registry, tmp_path)


def write_lock(registry: FailingRegistry, folder: Path) -> Path:
    entries = [
        LockedArtifact.build(
            reference=f"{REPOSITORY}:{tag}",
            digest=digest_of(content),
            media_type=IMAGE,
            size=len(content),
            children=(),
            referrers=(),
        )
        for tag, content in registry.manifests.items()
    ]
    Lock.of("source.test", entries).write(folder / "expected.lock.json")
    return folder / "expected.lock.json"


def prove(registry: FailingRegistry, lock: Path, *more: str) -> int:
    return main(["prove", "--lock", str(lock), "--registry", registry.base, *more])


def plan(registry: FailingRegistry, folder: Path) -> int:
    out = str(folder / "planned.lock.json")
    return main(["plan", "--registry", registry.base, "--repository", "**", "--out", out])


@pytest.mark.parametrize("failure", Failure)
@pytest.mark.parametrize("path", PATHS)
def test_one_failure_ends_no_plan(
    path: str, failure: Failure, registry: FailingRegistry, tmp_path: Path
) -> None:
    registry.fails[path] = failure
    with registry.running():
        assert plan(registry, tmp_path) == 0
    assert registry.fails == {}
    assert len(Lock.read(tmp_path / "planned.lock.json").artifacts) == 3


@pytest.mark.parametrize("failure", Failure)
@pytest.mark.parametrize("path", ["/tags/list", "/manifests/v1"])
def test_one_failure_ends_no_proof(
    path: str, failure: Failure, registry: FailingRegistry, lock: Path
) -> None:
    registry.fails[path] = failure
    with registry.running():
        assert prove(registry, lock, "--exact") == 0
    assert registry.fails == {}


def test_a_registry_that_restarts_ends_no_plan(registry: FailingRegistry, tmp_path: Path) -> None:
    with registry.returning(0.4):
        assert plan(registry, tmp_path) == 0


def test_a_proof_waits_for_a_registry_that_refuses_connections(registry: FailingRegistry, lock: Path) -> None:
    with registry.returning(5):
        assert prove(registry, lock, "--wait", "60") == 0


def test_after_the_wait_the_message_has_the_last_reason(
    registry: FailingRegistry, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prove(registry, lock, "--wait", "1") == 9
    error = capsys.readouterr().err
    assert f"127.0.0.1:{registry.port}: no response (ClientConnectorError)" in error


def test_what_was_proved_before_a_failure_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = FailingRegistry(tags=400)
    lock = write_lock(registry, tmp_path)
    # The round fails, and not only its requests.
    monkeypatch.setattr("acr_transfer.http_requests.TRIES", 1)
    with registry.returning(1, after=200):
        assert prove(registry, lock, "--wait", "60") == 0
    read = [count for name, count in registry.served.items() if name in registry.manifests]
    assert len(read) == 400
    assert sum(read) <= 400 + CONCURRENCY


def test_a_limit_for_a_time_slows_a_plan_down_and_does_not_end_it(tmp_path: Path) -> None:
    registry = FailingRegistry(tags=120)
    registry.limit = 70
    with registry.running():
        assert plan(registry, tmp_path) == 0
    assert len(Lock.read(tmp_path / "planned.lock.json").artifacts) == 120
