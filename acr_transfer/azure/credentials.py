"""Who calls: the login that Pulumi uses for a stack, else whatever azure-identity finds on this machine."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential

from acr_transfer.azure.clouds import Cloud
from acr_transfer.azure.stacks import Stack


class Login(AsyncTokenCredential):
    """The caller's login to the cloud of a stack, asked for the tenant that the stack names.

    A service principal of the stack's own (`azure-native:clientId` and `clientSecret`, or ARM_CLIENT_ID
    and its kin) comes first: so each of two clouds can have its own. Else azure-identity's chain is asked.
    https://learn.microsoft.com/python/api/overview/azure/identity-readme#defaultazurecredential
    https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
    """

    def __init__(self, stack: Stack, cloud: Cloud) -> None:
        self._tenant = stack.setting("azure-native:tenantId", "ARM_TENANT_ID") or None
        self._source = _principal(stack, cloud, self._tenant) or DefaultAzureCredential(
            authority=cloud.authority,
            # The stack names the tenant, so it may be another one than that of the login.
            additionally_allowed_tenants=[self._tenant] if self._tenant else [],
        )

    async def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **kwargs: Any
    ) -> AccessToken:
        """A token of the stack's tenant for `scopes`."""
        return await self._source.get_token(
            *scopes, claims=claims, tenant_id=tenant_id or self._tenant, **kwargs
        )

    async def close(self) -> None:
        """Close the connections of the login."""
        await self._source.close()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


def _principal(stack: Stack, cloud: Cloud, tenant: str | None) -> ClientSecretCredential | None:
    client = stack.setting("azure-native:clientId", "ARM_CLIENT_ID")
    secret = stack.secret("azure-native:clientSecret", "ARM_CLIENT_SECRET")
    if not (tenant and client and secret):
        return None
    return ClientSecretCredential(tenant, client, secret, authority=cloud.authority)
