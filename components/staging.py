"""The container of a side and, unless pipelines use their identity, the vault with its SAS token."""

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_azure_native import resources

from acr_transfer.model.options import DELETE_SOURCE_BLOB, Direction

from . import defaults
from .arguments import SideArgs, has_user_identity, options_of, part_of, uses_token
from .conflicts import RESOURCE_GROUP, explain_conflict
from .sas import SasSecret, SasSecretArgs
from .storage import Storage, StorageArgs
from .vault import Vault, VaultArgs


class Staging(pulumi.ComponentResource):
    """A container for images in transit, and a vault with the SAS token that opens it."""

    def __init__(self, name: str, args: SideArgs, direction: Direction, opts: ResourceOptions) -> None:
        """Create the resources."""
        super().__init__("acr-transfer:index:Staging", name, None, opts)
        child = ResourceOptions(parent=self)
        self.resource_group = self._resource_group(name, args)
        given = {**args, "resource_group": self.resource_group}
        self.storage = Storage(f"{name}-storage", part_of(StorageArgs, given), child)
        self.vault: Vault | None = None
        self.secret: SasSecret | None = None
        if uses_token(args):
            self.vault = Vault(
                f"{name}-vault", part_of(VaultArgs, given, user_assigned=has_user_identity(args)), child
            )
            self.secret = self._secret(name, args, direction, self.vault)
        uri = self.secret.secret_uri if self.secret else None
        self.sas_secret_uri: Output[str | None] = Output.from_input(uri)
        self.register_outputs(
            {
                "containerUrl": self.storage.container_url,
                "containerId": self.storage.container_id,
                "sasSecretUri": self.sas_secret_uri,
            }
        )

    def _resource_group(self, name: str, args: SideArgs) -> Output[str]:
        if not args.get("create_resource_group", defaults.CREATE_RESOURCE_GROUP):
            return Output.from_input(args["resource_group"])
        group = resources.ResourceGroup(
            f"{name}-group",
            resource_group_name=args["resource_group"],
            location=args.get("location") or None,
            tags=args.get("tags") or None,
            opts=explain_conflict(RESOURCE_GROUP, f"{name}-group", ResourceOptions(parent=self)),
        )
        return group.name

    def _secret(self, name: str, args: SideArgs, direction: Direction, vault: Vault) -> SasSecret:
        given = part_of(
            SasSecretArgs,
            args,
            storage_account=self.storage.storage_account,
            storage_account_resource_group=self.storage.storage_account_resource_group,
            container=self.storage.container,
            vault=vault.vault,
            vault_resource_group=vault.vault_resource_group,
            vault_uri=vault.vault_uri,
            direction=direction,
            deletes_blobs=DELETE_SOURCE_BLOB in options_of(args, direction),
        )
        # Deleting a secret takes a permission inside the vault and access to a closed vault, which the person
        # who deploys may not have. A new vault's secret is therefore left to be deleted with the vault. The
        # engine passes the option on to the secret.
        opts = ResourceOptions(parent=self, retain_on_delete=True if vault.is_new else None)
        return SasSecret(f"{name}-sas", given, opts)
