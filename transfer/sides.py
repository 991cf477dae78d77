"""What a command needs of a side: its stack, its cloud, its login, and clients made of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from azure.mgmt.core.tools import parse_resource_id

from transfer import containers, registries
from transfer.clouds import Login, cloud_of
from transfer.containers import Container
from transfer.errors import StackError
from transfer.pace import Pace
from transfer.registries import Registry
from transfer.stacks import Stack, read_stack


async def read_stacks(names: Sequence[str], folder: Path) -> list[Stack]:
    """The stacks, read at the same time."""
    return await asyncio.gather(*(asyncio.to_thread(read_stack, name, folder) for name in names))


def subscription(stack: Stack) -> str:
    """The subscription that the stack deploys to: as configured, else that of its pipeline."""
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
async def container(stack: Stack, pace: Pace | None = None) -> AsyncIterator[Container]:
    """The container that the stack's blobs leave or arrive in."""
    cloud = await cloud_of(stack)
    async with (
        Login(cloud, stack.setting("azure-native:tenantId", "ARM_TENANT_ID")) as login,
        containers.opened(stack.container_url(), subscription(stack), cloud, login, pace or Pace()) as opened,
    ):
        yield opened


@asynccontextmanager
async def container_at(url: str, pace: Pace | None = None) -> AsyncIterator[Container]:
    """A container that no stack describes, opened with the caller's own rights on its blobs.

    The cloud is the one that the environment names (ARM_METADATA_HOSTNAME, ARM_ENVIRONMENT).
    """
    nowhere = Stack(name="--container-url", outputs={"containerUrl": url})
    cloud = await cloud_of(nowhere)
    async with (
        Login(cloud, nowhere.setting("azure-native:tenantId", "ARM_TENANT_ID")) as login,
        containers.opened_by_login(nowhere.container_url(), login, pace or Pace()) as opened,
    ):
        yield opened


@asynccontextmanager
async def registry(stack: Stack) -> AsyncIterator[Registry]:
    """The registry that the stack's images leave or arrive in."""
    cloud = await cloud_of(stack)
    async with (
        Login(cloud, stack.setting("azure-native:tenantId", "ARM_TENANT_ID")) as login,
        registries.opened(stack.output("loginServer"), cloud, login) as opened,
    ):
        yield opened
