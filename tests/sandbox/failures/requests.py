"""Failures that a request meets: management, tokens, names, and what makes no sense."""

from __future__ import annotations

from functools import partial
from typing import Any

import requests

from sandbox.cloud.definitions import SOURCE
from sandbox.faults import control
from sandbox.lifecycle import require_running
from tests.sandbox.failures.playing import NO_ERROR, said, while_faulty
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.transfer.side import Json, SandboxSide

_RUNS, _PIPELINES, _NAMES, _MANAGEMENT = (
    "Requests for a run",
    "Requests for a pipeline",
    "Names that are taken",
    "Management and tokens",
)


def message(answer: requests.Response) -> str:
    """What a user reads of a refused request: code and message, as the Azure CLI prints them."""
    assert not answer.ok, answer.text
    error = answer.json()["error"]
    return f"({error['code']}) {error['message']}"


def run_of(world: BothClouds, change: Any) -> str:
    """The answer to a run whose request was changed."""
    pipeline = world.source.pipeline("export", "out")
    body = world.source.request(pipeline, "any", world.IMAGE)
    change(body["properties"]["request"])
    return message(world.source.ask("PUT", world.source.registry_path("pipelineRuns", "refused"), body))


failure(
    _RUNS,
    "51 artifacts",
    "list 51; a list of any length is split by the program",
    "(BadRequest) 51 artifacts; a run takes at most 50.",
)(partial(run_of, change=lambda asked: asked.update(artifacts=[f"fail/app:{n}" for n in range(51)])))
failure(
    _RUNS,
    "No artifact",
    "an export run with an empty list",
    "(BadRequest) An export run needs at least one artifact.",
)(partial(run_of, change=lambda asked: asked.update(artifacts=[])))
failure(
    _RUNS,
    "No blob",
    "a run with an empty name in `target`",
    "(BadRequest) The run needs the name of a blob in properties.request.target.name.",
)(partial(run_of, change=lambda asked: asked.update(target={"type": "", "name": ""})))
failure(
    _RUNS,
    "A pipeline that is not there",
    "another ID in `pipelineResourceId`",
    "(BadRequest) The pipeline '/nowhere' was not found.",
)(partial(run_of, change=lambda asked: asked.update(pipelineResourceId="/nowhere")))


@failure(
    _RUNS,
    "51 artifacts, where the other choice is set",
    "`fault choose source bad-run run`",
    "51 artifacts; a run takes at most 50.",
)
def _accepted(world: BothClouds) -> str:
    pipeline = world.source.pipeline("export", "out")
    with control.choice(world.source.places, "source", "bad-run", "run"):
        return said(world.source.run(pipeline, "any", *(f"fail/app:{n}" for n in range(51))))


@failure(
    _RUNS,
    "A run that is repeated while it works, where the other choice is set",
    "`fault choose source same-run conflict`",
    "(Conflict) The pipeline run '…' is running.",
)
def _same_run(world: BothClouds) -> str:
    return _while_running(world, "same-run", lambda path, body: world.source.ask("PUT", path, body))


@failure(
    _RUNS,
    "A run that is deleted while it works, where the other choice is set",
    "`fault choose source delete-running conflict`",
    "(Conflict) The pipeline run '…' is running.",
)
def _delete_running(world: BothClouds) -> str:
    return _while_running(world, "delete-running", lambda path, _: world.source.ask("DELETE", path))


def _while_running(world: BothClouds, point: str, ask: Any) -> str:
    source = world.source
    pipeline = source.pipeline("export", "out")
    with (
        control.choice(source.places, "source", point, "conflict"),
        control.fault(source.places, "source", "storage", path=f"/out*{pipeline}", delay=1),
    ):
        run = source.start(pipeline, pipeline, world.IMAGE)
        text = message(
            ask(source.registry_path("pipelineRuns", run), source.request(pipeline, pipeline, world.IMAGE))
        )
    assert source.ended(run)["provisioningState"] == "Succeeded"
    return text


# Pipelines


def pipeline_of(world: BothClouds, registry: Json | None = None, **change: Any) -> str:
    """The answer to an export pipeline that was changed, on a registry that may be otherwise."""
    source, path = world.source, world.source.registry_path()
    uri = f"{source.blob_url}/out"
    place = {
        "type": "AzureStorageBlobContainer",
        "uri": uri,
        "keyVaultUri": "https://localhost:1/secrets/any",
    }
    body: Json = {"identity": {"type": "SystemAssigned"}, "properties": {"target": place}, **change}
    good = {"location": source.facts.location, "sku": {"name": "Premium"}}
    source.arm("PUT", path, {**good, **(registry or {})})
    try:
        return message(source.ask("PUT", source.pipeline_path("export", "refused"), body))
    finally:
        source.arm("PUT", path, good)


