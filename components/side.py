"""The common part of both sides: registry, container, and runs of a pipeline."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from acr_transfer.model.options import Direction

from . import defaults
from .argument_rules import check_arguments, side_faults
from .arguments import PipelineLinks, SideArgs, has, part_of
from .pipelines.pipeline import Pipeline
from .pipelines.run_results import Run, Transfer
from .pipelines.runs import PipelineRuns, PipelineRunsArgs
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

    def names(self) -> dict[str, Input[str]]:
        """Return the arguments of runs for their messages."""
        vault = {"vault": self.staging.vault.vault} if self.staging.vault else {}
        return {"container_id": self.staging.storage.container_id, **vault}


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


class TransferSide(pulumi.ComponentResource):
    """A registry with everything that its side of a transfer needs."""

    login_server: Output[str]
    """The registry's host."""

    container_url: Output[str]
    """The container that holds the exported blobs."""

    sas_secret_uri: Output[str | None]
    """The URI, without a version, of the secret that holds the SAS token; none without a token."""

    runs: Output[list[Run]]
    """Every run of this side with its result; none if a trigger starts the imports."""

    def __init__(
        self, name: str, args: SideArgs, kind: type, direction: Direction, opts: ResourceOptions | None
    ) -> None:
        """Check the arguments, which `kind` declares; raises `ArgumentError`."""
        component = type(self).__name__
        super().__init__(f"acr-transfer:index:{component}", name, None, opts)
        check_arguments(f"{component} {name}", args, kind, *side_faults(args, direction, None))
        self._direction = direction

    def _prerequisites(self, name: str, args: SideArgs) -> Prerequisites:
        """Read or create the resources that the pipeline needs."""
        needed = prerequisites(name, args, self._direction, self)
        self._has_token = needed.staging.secret is not None
        self.login_server = needed.registry.apply(lambda found: found.login_server)
        self.container_url = needed.staging.storage.container_url
        self.sas_secret_uri = needed.staging.sas_secret_uri
        return needed

    def _runs(
        self,
        name: str,
        args: SideArgs,
        pipeline: Pipeline,
        transfers: list[Transfer],
        needed: Prerequisites,
        **own: Input[Any],
    ) -> Output[list[Run]]:
        """Start the runs of the pipeline; `own` are arguments of the runs that differ from the side's."""
        runs = part_of(
            PipelineRunsArgs,
            {**args, **needed.names()},
            registry_resource_group=needed.registry_resource_group,
            pipeline_id=pipeline.pipeline_id,
            direction=self._direction,
            transfers=transfers,
            **own,
        )
        opts = ResourceOptions(
            parent=self, providers=[pipeline.run_provider] if pipeline.run_provider else None
        )
        return PipelineRuns(f"{name}-run", runs, opts).runs

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """The outputs of a stack of this side; no secret's URI without a token."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            **({"sasSecretUri": self.sas_secret_uri} if self._has_token else {}),
            "runs": self.runs,
        }
