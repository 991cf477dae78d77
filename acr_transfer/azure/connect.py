"""What a command needs of a side: its stack, its cloud, its login, and clients made of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acr_transfer.azure.stacks import Stack, read_stack
from acr_transfer.copy.throttle import Pace
from acr_transfer.errors import StackError
from acr_transfer.registry import client
from acr_transfer.registry.auth import AzureSignIn, DockerSignIn, docker_credentials
from acr_transfer.registry.client import Registry

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from acr_transfer.azure.arm import Management
    from acr_transfer.azure.clouds import Cloud
    from acr_transfer.azure.containers import Container

# Azure's libraries take a second to load: each is imported where it is needed.


async def read_stacks(names: Sequence[str], folder: Path) -> list[Stack]:
    """The stacks, read at the same time."""
    return await asyncio.gather(*(asyncio.to_thread(read_stack, name, folder) for name in names))


def subscription(stack: Stack) -> str:
    """The subscription that the stack deploys to: as configured, else that of its pipeline."""
    from azure.mgmt.core.tools import parse_resource_id

    configured = stack.setting("azure-native:subscriptionId")
    if configured:
        return configured
    for output in ("exportPipelineId", "importPipelineId"):
        found = parse_resource_id(str(stack.outputs.get(output) or "")).get("subscription")
        if found:
            return str(found)
    raise StackError(
        f"stack {stack.name!r} does not tell its subscription: set azure-native:subscriptionId, "
        "or run `pulumi up` so that its pipeline's ID is known"
    )


@asynccontextmanager
async def signed_in(stack: Stack) -> AsyncIterator[tuple[Cloud, AsyncTokenCredential]]:
    """The stack's cloud, and a login to it that ends with the block."""
    from acr_transfer.azure.clouds import cloud_of
    from acr_transfer.azure.credentials import Login

    cloud = await cloud_of(stack)
    async with Login(stack, cloud) as login:
        yield cloud, login


@asynccontextmanager
async def container(stack: Stack, pace: Pace | None = None) -> AsyncIterator[Container]:
    """The container that the stack's blobs leave or arrive in."""
    from acr_transfer.azure import containers

    async with (
        signed_in(stack) as (cloud, login),
        containers.opened(stack.container_url(), subscription(stack), cloud, login, pace or Pace()) as opened,
    ):
        yield opened


@asynccontextmanager
async def container_at(url: str, pace: Pace | None = None) -> AsyncIterator[Container]:
    """A container that no stack describes, opened with the caller's own rights on its blobs.

    The cloud is the one that the environment names (ARM_METADATA_HOSTNAME, ARM_ENVIRONMENT).
    """
    from acr_transfer.azure import containers

    nowhere = Stack(name="--container-url", outputs={"containerUrl": url})
    async with (
        signed_in(nowhere) as (_, login),
        containers.opened_by_login(nowhere.container_url(), login, pace or Pace()) as opened,
    ):
        yield opened


@asynccontextmanager
async def management(stack: Stack) -> AsyncIterator[Management]:
    """The management endpoint of the stack's cloud."""
    from acr_transfer.azure.arm import opened

    async with signed_in(stack) as (cloud, login), opened(cloud, login) as found:
        yield found


@asynccontextmanager
async def registry(stack: Stack) -> AsyncIterator[Registry]:
    """The registry that the stack's images leave or arrive in; before the first `up` the configured one."""
    async with signed_in(stack) as (cloud, login):
        where = str(stack.outputs.get("loginServer") or "") or await _configured(stack, cloud, login)
        async with client.opened(where, AzureSignIn(login, cloud.registry_audience)) as opened:
            yield opened


async def _configured(stack: Stack, cloud: Cloud, login: AsyncTokenCredential) -> str:
    from acr_transfer.azure.arm import login_server, opened

    name = stack.setting("acr-transfer:registry")
    group = stack.setting("acr-transfer:registryResourceGroup") or stack.setting("acr-transfer:resourceGroup")
    if not name or not group:
        raise StackError(
            f"stack {stack.name!r} names no registry: set acr-transfer:registry, and its resource group in "
            "acr-transfer:registryResourceGroup; or name the registry with --registry HOST"
        )
    of_group = f"/subscriptions/{subscription(stack)}/resourceGroups/{group}"
    registry_id = f"{of_group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    async with opened(cloud, login) as management:
        return await login_server(registry_id, management)


@asynccontextmanager
async def registry_at(host: str) -> AsyncIterator[Registry]:
    """Any registry, signed in to with what Docker keeps for it; without a name if it keeps nothing."""
    found = docker_credentials(host.rpartition("://")[2]) or DockerSignIn()
    async with client.opened(host, found) as opened:
        yield opened
