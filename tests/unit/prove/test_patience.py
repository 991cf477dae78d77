"""With patience, a proof outlasts failures of every read, and ends at once where no attempt can help."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acr_transfer.errors import RefusedManifestError, ServiceError, UntrustedServiceError
from acr_transfer.model.proof import LayerMode
from acr_transfer.progress import ProgressReporter
from acr_transfer.prove import patience
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.patience import Patience
from acr_transfer.prove.prove import prove
from acr_transfer.prove.verify import Expectation
from tests.unit.registry.memory_registry import MemoryRegistry, digest_of, image, referrer


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)


class Failing(MemoryRegistry):
    """A registry that fails at the first calls of one method."""

    failures: list[Exception]

    def fail(self, method: str, *failures: Exception) -> None:
        self.failures, real = list(failures), getattr(self, method)

        async def called(*arguments: Any) -> Any:
            if self.failures:
                raise self.failures.pop(0)
            return await real(*arguments)

        setattr(self, method, called)


def filled() -> Failing:
    registry = Failing()
    one = image("one")
    registry.put("app", one, "v1")
    registry.put("app", referrer("signature", one), "signature")
    for content in (b"config one", b"{}"):
        registry.blobs["app", digest_of(content)] = content
    return registry


def proved(source: Failing, target: Failing, wait: float) -> Evidence:
    artifacts = ("app:signature", "app:v1")
    expectation = Expectation(
        document="a test", registry="source", artifacts=artifacts, entries={}, checksum=""
    )
    waits = Patience(wait, ProgressReporter())
    return asyncio.run(prove(expectation, source, target, waits, layers=LayerMode.ALL, exact=True))


def unavailable(number: int) -> list[Exception]:
    return [ServiceError(f"no response, number {count}") for count in range(number)]


@pytest.mark.parametrize(
    ("side", "method"),
    [("source", "get"), ("target", "get"), ("target", "referrers"), ("target", "tags")],
)
def test_every_read_is_repeated_until_the_wait_is_over(side: str, method: str) -> None:
    registries = {"source": filled(), "target": filled()}
    registries[side].fail(method, *unavailable(5))
    assert proved(**registries, wait=60).good
    assert registries[side].failures == []


def test_without_a_wait_and_after_it_the_last_reason_is_raised() -> None:
    for wait, reason in ((0.0, "number 0"), (0.05, "number [1-9]")):
        target = filled()
        target.fail("get", *unavailable(1000))
        with pytest.raises(ServiceError, match=reason):
            proved(filled(), target, wait)


@pytest.mark.parametrize(
    "final", [UntrustedServiceError("registry.test"), RefusedManifestError("locked", 405)]
)
def test_a_failure_that_no_attempt_can_change_ends_the_wait(final: Exception) -> None:
    source = filled()
    source.fail("get", final)
    with pytest.raises(type(final)):
        proved(source, filled(), wait=60)


def test_a_temporary_refusal_is_not_final() -> None:
    source = filled()
    source.fail("get", RefusedManifestError("busy", 503))
    assert proved(source, filled(), wait=60).good
