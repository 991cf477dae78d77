"""Clients for one side of a transfer, from its stack or from an address."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential

from acr_transfer.azure.arm import REGISTRIES, REGISTRIES_WITHOUT_MODE, ArmClient, arm_client
from acr_transfer.azure.clouds import Cloud, find_cloud
from acr_transfer.azure.credentials import StackCredential
from acr_transfer.azure.provider_settings import ProviderSettings
from acr_transfer.azure.role_age import explain_refusal
from acr_transfer.azure.stacks import Stack, read_stack
from acr_transfer.errors import FAILURES, AccessError, MissingError, RegistryAccessError, StackError
from acr_transfer.model.failures.commands import REGISTRY_REFUSES
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.model.roles import RoleAssignmentMode, reading_role
from acr_transfer.registry.address import RegistryAddress
from acr_transfer.registry.auth import DockerAuthenticator, EntraAuthenticator
from acr_transfer.registry.client import RegistryClient, open_registry
from acr_transfer.registry.docker_config import docker_credentials


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


def scope_of(stack: Stack, key: str) -> str:
    """The ID of the resource group of the account or vault that `key` can name; else the subscription's.

    A list of a group needs no right on the subscription.
    """
    named = ResourceId.of(stack.config.get(key) or "")
    group = named.resource_group or stack.config.get("acr-transfer:resourceGroup")
    scope = f"/subscriptions/{subscription(stack)}"
    return f"{scope}/resourceGroups/{group}" if group else scope


@asynccontextmanager
async def signed_in(settings: ProviderSettings) -> AsyncIterator[tuple[Cloud, AsyncTokenCredential]]:
    """The cloud that the settings name, and the caller's credential for it.

    An `AccessError` in the block gets the age of the caller's newest role.
    """
    cloud = await find_cloud(settings)
    async with StackCredential(settings, cloud) as credential:
        try:
            yield cloud, credential
        except AccessError as refused:
            await explain_refusal(refused, settings.subscription_id, cloud, credential)
            raise


@asynccontextmanager
async def arm(stack: Stack) -> AsyncIterator[ArmClient]:
    """A client of Resource Manager in the stack's cloud."""
    async with signed_in(stack.provider) as (cloud, credential), arm_client(cloud, credential) as found:
        yield found


@asynccontextmanager
async def registry(stack: Stack) -> AsyncIterator[RegistryClient]:
    """The stack's registry: the deployed one, or the configured one before the first `pulumi up`."""
    async with signed_in(stack.provider) as (cloud, credential):
        deployed = str(stack.outputs.get("loginServer") or "")
        host = deployed or await _configured_registry(stack, cloud, credential)
        try:
            async with open_registry(host, EntraAuthenticator(credential, cloud.registry_audience)) as found:
                yield found
        except RegistryAccessError as error:
            # The error can be that of another registry, used inside of this block.
            if error.login_server != found.login_server or not _names_registry(stack):
                raise
            async with arm_client(cloud, credential) as arm:
                raise await _with_role(error, registry_id(stack), arm) from None


def _names_registry(stack: Stack) -> bool:
    try:
        return bool(registry_id(stack))
    except StackError:
        return False


async def _with_role(error: RegistryAccessError, id: str, arm: ArmClient) -> AccessError:
    """The error with the command that assigns the role, which depends on the registry's mode."""
    try:
        found = await arm.get(id, REGISTRIES, REGISTRIES_WITHOUT_MODE)
    except FAILURES:
        found = None
    mode = RoleAssignmentMode.of(found or {})
    other = reading_role(RoleAssignmentMode.ABAC, lists=error.lists).label
    known = f"The registry's roleAssignmentMode is {mode}."
    unknown = f"If the registry's roleAssignmentMode is {RoleAssignmentMode.ABAC}, the role is {other}."
    role = reading_role(mode, lists=error.lists).label
    refused = AccessError(f"{error.refused}. {known if found else unknown} The caller needs the role {role}.")
    return refused.led_out(REGISTRY_REFUSES, role=role, scope=id)


def registry_id(stack: Stack) -> str:
    """The resource ID of the stack's registry: that of the pipeline, else the configured one."""
    for output in ("exportPipelineId", "importPipelineId"):
        if pipeline := stack.outputs.get(output):
            return str(pipeline).rsplit("/", 2)[0]
    config = stack.config
    name = config.get("acr-transfer:registry")
    group = config.get("acr-transfer:registryResourceGroup") or config.get("acr-transfer:resourceGroup")
    if not name or not group:
        raise StackError(
            f"stack {stack.name!r} names no registry: set acr-transfer:registry, and its resource group in "
            "acr-transfer:registryResourceGroup; or name the registry with --registry HOST"
        )
    return str(ResourceId(name, group, subscription(stack), "Microsoft.ContainerRegistry/registries"))


async def _configured_registry(stack: Stack, cloud: Cloud, credential: AsyncTokenCredential) -> str:
    id = registry_id(stack)
    async with arm_client(cloud, credential) as arm:
        found = await arm.get(id, REGISTRIES_WITHOUT_MODE)
    if found is None:
        raise MissingError(
            f"{id} does not exist: check acr-transfer:registry and acr-transfer:registryResourceGroup"
        )
    return str(found["properties"]["loginServer"])


@asynccontextmanager
async def registry_at(host: str) -> AsyncIterator[RegistryClient]:
    """Any registry, with Docker's stored credentials for it, or anonymously. Raises `InputError`."""
    found = docker_credentials(RegistryAddress.parse(host).login_server) or DockerAuthenticator()
    async with open_registry(host, found) as opened:
        yield opened
