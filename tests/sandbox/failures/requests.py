"""Refused requests: management, tokens, names and invalid bodies."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests

from sandbox.cloud.definitions import SOURCE
from sandbox.lifecycle import require_running
from tests.sandbox.failures.scenarios import NO_ERROR, error_message, with_fault
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import Json, SandboxSide

_RUNS, _PIPELINES, _NAMES, _MANAGEMENT = (
    "Requests for a run",
    "Requests for a pipeline",
    "Reserved names",
    "Azure Resource Manager and tokens",
)


def message(answer: requests.Response) -> str:
    """Code and message of a refused request, as the Azure CLI prints them."""
    assert not answer.ok, answer.text
    error = answer.json()["error"]
    return f"({error['code']}) {error['message']}"


def run_of(clouds: BothClouds, change: Any) -> str:
    """The error of a run whose request was changed."""
    pipeline = clouds.source.pipeline("export", "out")
    body = clouds.source.run_request(pipeline, "any", clouds.IMAGE)
    change(body["properties"]["request"])
    return message(clouds.source.request("PUT", clouds.source.registry_path("pipelineRuns", "refused"), body))


failure(
    _RUNS,
    "A run of 51 artifacts",
    "list 51 artifacts in one run; the program splits its list",
    "(BadRequest) 51 artifacts; a run takes at most 50.",
)(partial(run_of, change=lambda request: request.update(artifacts=[f"fail/app:{n}" for n in range(51)])))
failure(
    _RUNS,
    "A run without artifacts",
    "start an export run with an empty list",
    "(BadRequest) An export run needs at least one artifact.",
)(partial(run_of, change=lambda request: request.update(artifacts=[])))
failure(
    _RUNS,
    "A run without a blob",
    "start a run with an empty name in `target`",
    "(BadRequest) The run needs the name of a blob in properties.request.target.name.",
)(partial(run_of, change=lambda request: request.update(target={"type": "", "name": ""})))
failure(
    _RUNS,
    "The pipeline does not exist",
    "set another ID in `pipelineResourceId`",
    "(BadRequest) The pipeline '/nowhere' was not found.",
)(partial(run_of, change=lambda request: request.update(pipelineResourceId="/nowhere")))


@failure(
    _RUNS,
    "A run of 51 artifacts, and `bad-run` is `run`",
    "`fault choose source bad-run run`, then start such a run",
    "51 artifacts; a run takes at most 50.",
)
def _accepted(clouds: BothClouds) -> str:
    pipeline = clouds.source.pipeline("export", "out")
    with control.choice(clouds.source.paths, "source", "bad-run", "run"):
        return error_message(clouds.source.run(pipeline, "any", *(f"fail/app:{n}" for n in range(51))))


@failure(
    _RUNS,
    "A running run is requested again",
    "send the request twice",
    "(Conflict) The pipeline run '…' is running.",
)
def _same_run(clouds: BothClouds) -> str:
    return _while_running(clouds, lambda path, body: clouds.source.request("PUT", path, body))


@failure(
    _RUNS,
    "A running run is deleted",
    "delete a running run",
    "(Conflict) The pipeline run '…' is running.",
)
def _delete_running(clouds: BothClouds) -> str:
    return _while_running(clouds, lambda path, _: clouds.source.request("DELETE", path))


def _while_running(clouds: BothClouds, ask: Any) -> str:
    source = clouds.source
    pipeline = source.pipeline("export", "out")
    with control.fault(source.paths, "source", "storage", path=f"/out*{pipeline}", delay=1):
        run = source.start(pipeline, pipeline, clouds.IMAGE)
        text = message(
            ask(
                source.registry_path("pipelineRuns", run),
                source.run_request(pipeline, pipeline, clouds.IMAGE),
            )
        )
    assert source.ended(run)["provisioningState"] == "Succeeded"
    return text


# Pipelines


def pipeline_of(clouds: BothClouds, registry: Json | None = None, **change: Any) -> str:
    """The error of a changed export pipeline, on a new registry if its properties are given."""
    source = clouds.source
    place = {
        "type": "AzureStorageBlobContainer",
        "uri": f"{source.blob_url}/out",
        "keyVaultUri": "https://localhost:1/secrets/any",
    }
    body: Json = {"identity": {"type": "SystemAssigned"}, "properties": {"target": place}, **change}
    if registry is None:
        return message(source.request("PUT", source.pipeline_path("export", "refused"), body))
    with _new_registry(clouds, registry) as side:
        return message(side.request("PUT", side.pipeline_path("export", "refused"), body))


@contextmanager
def _new_registry(clouds: BothClouds, body: Json) -> Iterator[SandboxSide]:
    """A registry of its own with these properties within the block."""
    side = SandboxSide(clouds.source.paths, "source", clouds.source.name)
    side.registry_name = "contosofails"
    common = {"location": side.definition.location, "sku": {"name": "Premium"}}
    side.arm("PUT", side.registry_path(), {**common, **body})
    try:
        yield side
    finally:
        side.arm("DELETE", side.registry_path())


_CLOSED = {"policies": {"exportPolicy": {"status": "disabled"}}, "publicNetworkAccess": "Disabled"}
failure(
    _PIPELINES,
    "Exports are disabled on the registry",
    "set `exportPolicy.status: disabled`, then create an export pipeline",
    "(ExportsDisabled) Exports are disabled on the registry 'contosofails' by its export policy.",
)(partial(pipeline_of, registry={"properties": _CLOSED}))
failure(
    _PIPELINES,
    "The registry is not Premium",
    "create a pipeline on a registry with `sku: Basic`",
    "(SkuNotSupported) The SKU Basic is not supported.",
)(partial(pipeline_of, registry={"sku": {"name": "Basic"}}))
failure(
    _PIPELINES,
    "A pipeline without identity",
    "create a pipeline without `identity`",
    "(BadRequest) A pipeline needs a system-assigned or a user-assigned identity.",
)(partial(pipeline_of, identity=None))


@failure(
    _PIPELINES,
    "Exports are disabled while the registry has an export pipeline",
    "`az acr update --allow-exports false --public-network-enabled false`; delete the pipeline first",
    "(BadRequest) The export policy of the registry 'contososource' cannot be changed while the registry "
    "has export pipelines.",
)
def _exports_with_pipeline(clouds: BothClouds) -> str:
    clouds.source.pipeline("export", "out")
    body = {"location": clouds.source.definition.location, "sku": {"name": "Premium"}, "properties": _CLOSED}
    return message(clouds.source.request("PUT", clouds.source.registry_path(), body))


@failure(
    _PIPELINES,
    "A pipeline is deleted that runs name (choice `delete-used`)",
    "delete a pipeline with a run; `acr-transfer clean --all-runs` removes runs that are in no stack",
    "(Conflict) Pipeline runs name the pipeline '…'.",
)
def _delete_used(clouds: BothClouds) -> str:
    source = clouds.source
    pipeline = source.pipeline("export", "out")
    assert source.run(pipeline, pipeline, clouds.IMAGE)["status"] == "Succeeded"
    return message(source.request("DELETE", source.pipeline_path("export", pipeline)))


@failure(
    _PIPELINES,
    "Public access is enabled while exports are disabled",
    "PUT the registry with `exportPolicy.status: disabled` and public access",
    "(BadRequest) Enabling public network access is not supported because the registry "
    "'contososource' has exports disabled.",
)
def _open_without_exports(clouds: BothClouds) -> str:
    policies = {"policies": {"exportPolicy": {"status": "disabled"}}}
    body = {"location": clouds.source.definition.location, "sku": {"name": "Premium"}, "properties": policies}
    return message(clouds.source.request("PUT", clouds.source.registry_path(), body))


# Firewalls and accounts


@failure(
    _MANAGEMENT,
    "An IP rule of a vault is no address",
    'PUT a vault with `networkAcls.ipRules: [{"value": "my-office"}]`',
    "(BadRequest) The IP rule 'my-office' is not an IPv4 address or range.",
)
def _vault_rule(clouds: BothClouds) -> str:
    side = SandboxSide(clouds.source.paths, "source", clouds.source.name)
    side.vault = "fails-rule"
    return message(side.put_vault(networkAcls={"ipRules": [{"value": "my-office"}]}))


@failure(
    _MANAGEMENT,
    "An IP rule of a storage account is private, or a range of /31 or /32",
    'PUT an account with `networkAcls.ipRules: [{"value": "10.0.0.1"}]`',
    "(InvalidValuesForRequestParameters) Values for request parameters are invalid: "
    "networkAcls.ipRule[*].value.",
)
def _account_rule(clouds: BothClouds) -> str:
    side = clouds.source
    path = side.provider("Storage", "storageAccounts", "failsrule")
    body: Json = {"location": side.definition.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    found = set()
    for value in ("10.0.0.1", "203.0.113.4/31", "my-office", "::1"):
        rules = {"defaultAction": "Deny", "ipRules": [{"value": value}]}
        found.add(message(side.request("PUT", path, {**body, "properties": {"networkAcls": rules}})))
    return "".join(found)


@failure(
    _MANAGEMENT,
    "A storage account is changed during another change",
    "create its container and set its lifecycle policy at the same time",
    "(StorageAccountOperationInProgress) An operation is currently performing on this storage account that "
    "requires exclusive access.",
)
def _concurrent_changes(clouds: BothClouds) -> str:
    answers = changes_at_once(clouds.source)
    assert any(answer.ok for answer in answers)
    return next(message(answer) for answer in answers if not answer.ok)


def changes_at_once(side: SandboxSide) -> list[requests.Response]:
    """Change an account by several requests at the same time."""
    path = side.provider("Storage", "storageAccounts", side.account, "blobServices", "default")
    url = f"{side.cloud.arm}/subscriptions/{side.definition.subscription}{path}?api-version=2024-01-01"
    bearer = {"Authorization": f"Bearer {side.token}"}
    put = partial(requests.put, json={"properties": {}}, headers=bearer, verify=str(side.paths.authority))
    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(partial(put, timeout=30), [url] * 6))


# Names


@failure(
    _NAMES,
    "A soft-deleted vault has the same name",
    "delete a vault, then create it again; recover or purge it, or choose another name",
    "(VaultAlreadyExists) The vault name 'fails-deleted' is already in use. … "
    "recently deleted but not purged …",
)
def _deleted_vault(clouds: BothClouds) -> str:
    side = SandboxSide(clouds.source.paths, "source", clouds.source.name)
    side.vault = "fails-deleted"
    side.put_vault().raise_for_status()
    side.arm("DELETE", side.provider("KeyVault", "vaults", side.vault))
    try:
        return message(side.put_vault())
    finally:
        side.put_vault(createMode="recover").raise_for_status()


# Management and tokens


def plain_request(clouds: BothClouds) -> str:
    """The error of a plain request."""
    answer = clouds.source.request("GET", clouds.source.registry_path())
    return NO_ERROR if answer.ok else message(answer)


failure(
    _MANAGEMENT,
    "Azure Resource Manager throttles",
    "`fault set source arm --status 429 --retry-after 4 --times 1`; clients retry by themselves",
    "(SubscriptionRequestsThrottled) Number of requests for the subscription exceeded the limit. Please try "
    "again after '4' seconds.",
)(with_fault("arm", plain_request, status=429, retry_after=4, times=1))
failure(
    _MANAGEMENT,
    "Azure Resource Manager returns 500",
    "`fault set source arm --status 500`",
    "(InternalServerError) The service could not process the request.",
)(with_fault("arm", plain_request, status=500))
failure(
    _MANAGEMENT,
    "Azure Resource Manager returns 503",
    "`fault set source arm --status 503`",
    "(ServiceUnavailable) The service is unavailable. Please try again later.",
)(with_fault("arm", plain_request, status=503))


@failure(
    _MANAGEMENT,
    "The caller's token has expired",
    "`fault clock source 25h`",
    "(ExpiredAuthenticationToken) The access token expiry UTC time '…' is earlier than current UTC time '…'.",
)
def _expired_token(clouds: BothClouds) -> str:
    with control.clock(clouds.source.paths, "source", 25 * 3600):
        return plain_request(clouds)


@failure(
    _MANAGEMENT,
    "The token is not valid yet: the caller's clock is ahead",
    "`fault clock source 1h --back`",
    "(InvalidAuthenticationToken) The access token is invalid: The token is not yet valid (nbf).",
)
def _early_token(clouds: BothClouds) -> str:
    with control.clock(clouds.source.paths, "source", -3600):
        return plain_request(clouds)


@failure(
    _MANAGEMENT,
    "The token is from the other cloud",
    "send a token of the target to the source",
    "(InvalidAuthenticationTokenTenant) The access token is from the wrong issuer. It must match the "
    "tenant '…' of this cloud.",
)
def _other_cloud(clouds: BothClouds) -> str:
    side = SandboxSide(clouds.source.paths, "source", clouds.source.name)
    side.token = clouds.target.token
    return message(side.request("GET", side.registry_path()))


@failure(
    _MANAGEMENT,
    "The identity endpoint throttles",
    "`fault set source token --status 429`",
    "Too many requests.",
)
def _no_token(clouds: BothClouds) -> str:
    def ask(clouds: BothClouds) -> str:
        identity = require_running(clouds.source.paths)["identity"]
        query = {"api-version": "2019-08-01", "resource": SOURCE.vault_audience}
        answer = requests.get(
            identity["endpoint"], params=query, headers={"X-IDENTITY-HEADER": identity["header"]}, timeout=60
        )
        return str(answer.json()["message"])

    return with_fault("token", ask, status=429)(clouds)
