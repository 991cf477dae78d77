"""The SAS token that opens a container for a pipeline, and the vault secret that holds it."""

from datetime import UTC, datetime, timedelta
from typing import NotRequired

import pulumi
from azure.storage.blob import generate_container_sas
from pulumi import Input, Output, ResourceOptions
from pulumi_azure_native import keyvault, storage

from acr_transfer.model.failures.deployments import TOKEN_ENDS
from acr_transfer.model.limits import RUN_LIMIT
from acr_transfer.model.options import Direction
from acr_transfer.model.sas import ends_soon, needed_rights, rotation_due
from acr_transfer.model.times import format_time, parse_expiry

from . import defaults
from .advice import ways_out
from .argument_rules import check_arguments, expiry_faults
from .arguments import TokenSettings
from .conflicts import SECRET, explain_conflict

CONTENT_TYPE = "application/x-azure-sas"
"""The content type of the secret."""


class SasSecretArgs(TokenSettings):
    """The container that the token opens, and the vault that holds the token."""

    storage_account: Input[str]
    """The name of the storage account, whose key signs the token and never leaves the program."""

    storage_account_resource_group: Input[str]
    """The storage account's resource group."""

    container: Input[str]
    """The container that the token opens."""

    vault: Input[str]
    """The name of the key vault that holds the secret."""

    vault_resource_group: Input[str]
    """The vault's resource group."""

    vault_uri: Input[str]
    """The vault's URI, without a slash at the end."""

    direction: Direction
    """The direction of the pipeline that uses the token."""

    deletes_blobs: NotRequired[bool]
    """Whether the import pipeline deletes the blobs that it has imported; false by default."""

    tags: NotRequired[Input[dict[str, str]]]
    """Tags of the secret, next to those that describe the token."""


class SasSecret(pulumi.ComponentResource):
    """A container's SAS token as a vault secret: https only, and no more rights than the pipeline needs."""

    secret_uri: Output[str]
    """The secret's URI without a version: a pipeline uses a new token at once."""

    def __init__(self, name: str, args: SasSecretArgs, opts: ResourceOptions | None = None) -> None:
        """Sign the token and write it to the vault; raises `ArgumentError`."""
        super().__init__("acr-transfer:index:SasSecret", name, None, opts)
        check_arguments(f"SasSecret {name}", args, SasSecretArgs, *expiry_faults(args, None))
        expiry = parse_expiry(args["sas_expiry"])
        secret = self._secret(name, args, expiry)
        self._warn(expiry, secret, args)
        # Composed rather than read from the secret, whose answer is unknown in the preview of a new token:
        # the preview then shows that nothing else changes. The name makes it wait for the secret.
        self.secret_uri = Output.concat(args["vault_uri"], "/secrets/", secret.name)
        self.register_outputs({"secretUri": self.secret_uri})

    def _secret(self, name: str, args: SasSecretArgs, expiry: datetime) -> keyvault.Secret:
        direction = Direction(args["direction"])
        rights = needed_rights(direction, deletes_blobs=args.get("deletes_blobs", False))
        own_tags = {
            "acr-transfer-direction": str(direction),
            "acr-transfer-sp": rights,
            "acr-transfer-expiry": format_time(expiry),
            "acr-transfer-container": args["container"],
        }
        return keyvault.Secret(
            name,
            vault_name=args["vault"],
            resource_group_name=args["vault_resource_group"],
            secret_name=args.get("sas_secret_name", defaults.SAS_SECRET_NAMES[direction]),
            properties=keyvault.SecretPropertiesArgs(
                value=self._token(args, rights, expiry),
                content_type=CONTENT_TYPE,
                attributes=keyvault.SecretAttributesArgs(enabled=True, expires=int(expiry.timestamp())),
            ),
            tags=Output.all(args.get("tags") or {}, own_tags).apply(lambda both: {**both[0], **both[1]}),
            opts=explain_conflict(SECRET, name, ResourceOptions(parent=self)),
        )

    def _token(self, args: SasSecretArgs, rights: str, expiry: datetime) -> Output[str]:
        signer = args.get("sas_key", defaults.SAS_KEY)
        # azure-native does not mark keys as secrets, so the program does before it reads one.
        keys: Output[storage.ListStorageAccountKeysResult] = Output.secret(
            storage.list_storage_account_keys_output(
                account_name=args["storage_account"],
                resource_group_name=args["storage_account_resource_group"],
                opts=pulumi.InvokeOutputOptions(parent=self),
            )
        )
        key = keys.apply(lambda found: next(each.value for each in found.keys if each.key_name == signer))
        return Output.all(args["storage_account"], args["container"], key).apply(
            lambda known: container_sas(known[0], known[1], known[2], rights, expiry)
        )

    def _warn(self, expiry: datetime, secret: keyvault.Secret, args: SasSecretArgs) -> None:
        """Warn if the token ends soon; in the preview of a new token the start of its life is unknown."""
        share = int(args.get("sas_warning", defaults.SAS_WARNING))

        def warn(written: datetime | None) -> bool:
            warning = expiry_warning(expiry, written, datetime.now(UTC), share)
            if warning:
                pulumi.log.warn(warning, self)
            return bool(warning)

        if not warn(None):
            secret.properties.attributes.apply(
                lambda found: warn(
                    datetime.fromtimestamp(found.updated, UTC) if found and found.updated else None
                )
            )


def container_sas(account: str, container: str, key: str, rights: str, expiry: datetime) -> str:
    """Return a SAS token of one container, for https only, with the leading `?` that ACR Transfer expects.

    The same arguments give the same token. `key` is the account's, in base64; `rights` are letters of `sp`.
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


def expiry_warning(expiry: datetime, written: datetime | None, now: datetime, share: int) -> str:
    """Return the warning about a token that ends at `expiry`; empty if it lasts long enough.

    `written` is the time of the vault secret, None if unknown. `share` is the percentage of the token's life
    below which to warn, 0 for never.
    """
    left = expiry - now
    fix = ways_out(TOKEN_ENDS)
    if left <= timedelta():
        return f"The SAS token ended at {format_time(expiry)}: every run will fail.\n{fix}"
    if ends_soon(expiry, now):
        return (
            f"The SAS token ends in {_spoken(left)}, and a run may take {_spoken(RUN_LIMIT)}: "
            f"a run that starts now may be cut off.\n{fix}"
        )
    if written and rotation_due(expiry, written, now, share):
        return f"The SAS token ends in {_spoken(left)}: less than {share} % of its life is left.\n{fix}"
    return ""


def _spoken(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
