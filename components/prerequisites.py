"""What a pipeline of a side needs: a registry and a container."""

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions

from acr_transfer.model.options import Direction

from . import defaults
from .arguments import PipelineLinks, SideArgs, has
from .registry import Registry, create_registry, existing_registry
from .staging import Staging


@dataclass(frozen=True)
class Prerequisites:
    """A suitable registry, and a container."""

    registry: Output[Registry]
    registry_resource_group: Input[str]
    staging: Staging

    def links(self) -> PipelineLinks:
        """Return the arguments of a pipeline that depend on these resources."""
        links = PipelineLinks(
            registry=self.registry.apply(lambda found: found.name),
            registry_resource_group=self.registry_resource_group,
            location=self.registry.apply(lambda found: found.location),
            resource_group=self.staging.resource_group,
            container_url=self.staging.storage.container_url,
            container_id=self.staging.storage.container_id,
        )
        vault, secret = self.staging.vault, self.staging.secret
        if vault and secret:
            links["sas_secret_uri"] = secret.secret_uri
            links["vault"] = vault.vault
            links["vault_resource_group"] = vault.vault_resource_group
            if vault.is_new:
                links["vault_urn"] = vault.vault_urn.apply(str)
        return links


def prerequisites(name: str, args: SideArgs, direction: Direction, parent: pulumi.Resource) -> Prerequisites:
    """Read or create the registry and the container; an unsuitable registry fails before all else."""

    def staging(group: Output[str]) -> Staging:
        given: SideArgs = {**args, "resource_group": group}
        opts = ResourceOptions(parent=parent)
        return Staging(f"{name}-staging", given, direction, opts)

    group = Output.from_input(args["resource_group"])
    own = has(args, "registry_resource_group")
    registry_group = args["registry_resource_group"] if own else args["resource_group"]
    if not args.get("create_registry", defaults.CREATE_REGISTRY):
        exports = direction == Direction.EXPORT
        found = existing_registry(args["registry"], registry_group, exports=exports, parent=parent)
        # Known only once the registry is known to be suitable: nothing is created before that.
        checked = Output.all(group, found).apply(lambda known: str(known[0]))
        return Prerequisites(found, registry_group, staging(checked))
    created = staging(group)
    beside = Output.all(registry_group, group, created.resource_group).apply(
        lambda known: known[2] if known[0].lower() == known[1].lower() else known[0]
    )
    return Prerequisites(create_registry(f"{name}-registry", args, beside, parent), beside, created)