_CLOSED = {"policies": {"exportPolicy": {"status": "disabled"}}, "publicNetworkAccess": "Disabled"}
failure(
    _PIPELINES,
    "Exports are off in the registry",
    "`exportPolicy.status: disabled`, then an export pipeline",
    "(ExportsDisabled) Exports are disabled on the registry 'contososource' by its export policy.",
)(partial(pipeline_of, registry={"properties": _CLOSED}))
failure(
    _PIPELINES,
    "The registry is not Premium",
    "a registry with `sku: Basic`, then a pipeline",
    "(SkuNotSupported) The SKU Basic is not supported.",
)(partial(pipeline_of, registry={"sku": {"name": "Basic"}}))
failure(
    _PIPELINES,
    "No identity",
    "a pipeline without `identity`",
    "(BadRequest) A pipeline needs a system-assigned or a user-assigned identity.",
)(partial(pipeline_of, identity=None))


@failure(
    _PIPELINES,
    "A pipeline that runs name is deleted, where the other choice is set",
    "`fault choose source delete-used conflict`",
    "(Conflict) Pipeline runs name the pipeline '…'.",
)
def _delete_used(world: BothClouds) -> str:
    source = world.source
    pipeline = source.pipeline("export", "out")
    assert source.run(pipeline, pipeline, world.IMAGE)["status"] == "Succeeded"
    with control.choice(source.places, "source", "delete-used", "conflict"):
        return message(source.ask("DELETE", source.pipeline_path("export", pipeline)))


@failure(
    _PIPELINES,
    "Public access is switched on while exports are off",
    "PUT the registry with `exportPolicy.status: disabled` and public access",
    "(BadRequest) Enabling public network access is not supported because the registry "
    "'contososource' has exports disabled.",
)
def _open_without_exports(world: BothClouds) -> str:
    policies = {"policies": {"exportPolicy": {"status": "disabled"}}}
    body = {"location": world.source.facts.location, "sku": {"name": "Premium"}, "properties": policies}
    return message(world.source.ask("PUT", world.source.registry_path(), body))


# Names


@failure(
    _NAMES,
    "A vault of that name was deleted a while ago",
    "delete a vault, then make it again; recover it, purge it, or choose another name",
    "(VaultAlreadyExists) The vault name 'fails-deleted' is already in use. … "
    "recently deleted but not purged …",
)
def _deleted_vault(world: BothClouds) -> str:
    side = SandboxSide(world.source.places, "source", world.source.name)
    side.vault = "fails-deleted"
    side.put_vault().raise_for_status()
    side.arm("DELETE", side.provider("KeyVault", "vaults", side.vault))
    try:
        return message(side.put_vault())
    finally:
        side.put_vault(createMode="recover").raise_for_status()


# Management and tokens


def asked(world: BothClouds) -> str:
    """A plain request."""
    answer = world.source.ask("GET", world.source.registry_path())
    return NO_ERROR if answer.ok else message(answer)


failure(
    _MANAGEMENT,
    "Management throttles",
    "`fault set source arm --status 429 --retry-after 4 --times 1`; clients come back by themselves",
    "(SubscriptionRequestsThrottled) Number of requests for the subscription exceeded the limit. Please try "
    "again after '4' seconds.",
)(while_faulty("arm", asked, status=429, retry_after=4, times=1))
failure(
    _MANAGEMENT,
    "Management answers 500",
    "`fault set source arm --status 500`",
    "(InternalServerError) The service could not process the request.",
)(while_faulty("arm", asked, status=500))
failure(
    _MANAGEMENT,
    "Management answers 503",
    "`fault set source arm --status 503`",
    "(ServiceUnavailable) The service is unavailable. Please try again later.",
)(while_faulty("arm", asked, status=503))


@failure(
    _MANAGEMENT,
    "The caller's token has expired",
    "`fault clock source 25h`",
    "(ExpiredAuthenticationToken) The access token expiry UTC time '…' is earlier than current UTC time '…'.",
)
def _expired_token(world: BothClouds) -> str:
    with control.clock(world.source.places, "source", 25 * 3600):
        return asked(world)


@failure(
    _MANAGEMENT,
    "The caller's clock is ahead: the token is not valid yet",
    "`fault clock source 1h --back`",
    "(InvalidAuthenticationToken) The access token is invalid: The token is not yet valid (nbf).",
)
def _early_token(world: BothClouds) -> str:
    with control.clock(world.source.places, "source", -3600):
        return asked(world)


@failure(
    _MANAGEMENT,
    "The token is of the other cloud",
    "use a token of the target at the source",
    "(InvalidAuthenticationTokenTenant) The access token is from the wrong issuer. It must match the "
    "tenant '…' of this cloud.",
)
def _other_cloud(world: BothClouds) -> str:
    side = SandboxSide(world.source.places, "source", world.source.name)
    side.token = world.target.token
    return message(side.ask("GET", side.registry_path()))


@failure(
    _MANAGEMENT,
    "No token is to be had",
    "`fault set source token --status 429`",
    "Too many requests.",
)
def _no_token(world: BothClouds) -> str:
    def ask(world: BothClouds) -> str:
        identity = require_running(world.source.places)["identity"]
        query = {"api-version": "2019-08-01", "resource": SOURCE.vault_audience}
        answer = requests.get(
            identity["endpoint"], params=query, headers={"X-IDENTITY-HEADER": identity["header"]}, timeout=60
        )
        return str(answer.json()["message"])

    return while_faulty("token", ask, status=429)(world)
