"""The blobs that a deployment of a target without a trigger imports."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi import Output
from pulumi_azure_native import containerregistry

from acr_transfer.model.documents.handover import ExportedBlob
from acr_transfer.model.options import Direction
from acr_transfer.model.resource_ids import ResourceId
from components import defaults
from components.choices import StorageAccess
from components.pipelines.run_results import SUCCEEDED
from components.pipelines.stored_blobs import stored_blobs
from components.target_side import import_run_name

_SHOWN = 5
"""Names of blobs that a message lists; the others are counted."""


@dataclass(frozen=True)
class Importable:
    """The blobs that a deployment imports."""

    blobs: tuple[ExportedBlob, ...] = ()

    changes: Mapping[str, str] = field(default_factory=dict)
    """The time at which each blob in the container was last written, as far as it is known."""


async def importable(
    blobs: tuple[ExportedBlob, ...], args: Mapping[str, Any], outputs: Mapping[str, Any]
) -> Importable:
    """Return the blobs of a hand-over that this deployment imports, or has imported before.

    An import of a blob that is not in the container would fail, and with it the deployment: before the first
    `hop`, after another container was configured, and after a trigger imported the blob and deleted it.
    `args` are the side's arguments, `outputs` those of the stack's last deployment.
    """
    stored = await _stored(args, outputs)
    if stored is None:
        return Importable(blobs)
    absent = [each.name for each in blobs if each.name not in stored]
    imported = await asyncio.gather(*(_imported(name, args, outputs) for name in absent))
    lacking = [name for name, done in zip(absent, imported, strict=True) if not done]
    if lacking:
        pulumi.log.warn(_explained(lacking))
    return Importable(tuple(each for each in blobs if each.name not in lacking), stored)


def _explained(lacking: list[str]) -> str:
    more = f" and {len(lacking) - _SHOWN:,} more" if len(lacking) > _SHOWN else ""
    return (
        f"This deployment imports nothing of: {', '.join(lacking[:_SHOWN])}{more}, which the container does "
        "not have. If they were not imported before, copy them with `acr-transfer hop`, then `pulumi up` "
        "again."
    )


async def _stored(args: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, str] | None:
    """When each blob in the container of this deployment was last written; None if it is unknown.

    None are in a container that only this deployment creates.
    """
    endpoint, _, last = str(outputs.get("containerUrl") or "").rstrip("/").rpartition("/")
    account, container = _account(endpoint), str(args.get("container", defaults.CONTAINER))
    named = ResourceId.of(args.get("storage_account") or args.get("new_storage_account_name") or account)
    if not endpoint or named.name.lower() != account.lower():
        return {}
    found = None
    if args.get("storage_access", defaults.STORAGE_ACCESS) == StorageAccess.SAS_TOKEN:
        group = named.resource_group or str(args["resource_group"])
        found = await stored_blobs(endpoint, group, account, container)
    return {} if found is None and container != last else found


def _account(endpoint: str) -> str:
    """The name of the account: the first label of its host, or the last part of a path."""
    url = urlsplit(endpoint)
    return url.path.strip("/") or str(url.hostname or "").partition(".")[0]


async def _imported(blob: str, args: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
    """Whether the run of the stack's pipeline imported a blob: it stays in the stack."""
    name = import_run_name(args.get("pipeline", defaults.PIPELINES[Direction.IMPORT]), blob)
    if any(run["name"] == name and run["status"] == SUCCEEDED for run in outputs.get("runs") or ()):
        return True
    pipeline = ResourceId.parse(str(outputs.get("importPipelineId") or ""))
    if pipeline is None:
        return False
    run: Output[Any] = containerregistry.get_pipeline_run_output(
        registry_name=pipeline.name,
        resource_group_name=pipeline.resource_group,
        pipeline_run_name=name,
    )
    state = await run.recover(lambda _: None).future()
    return bool(state and state.provisioning_state == SUCCEEDED and state.response.status == SUCCEEDED)
