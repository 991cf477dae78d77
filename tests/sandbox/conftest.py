"""Fixtures of the sandbox's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.identity import ManagedIdentityCredential

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, SOURCE
from sandbox.cloud.paths import Paths
from tests.sandbox.here import Bearer, Here, sandbox_status
from tests.sandbox.registry.endpoint import RegistryEndpoint


@pytest.fixture(scope="module", params=CLOUDS, ids=lambda definition: definition.side)
def here(request: pytest.FixtureRequest, paths: Paths, sandbox_environment: dict[str, str]) -> Iterator[Here]:
    """Each of the two clouds with the operator's credential."""
    status = sandbox_status()
    patch = pytest.MonkeyPatch()
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        patch.setenv(name, sandbox_environment[name])
    with ManagedIdentityCredential() as credential:
        yield Here(request.param, paths, status[request.param.side], credential)
    patch.undo()


@pytest.fixture(scope="module")
def cloud(paths: Paths) -> Iterator[Cloud]:
    found = Cloud(SOURCE, paths)
    yield found
    found.database.close()


@pytest.fixture(scope="module")
def registry(cloud: Cloud) -> RegistryEndpoint:
    """The source cloud's predefined registry."""
    return RegistryEndpoint(cloud, SOURCE.registry)


@pytest.fixture
def client(cloud: Cloud, registry: RegistryEndpoint) -> Iterator[ContainerRegistryClient]:
    """Azure's registry client with TLS verification."""
    credential = Bearer(cloud.operator_token(cloud.audience))
    options = {"audience": cloud.arm, "connection_verify": str(cloud.paths.authority)}
    with ContainerRegistryClient(f"https://{registry.server}", credential, **options) as found:
        yield found
