"""What every fuzzer uses: a worker for its cases, and a campaign for its figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.fuzz.campaign import Campaign
from tests.fuzz.limits import Worker


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Runs the command, and functions of the product, within limits."""
    with Worker(tmp_path_factory.mktemp("worker")) as found:
        yield found


@pytest.fixture(scope="module")
def campaign(request: pytest.FixtureRequest) -> Iterator[Campaign]:
    """The figures of a module, `test_documents` for example; the last test asserts that `found` is empty."""
    found = Campaign(request.module.__name__.rpartition("test_")[2])
    yield found
    found.save()
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{found.line()}", file=sys.__stdout__, flush=True)
