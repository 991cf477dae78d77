"""The caller's credential: a stack's own service principal, else azure-identity's default."""

from typing import Any

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential

from acr_transfer.azure.clouds import Cloud
from acr_transfer.azure.provider_settings import ProviderSettings


class StackCredential(AsyncTokenCredential):
    """The credential for a stack's cloud and tenant.

    The stack's service principal (`azure-native:clientId` and `clientSecret`, or ARM_CLIENT_ID and
    ARM_CLIENT_SECRET) comes first, so each of two clouds can have its own. Without one, azure-identity's
    default chain is used.
    https://learn.microsoft.com/python/api/overview/azure/identity-readme#defaultazurecredential
    """

    def __init__(self, settings: ProviderSettings, cloud: Cloud) -> None:
        # Loading it takes a sixth of a second, and a registry with Docker's credentials needs none of it.
        from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential

        self._credential: AsyncTokenCredential
        self._tenant = settings.tenant_id or None
        client, secret, authority = settings.client_id, settings.client_secret, cloud.authority
        if self._tenant and client and secret:
            self._credential = ClientSecretCredential(self._tenant, client, secret, authority=authority)
        else:
            # The stack's tenant may differ from the tenant of the caller's login.
            allowed = [self._tenant] if self._tenant else []
            self._credential = DefaultAzureCredential(
                authority=authority, additionally_allowed_tenants=allowed
            )

    async def get_token(self, *scopes: str, tenant_id: str | None = None, **kwargs: Any) -> AccessToken:
        """Return a token of the stack's tenant for `scopes`."""
        return await self._credential.get_token(*scopes, tenant_id=tenant_id or self._tenant, **kwargs)

    async def close(self) -> None:
        """Close the credential's connections."""
        await self._credential.close()

    async def __aexit__(self, *_: Any, **__: Any) -> None:
        await self.close()
