"""The SAS token that lets a pipeline into its container, and the vault's secret that holds it."""

from datetime import UTC, datetime
from typing import NotRequired, TypedDict

import pulumi
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import keyvault, storage

from .access import AccountKey
from .choices import Direction
from .conflicts import SECRET, unless_there
from .sas_expiry import EXPIRY_FORM, WARNED_SHARE, expiry_of, warning_about

CONTENT_TYPE = "application/x-azure-sas"
"""What the vault says about the secret."""


class SasError(pulumi.RunError):
    """A SAS token cannot be made; the message says why and what to do."""


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
        expiry = _expiry(args)
        secret = self._secret(name, args, rights, expiry)
        self._warn(expiry, secret, args)
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
            opts=unless_there(SECRET, name, ResourceOptions(parent=self)),
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

    def _warn(self, expiry: datetime, secret: keyvault.Secret, args: SasSecretArgs) -> None:
        """Warn of the token's near end.

        In the preview of a new token its beginning is unknown, and no share of its life is over.
        """
        share = int(args.get("warned_share", WARNED_SHARE))

        def tell(written: datetime | None) -> bool:
            warning = warning_about(expiry, written, datetime.now(UTC), share)
            if warning:
                pulumi.log.warn(warning, self)
            return bool(warning)

        if not tell(None):
            secret.properties.attributes.apply(lambda found: tell(_written(found)))


def _written(found: keyvault.outputs.SecretAttributesResponse | None) -> datetime | None:
    return datetime.fromtimestamp(found.updated, UTC) if found and found.updated else None


def _expiry(args: SasSecretArgs) -> datetime:
    try:
        return expiry_of(args["expiry"])
    except ValueError as failure:
        raise SasError(
            f"A SAS token cannot end at {args['expiry']!r}: {failure}.\nGive it {EXPIRY_FORM}."
        ) from failure


def _key(found: storage.ListStorageAccountKeysResult, name: AccountKey) -> str:
    return next(key.value for key in found.keys if key.key_name == name)


def permissions(direction: Direction, *, deletes_blobs: bool = False) -> ContainerSasPermissions:
    """Return the rights that a pipeline needs and no other.

    https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
    """
    if direction == Direction.EXPORT:
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
