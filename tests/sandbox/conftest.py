"""What the tests of the sandbox share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.identity import ManagedIdentityCredential

from sandbox.facts import CLOUDS
from sandbox.places import Places
from tests.sandbox.here import Here, looked_up


@pytest.fixture(scope="module", params=CLOUDS, ids=lambda facts: facts.side)
def here(
    request: pytest.FixtureRequest, places: Places, sandbox_environment: dict[str, str]
) -> Iterator[Here]:
    """Each of the two clouds in turn, as who calls from this machine."""
    said = looked_up()
    patch = pytest.MonkeyPatch()
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        patch.setenv(name, sandbox_environment[name])
    with ManagedIdentityCredential() as credential:
        yield Here(request.param, places, said[request.param.side], credential)
    patch.undo()
