"""Any request to any endpoint of the sandbox gets an answer that is no server error, and breaks nothing."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from sandbox import lifecycle
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order
from sandbox.storage import blobs
from tests.fuzz.campaign import Campaign
from tests.fuzz.limits import LONG, Finding, Outcome, highest_memory
from tests.fuzz.sandbox_requests import EXISTING, GROUP, REPOSITORY, Credentials, Requests, SentRequest
from tests.sandbox.faults import control
from tests.sandbox.registry.endpoint import RegistryEndpoint, image
from tests.sandbox.transfer.side import SandboxSide, until

CASES = 10_000 if LONG else 1_500
SEED = int(os.environ.get("FUZZ_SEED", "20261129"))
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


class Endpoints:
    """One kept connection to each endpoint of the source cloud."""

    def __init__(self, paths: Paths, timeout: float = 40) -> None:
        self._timeout = timeout
        cloud, running = Cloud(SOURCE, paths), lifecycle.require_running(paths)
        self._tls = ssl.create_default_context(cafile=str(paths.authority))
        self._urls = {
            "management": cloud.arm,
            "vault": cloud.vault_url(EXISTING["vaults"]),
            "registry": f"https://{cloud.login_server(EXISTING['registries'])}",
            "storage": cloud.blob_url("").rstrip("/"),
            "identity": running["identity"]["endpoint"],
            "control": running["control"]["endpoint"],
        }
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def send(self, request: SentRequest) -> tuple[int, bytes]:
        """Send a request; returns status and body, status 0 for a connection that ends without an answer."""
        kept = self._connections.pop(request.endpoint, None)
        connection = kept or self._open(request.endpoint)
        try:
            connection.request(request.method, request.target, request.body, dict(request.headers))
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            # A server may have closed an idle connection.
            return (0, b"") if isinstance(error, TimeoutError) or not kept else self.send(request)
        self._connections[request.endpoint] = connection
        return response.status, body

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _open(self, endpoint: str) -> http.client.HTTPConnection:
        url = urlsplit(self._urls[endpoint])
        assert url.hostname
        if url.scheme == "http":
            return http.client.HTTPConnection(url.hostname, url.port, timeout=self._timeout)
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=self._timeout, context=self._tls)


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    """A side with the resources that the generated requests name."""
    side = SandboxSide(paths, "source", GROUP)
    side.account, side.vault = EXISTING["storageaccounts"], EXISTING["vaults"]
    side.build()
    registry = side.provider("ContainerRegistry", "registries", EXISTING["registries"])
    side.arm("PUT", registry, {"location": SOURCE.location, "sku": {"name": "Premium"}})
    side.container(EXISTING["containers"])
    place = side.provider("ManagedIdentity", "userAssignedIdentities", EXISTING["userassignedidentities"])
    side.arm("PUT", place, {"location": SOURCE.location}, "2023-01-31")
    side.grant(SOURCE.operator, permissions={"secrets": ["all"]})
    RegistryEndpoint(side.cloud, EXISTING["registries"]).push(REPOSITORY, "1", image())
    return side


@pytest.fixture(scope="module")
def requests(paths: Paths, side: SandboxSide) -> Requests:
    cloud, running = side.cloud, lifecycle.require_running(paths)
    token = RegistryEndpoint(cloud, EXISTING["registries"]).token(
        f"repository:{REPOSITORY}:*", "repository:no/such:*", "registry:catalog:*"
    )
    texts = ("Basic !", "Basic YTpi", "Bearer a.b.c", "Bearer", "Nothing \xff")
    wrong: tuple[dict[str, str], ...] = ({}, *({"Authorization": text} for text in texts))

    def known(token: str) -> tuple[dict[str, str], ...]:
        return (*[{"Authorization": f"Bearer {token}"}] * 60, *wrong)

    by_endpoint = {
        "management": known(cloud.operator_token(cloud.audience)),
        "vault": known(cloud.operator_token(SOURCE.vault_audience)),
        "registry": known(token),
        "storage": ({}, *known(cloud.operator_token(blobs.AUDIENCE))[54:]),
        "identity": (
            *[{"X-IDENTITY-HEADER": running["identity"]["header"]}] * 5,
            {},
            {"X-IDENTITY-HEADER": "\xff"},
        ),
        "control": (*[{"X-SANDBOX": running["control"]["header"]}] * 9, {}, {"X-SANDBOX": "\xff"}),
    }
    sas = side.sas("fuzz-container", "racwdl").removeprefix("?")
    return Requests(SEED, Credentials(by_endpoint, (sas, sas, sas[:-3], "sig=x&sv=%01&sp=rl", "")))


def _import_pipeline(uri: str) -> bytes:
    """The body of an import pipeline with an enabled trigger and any URI."""
    place = {"type": "AzureStorageBlobContainer", "uri": uri, "storageAccessMode": "ManagedIdentity"}
    trigger = {"sourceTrigger": {"status": "Enabled"}}
    body = {"identity": {"type": "SystemAssigned"}, "properties": {"source": place, "trigger": trigger}}
    return json.dumps(body).encode()


def found_before(side: SandboxSide) -> Iterator[SentRequest]:
    """Requests that broke the sandbox once."""
    token = {"Authorization": f"Bearer {side.token}"}
    base = f"/subscriptions/{SOURCE.subscription}"
    pipeline = f"{base}{side.registry_path('importPipelines')}"
    for number, uri in enumerate(("not a url", "https://192.0.2.1/nobody", "https://[::1")):
        query = "?api-version=2025-06-01-preview"
        yield SentRequest(
            "management", "PUT", f"{pipeline}/broken{number}{query}", _import_pipeline(uri), token
        )
    registry = RegistryEndpoint(side.cloud, EXISTING["registries"])
    held = {"Authorization": f"Bearer {registry.token('registry:catalog:*')}"}
    for wanted in ("abc", "-1", "9" * 5000, "1.5", "%00"):
        yield SentRequest("registry", "GET", f"/acr/v1/_catalog?n={wanted}", headers=held)
    vault = side.provider("KeyVault", "vaults", EXISTING["vaults"])
    for address in ("my-office", "10.0.0.0/99", ""):
        rules = {"defaultAction": "Deny", "ipRules": [{"value": address}]}
        plain = {"tenantId": SOURCE.tenant, "sku": {"name": "standard", "family": "A"}}
        properties = {**plain, "accessPolicies": [], "networkAcls": rules}
        body = json.dumps({"location": SOURCE.location, "properties": properties}).encode()
        yield SentRequest("management", "PUT", f"{base}{vault}?api-version=2024-11-01", body, token)
        yield SentRequest("vault", "GET", "/secrets?api-version=7.4", headers=token)


def test_any_request_gets_an_answer_that_is_no_server_error(
    campaign: Campaign, paths: Paths, side: SandboxSide, requests: Requests
) -> None:
    endpoints = Endpoints(paths)
    generated = (requests.next() for _ in range(CASES))
    for number, request in enumerate(itertools.chain(found_before(side), generated)):
        start = time.monotonic()
        status, body = endpoints.send(request)
        outcome = Outcome(0, f"{status} {body[:300]!r}", time.monotonic() - start, 0)
        # 501: Azurite lacks an operation of Azure.
        failed = not status or (status >= 500 and status != 501)
        found = [Finding.SERVER_ERROR] if failed else [Finding.MESSAGE] * _is_unclear(request, status, body)
        campaign.record(f"{number} {request}", outcome, *found)
        if request.endpoint == "control":
            send_order(paths, "source", "reset")
            send_order(paths, "source", "grants", seconds=0)  # as tests/conftest.py
    endpoints.close()
    campaign.peak = highest_memory(psutil.Process(lifecycle.require_running(paths)["process"]))
    assert not campaign.found, "\n".join(campaign.found[:20])


def _is_unclear(request: SentRequest, status: int, body: bytes) -> bool:
    """Whether an error of management or of a vault lacks Azure's code or message."""
    if status < 400 or request.endpoint not in ("management", "vault") or not body.startswith(b"{"):
        return False
    error = json.loads(body).get("error")
    return not (isinstance(error, str) or (error["code"] and error["message"]))  # a text: Entra's form


def test_every_background_task_still_works(paths: Paths, side: SandboxSide) -> None:
    """A trigger imports, a delayed role assignment takes effect in storage, and a run ends."""
    alive = SandboxSide(paths, "source", "fuzzalive").build()
    alive.put_blob("arrivals", "one", b"no archive")
    place = {"uri": f"{alive.blob_url}/arrivals", "storageAccessMode": "ManagedIdentity"}
    with control.slow_grants(paths, "source", 1):
        body = alive.put_pipeline("import", "alive", place, version="2025-06-01-preview", enabled=True)
        alive.assign(body["identity"]["principalId"], READER)
        (run,) = until(lambda: alive.runs_of("alive"), bool)
        assert alive.ended(run["name"])["response"]["status"] == "Failed"
    log = paths.log.read_text(errors="replace")
    # aiohttp logs a request that is not HTTP, which it answers with 400.
    assert not [line for line in log.splitlines() if line.startswith(("ERROR:sandbox", "ERROR:asyncio"))]
