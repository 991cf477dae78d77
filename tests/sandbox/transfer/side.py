"""One cloud with a test module's own account, vault and pipelines, used through its public APIs."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
import requests
from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ContentSettings,
    ResourceTypes,
    generate_account_sas,
    generate_container_sas,
)

from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.registry.oci_client import Manifest, OciClient, digest_of
from sandbox.transfer.rules import CATEGORY

Json = dict[str, Any]
Found = TypeVar("Found")

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SAS_VERSION, MODES_VERSION = "2023-01-01-preview", "2025-06-01-preview"
_VERSIONS = {
    "Microsoft.Authorization": "2022-04-01",
    "Microsoft.ContainerRegistry": SAS_VERSION,
    "Microsoft.Storage": "2024-01-01",
    "Microsoft.KeyVault": "2024-11-01",
}
GET_SECRET = {"secrets": ["get"]}
_numbers = itertools.count(1)


class SandboxSide:
    """One side of a transfer; all names are derived from the module's name."""

    def __init__(self, paths: Paths, side: str, name: str) -> None:
        self.paths, self.side, self.name = paths, side, name
        self.definition = next(definition for definition in CLOUDS if definition.side == side)
        self._session = requests.Session()
        self.account = f"{name}{side}"[:24]
        self.vault = f"{name}-{side}"[:24]
        self.group = f"/resourceGroups/{name}"
        self.registry_name = self.definition.registry
        self.renew()

    def renew(self) -> None:
        """Read addresses and a token again, as after a restart of the sandbox."""
        self.cloud = Cloud(self.definition, self.paths)
        self.token = self.cloud.operator_token(self.cloud.audience)

    def build(self) -> SandboxSide:
        """Create the resource group, account and vault."""
        place = {"location": self.definition.location}
        self.arm("PUT", self.group, place, version="2024-03-01")
        self.put_account()
        self.put_vault()
        return self

    # Azure Resource Manager

    def request(
        self, method: str, path: str, body: Json | None = None, version: str = ""
    ) -> requests.Response:
        """Send a request below the subscription."""
        known = next((each for name, each in _VERSIONS.items() if f"/{name}/" in path), "2024-03-01")
        url = f"{self.cloud.arm}/subscriptions/{self.definition.subscription}{path}"
        bearer = {"Authorization": f"Bearer {self.token}"}
        query = {"api-version": version or known}
        trust = str(self.paths.authority)
        return self._session.request(
            method, url, params=query, json=body, headers=bearer, verify=trust, timeout=60
        )

    def arm(self, method: str, path: str, body: Json | None = None, version: str = "") -> Json:
        """Send a request that must succeed; returns the body."""
        answer = self.request(method, path, body, version)
        assert answer.ok, answer.text
        return dict(answer.json()) if answer.text else {}

    def provider(self, namespace: str, *segments: str) -> str:
        """The path of a resource in this side's resource group."""
        return "/".join((self.group, "providers", f"Microsoft.{namespace}", *segments))

    def registry_path(self, *segments: str) -> str:
        """The path of the registry, or of a resource below it."""
        group = f"/resourceGroups/{self.definition.registry_group}"
        if self.registry_name != self.definition.registry:
            group = self.group
        base = f"{group}/providers/Microsoft.ContainerRegistry/registries/{self.registry_name}"
        return "/".join((base, *segments))

    def put_account(self, **properties: Any) -> None:
        body = {"location": self.definition.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        path = self.provider("Storage", "storageAccounts", self.account)
        self.request("PUT", path, {**body, "properties": properties}).raise_for_status()

    def put_vault(self, **properties: Any) -> requests.Response:
        sku = {"family": "A", "name": "standard"}
        whole = {"tenantId": self.definition.tenant, "sku": sku, "accessPolicies": [], **properties}
        body = {"location": self.definition.location, "properties": whole}
        return self.request("PUT", self.provider("KeyVault", "vaults", self.vault), body)

    def keys(self) -> list[str]:
        path = self.provider("Storage", "storageAccounts", self.account, "listKeys")
        return [each["value"] for each in self.arm("POST", path)["keys"]]

    # Storage

    @property
    def blob_url(self) -> str:
        return f"https://localhost:{self.cloud.ports.of('storage')}/{self.account}"

    def service(self) -> BlobServiceClient:
        """A client with the account's key."""
        return BlobServiceClient(
            self.blob_url, self.keys()[0], connection_verify=str(self.paths.authority), retry_total=0
        )

    def container(self, name: str) -> ContainerClient:
        """A container, created if it does not exist."""
        client = self.service().get_container_client(name)
        if not client.exists():
            client.create_container()
        return client

    def sas(self, container: str, letters: str, *, key: int = 0, **more: Any) -> str:
        """A container's SAS token with a question mark, valid for an hour by default."""
        permission = ContainerSasPermissions.from_string(letters)
        options = {"expiry": datetime.now(UTC) + timedelta(hours=1), "protocol": "https", **more}
        signed = generate_container_sas(
            self.account, container, account_key=self.keys()[key], permission=permission, **options
        )
        return f"?{signed}"

    def account_sas(self, letters: str, resource_types: str) -> str:
        expiry = datetime.now(UTC) + timedelta(hours=1)
        types = ResourceTypes.from_string(resource_types)  # type: ignore[no-untyped-call]
        permission = AccountSasPermissions.from_string(letters)  # type: ignore[no-untyped-call]
        signed = generate_account_sas(
            self.account, self.keys()[0], types, permission, expiry, protocol="https"
        )
        return f"?{signed}"

    def put_blob(self, container: str, name: str, body: bytes, **more: Any) -> None:
        """Upload a blob, by default with the properties of an export."""
        md5 = bytearray(hashlib.md5(body, usedforsecurity=False).digest())
        settings = {"content_settings": ContentSettings(content_md5=md5), "metadata": CATEGORY, **more}
        self.container(container).upload_blob(name, body, overwrite=True, **settings)

    def blob(self, container: str, name: str) -> bytes:
        return self.container(container).download_blob(name).readall()

    # Vault and pipelines

    def secret(self, name: str, value: str) -> str:
        """Store a secret; returns its URI."""
        path = self.provider("KeyVault", "vaults", self.vault, "secrets", name)
        body = {"properties": {"value": value}}
        return str(self.arm("PUT", path, body)["properties"]["secretUri"])

    def grant(self, principal: str, verb: str = "add", permissions: Json = GET_SECRET) -> None:
        """Change an identity's access policy in the vault."""
        policy = {"objectId": principal, "tenantId": self.definition.tenant, "permissions": permissions}
        path = self.provider("KeyVault", "vaults", self.vault, "accessPolicies", verb)
        self.arm("PUT", path, {"properties": {"accessPolicies": [policy]}})

    def assign(self, principal: str, role: str) -> None:
        """Assign a role on the account."""
        account = self.provider("Storage", "storageAccounts", self.account)
        scope = f"/subscriptions/{self.definition.subscription}"
        definition = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        given = {
            "roleDefinitionId": definition,
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }
        name = f"00000000-0000-4000-8000-{next(_numbers):012}"
        path = f"{account}/providers/Microsoft.Authorization/roleAssignments/{name}"
        self.arm("PUT", path, {"properties": given})

    def pipeline(
        self,
        kind: str,
        container: str,
        *options: str,
        letters: str = "",
        token: str = "",
        uri: str = "",
        granted: bool = True,
        enabled: bool = False,
    ) -> str:
        """Create an export or import pipeline with its own SAS token; returns its name."""
        name = f"{kind}{next(_numbers):05}"
        self.container(container)
        held = token or self.sas(container, letters or ("rawl" if kind == "export" else "rdl"))
        place = {
            "type": "AzureStorageBlobContainer",
            "uri": uri or f"{self.blob_url}/{container}",
            "keyVaultUri": self.secret(name, held),
        }
        body = self.put_pipeline(kind, name, place, options, enabled=enabled)
        if granted:
            self.grant(body["identity"]["principalId"])
        return name

    def put_pipeline(
        self,
        kind: str,
        name: str,
        place: Json,
        options: tuple[str, ...] = (),
        *,
        version: str = "",
        enabled: bool = False,
    ) -> Json:
        end = "target" if kind == "export" else "source"
        properties: Json = {end: place, "options": list(options)}
        if kind == "import":
            properties["trigger"] = {"sourceTrigger": {"status": "Enabled" if enabled else "Disabled"}}
        body = {"identity": {"type": "SystemAssigned"}, "properties": properties}
        return self.arm("PUT", self.pipeline_path(kind, name), body, version)

    def pipeline_path(self, kind: str, name: str) -> str:
        return self.registry_path(f"{kind}Pipelines", name)

    # Runs

    def run_request(self, pipeline: str, blob: str, *artifacts: str, **more: Any) -> Json:
        """The body of a run; `more` is added to its request."""
        kind = "export" if pipeline.startswith("export") else "import"
        id = f"/subscriptions/{self.definition.subscription}{self.pipeline_path(kind, pipeline)}"
        end = {"type": "AzureStorageBlob", "name": blob}
        place = "target" if kind == "export" else "source"
        request: Json = {"pipelineResourceId": id, place: end, **more}
        if artifacts:
            request["artifacts"] = list(artifacts)
        return {"properties": {"request": request}}

    def start(self, pipeline: str, blob: str, *artifacts: str, **more: Any) -> str:
        """Start a run; returns its name."""
        name = f"run{next(_numbers):05}"
        path = self.registry_path("pipelineRuns", name)
        self.arm("PUT", path, self.run_request(pipeline, blob, *artifacts, **more))
        return name

    def state(self, run: str) -> Json:
        """The properties of a run."""
        properties: Json = self.arm("GET", self.registry_path("pipelineRuns", run))["properties"]
        return properties

    def ended(self, run: str) -> Json:
        """Wait for a run to end; returns its properties."""
        return until(lambda: self.state(run), lambda found: found["response"]["status"] != "Running")

    def run(self, pipeline: str, blob: str, *artifacts: str, **more: Any) -> Json:
        """Start a run and wait for its end; returns its response."""
        response: Json = self.ended(self.start(pipeline, blob, *artifacts, **more))["response"]
        return response

    def runs(self) -> list[Json]:
        """All runs of the registry."""
        page = self.arm("GET", self.registry_path("pipelineRuns"))
        found = list(page["value"])
        while link := page.get("nextLink"):
            bearer = {"Authorization": f"Bearer {self.token}"}
            page = self._session.get(
                link, headers=bearer, verify=str(self.paths.authority), timeout=60
            ).json()
            found += page["value"]
        return found

    def runs_of(self, pipeline: str) -> list[Json]:
        """All runs of a pipeline."""
        named = ((each, each["properties"]["request"]["pipelineResourceId"]) for each in self.runs())
        return [run for run, name in named if name.endswith(pipeline)]

    # The registry

    def with_registry(self, work: Callable[[OciClient], Awaitable[Found]]) -> Found:
        """Use the registry through its endpoint."""

        async def run() -> Found:
            trust = aiohttp.TCPConnector(ssl=certificates.client_context(self.paths))
            async with aiohttp.ClientSession(connector=trust) as session:
                url = f"https://{self.cloud.login_server(self.registry_name)}"
                return await work(
                    OciClient(session, url, lambda *names: self.cloud.authorise(self.registry_name, *names))
                )

        return asyncio.run(run())

    def push(self, repository: str, tag: str, manifest: Manifest, *blobs: bytes) -> Manifest:
        """Push a manifest with its blobs, by tag or else by digest."""

        async def work(registry: OciClient) -> Manifest:
            for blob in blobs:
                await registry.put_blob(repository, digest_of(blob), len(blob), _whole(blob))
            await registry.put_manifest(repository, tag or manifest.digest, manifest)
            return manifest

        return self.with_registry(work)

    def image(self, repository: str, tag: str, content: bytes = b"") -> Manifest:
        """Push a unique image."""
        layer = content or f"{repository} {tag} {time.time_ns()}".encode()
        return self.push(repository, tag, manifest_of(layer), b"{}", layer)

    def manifest(self, repository: str, reference: str) -> Manifest:
        return self.with_registry(lambda registry: registry.manifest(repository, reference))


def manifest_of(layer: bytes, **more: Any) -> Manifest:
    """An image manifest with one layer; `more` adds or replaces fields."""
    config, content = ({"mediaType": "x/y", "digest": digest_of(b), "size": len(b)} for b in (b"{}", layer))
    manifest = {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [content], **more}
    return Manifest(IMAGE, json.dumps(manifest).encode())


def index_of(*children: Manifest) -> Manifest:
    """An index of images."""
    entries = [
        {"mediaType": each.media_type, "digest": each.digest, "size": len(each.body)} for each in children
    ]
    manifest = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Manifest(INDEX, json.dumps(manifest).encode())


def until(poll: Callable[[], Found], good: Callable[[Found], bool], seconds: float = 90) -> Found:
    """Poll until the value is good; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not good(found := poll()):
        assert time.monotonic() < end, f"still {found}"
        time.sleep(0.03)
    return found


async def _whole(blob: bytes) -> AsyncIterator[bytes]:
    yield blob
