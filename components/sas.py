"""The SAS token that lets a pipeline into its container, and the vault's secret that holds it."""

from datetime import UTC, datetime
from typing import NotRequired, TypedDict

import pulumi
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import keyvault, storage

from .access import AccountKey
from .direction import Direction
from .sas_life import WARNED_SHARE, warnings_about

CONTENT_TYPE = "application/x-azure-sas"
"""What the vault says about the secret."""


class SasSecretArgs(TypedDict):
    """What the token opens, for how long, and where it is kept."""

    account_name: Input[str]
    """The storage account that the token is signed for; its key never leaves the program."""

    account_resource_group_name: Input[str]
    """The storage account's resource group."""

    account_key: NotRequired[AccountKey]
    """The key that signs the token; by default key1."""

    container_name: Input[str]
    """The one container that the token opens."""

    vault_name: Input[str]
    """The key vault that holds the secret."""

    vault_resource_group_name: Input[str]
    """The vault's resource group."""

    vault_uri: Input[str]
    """The vault's address, without a slash at the end."""

    secret_name: Input[str]
    """The secret's name: 1 to 127 letters, digits and hyphens."""

    direction: Direction
    """Whether an export or an import pipeline uses the token."""

    deletes_blobs: NotRequired[bool]
    """Whether the import pipeline deletes a blob that it has imported; by default it does not."""

    expiry: str
    """When the token ends: a time with a zone, such as 2027-01-31T00:00:00Z."""

    warned_share: NotRequired[int]
    """With less than this share of the token's life left, deployments warn; in percent, by default 20."""


class SasSecret(pulumi.ComponentResource):
    """A container's SAS token as a vault secret: https only, with no right more than the pipeline needs."""

    secret_uri: Output[str]
    """The secret's URI without a version, so that a new token is seen by the pipeline at once."""

    def __init__(self, name: str, args: SasSecretArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("acr-transfer:index:SasSecret", name, None, opts)
        rights = permissions(args["direction"], deletes_blobs=args.get("deletes_blobs", False))
        expiry = datetime.fromisoformat(args["expiry"]).astimezone(UTC)
        secret = self._secret(name, args, rights, expiry)
        secret.properties.attributes.apply(lambda found: self._warn(expiry, found, args))
        # Put together rather than read from the secret, whose answer is unknown while a preview shows a new
        # token: so the preview shows that nothing else changes. It is the name that waits for the secret.
        self.secret_uri = Output.concat(args["vault_uri"], "/secrets/", secret.name)
        self.register_outputs({"secretUri": self.secret_uri})

    def _secret(
        self, name: str, args: SasSecretArgs, rights: ContainerSasPermissions, expiry: datetime
    ) -> keyvault.Secret:
        return keyvault.Secret(
            name,
            vault_name=args["vault_name"],
            resource_group_name=args["vault_resource_group_name"],
            secret_name=args["secret_name"],
            properties=keyvault.SecretPropertiesArgs(
                value=self._token(args, rights, expiry),
                content_type=CONTENT_TYPE,
                attributes=keyvault.SecretAttributesArgs(enabled=True, expires=int(expiry.timestamp())),
            ),
            tags={
                "acr-transfer-direction": str(args["direction"]),
                "acr-transfer-sp": str(rights),
                "acr-transfer-expiry": f"{expiry:%Y-%m-%dT%H:%M:%SZ}",
                "acr-transfer-container": args["container_name"],
            },
            opts=ResourceOptions(parent=self),
        )

    def _token(self, args: SasSecretArgs, rights: ContainerSasPermissions, expiry: datetime) -> Output[str]:
        signer = args.get("account_key", AccountKey.KEY1)
        # Azure's provider marks no key as a secret, so the program does before it looks at one.
        keys: Output[storage.ListStorageAccountKeysResult] = Output.secret(
            storage.list_storage_account_keys_output(
                account_name=args["account_name"],
                resource_group_name=args["account_resource_group_name"],
                opts=pulumi.InvokeOutputOptions(parent=self),
            )
        )
        key = keys.apply(lambda found: _key(found, signer))
        return Output.all(args["account_name"], args["container_name"], key).apply(
            lambda known: container_sas(known[0], known[1], known[2], rights, expiry)
        )

    def _warn(
        self,
        expiry: datetime,
        found: keyvault.outputs.SecretAttributesResponse | None,
        args: SasSecretArgs,
    ) -> None:
        """A new token's beginning is unknown in its first preview, and it needs no warning there."""
        written = datetime.fromtimestamp(found.updated, UTC) if found and found.updated else None
        share = args.get("warned_share", WARNED_SHARE)
        for warning in warnings_about(expiry, written, datetime.now(UTC), share):
            pulumi.log.warn(warning, self)


def _key(found: storage.ListStorageAccountKeysResult, name: AccountKey) -> str:
    return next(key.value for key in found.keys if key.key_name == name)


def permissions(direction: Direction, *, deletes_blobs: bool = False) -> ContainerSasPermissions:
    """Return the rights that a pipeline needs and no other.

    https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
    """
    if direction is Direction.EXPORT:
        return ContainerSasPermissions(read=True, add=True, write=True, list=True)
    return ContainerSasPermissions(read=True, list=True, delete=deletes_blobs)


def container_sas(
    account: str, container: str, key: str, rights: ContainerSasPermissions, expiry: datetime
) -> str:
    """Return a SAS token of one container, over https alone, with the leading `?` that ACR Transfer expects.

    The same arguments give the same token. `key` is the account's, in base64.
    """
    token = generate_container_sas(
        account_name=account,
        container_name=container,
        account_key=key,
        permission=rights,
        expiry=expiry,
        protocol="https",
    )
    return f"?{token}"
