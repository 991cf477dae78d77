"""Clients for one side of a transfer, from its stack or from an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acr_transfer.azure.provider_settings import ProviderSettings
from acr_transfer.azure.stacks import Stack, plain_container_url, read_stack
from acr_transfer.azure.throttle import Throttle
from acr_transfer.errors import StackError
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.registry.auth import DockerAuthenticator, EntraAuthenticator, docker_credentials
from acr_transfer.registry.client import RegistryClient, open_registry

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from acr_transfer.azure.arm import ArmClient
    from acr_transfer.azure.clouds import Cloud
    from acr_transfer.azure.containers import Container

# Azure's libraries take a second to load, so each function imports what it needs.


async def read_stacks(names: Sequence[str], folder: Path) -> list[Stack]:
    """Read the stacks at the same time."""
    return await asyncio.gather(*(asyncio.to_thread(read_stack, name, folder) for name in names))


def subscription(stack: Stack) -> str:
    """The subscription that the stack deploys to: the configured one, else that of its pipeline."""
    if configured := stack.config.get("azure-native:subscriptionId"):
        return configured
    for output in ("exportPipelineId", "importPipelineId"):
        if pipeline := ResourceId.parse(str(stack.outputs.get(output) or "")):
            return pipeline.subscription
    raise StackError(
        f"the subscription of stack {stack.name!r} is unknown: set azure-native:subscriptionId, "
        "or run `pulumi up` to create its pipeline"
    )


@asynccontextmanager
async def signed_in(settings: ProviderSettings) -> AsyncIterator[tuple[Cloud, AsyncTokenCredential]]:
    """The cloud that the settings name, and the caller's credential for it."""
    from acr_transfer.azure.clouds import find_cloud
    from acr_transfer.azure.credentials import StackCredential

    cloud = await find_cloud(settings)
    async with StackCredential(settings, cloud) as credential:
        yield cloud, credential


@asynccontextmanager
async def container(stack: Stack, throttle: Throttle | None = None) -> AsyncIterator[Container]:
    """The stack's container."""
    from acr_transfer.azure.arm import arm_client
    from acr_transfer.azure.containers import container_of_account

    url, limits = stack.container_url(), throttle or Throttle()
    async with (
        signed_in(stack.provider) as (cloud, credential),
        arm_client(cloud, credential) as arm,
        container_of_account(url, subscription(stack), arm, credential, limits) as found,
    ):
        yield found


@asynccontextmanager
async def container_at(url: str, throttle: Throttle | None = None) -> AsyncIterator[Container]:
    """A container without a stack, with the caller's token.

    The environment names the cloud (ARM_METADATA_HOSTNAME, ARM_ENVIRONMENT).
    """
    from acr_transfer.azure.containers import container_by_token

    plain = plain_container_url(url, "the container's URL")
    async with (
        signed_in(ProviderSettings.of({})) as (_, credential),
        container_by_token(plain, credential, throttle or Throttle()) as found,
    ):
        yield found


@asynccontextmanager
async def arm(stack: Stack) -> AsyncIterator[ArmClient]:
    """A client of Resource Manager in the stack's cloud."""
    from acr_transfer.azure.arm import arm_client

    async with signed_in(stack.provider) as (cloud, credential), arm_client(cloud, credential) as found:
        yield found


@asynccontextmanager
async def registry(stack: Stack) -> AsyncIterator[RegistryClient]:
    """The stack's registry: the deployed one, or the configured one before the first `pulumi up`."""
    async with signed_in(stack.provider) as (cloud, credential):
        login_server = str(stack.outputs.get("loginServer") or "") or await _configured_registry(
            stack, cloud, credential
        )
        async with open_registry(
            login_server, EntraAuthenticator(credential, cloud.registry_audience)
        ) as found:
            yield found


async def _configured_registry(stack: Stack, cloud: Cloud, credential: AsyncTokenCredential) -> str:
    from acr_transfer.azure.arm import arm_client, login_server

    name = stack.config.get("acr-transfer:registry")
    group = stack.config.get("acr-transfer:registryResourceGroup") or stack.config.get(
        "acr-transfer:resourceGroup"
    )
    if not name or not group:
        raise StackError(
            f"stack {stack.name!r} names no registry: set acr-transfer:registry, and its resource group in "
            "acr-transfer:registryResourceGroup; or name the registry with --registry HOST"
        )
    registry_id = ResourceId(name, group, subscription(stack), "Microsoft.ContainerRegistry/registries")
    async with arm_client(cloud, credential) as arm:
        return await login_server(str(registry_id), arm)


@asynccontextmanager
async def registry_at(host: str) -> AsyncIterator[RegistryClient]:
    """Any registry, with Docker's stored credentials for it, or anonymously."""
    found = docker_credentials(host.rpartition("://")[2]) or DockerAuthenticator()
    async with open_registry(host, found) as opened:
        yield opened
