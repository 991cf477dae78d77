"""The parts of a transfer's two sides that are alike."""

from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from acr_transfer.model.options import Direction

from .argument_rules import check_arguments, side_faults
from .arguments import SideArgs, part_of
from .pipelines.run_results import Run, Transfer
from .pipelines.runs import PipelineRuns, PipelineRunsArgs
from .prerequisites import Prerequisites, prerequisites


class Side(pulumi.ComponentResource):
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
        pipeline_id: Output[str],
        transfers: list[Transfer],
        **own: Input[Any],
    ) -> Output[list[Run]]:
        """Start the runs of the pipeline; `own` are arguments of the runs that differ from the side's."""
        runs = part_of(
            PipelineRunsArgs,
            args,
            pipeline_id=pipeline_id,
            direction=self._direction,
            transfers=transfers,
            **own,
        )
        return PipelineRuns(f"{name}-run", runs, ResourceOptions(parent=self)).runs

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """The outputs of a stack of this side; no secret's URI without a token."""
        return {
            "loginServer": self.login_server,
            "containerUrl": self.container_url,
            **({"sasSecretUri": self.sas_secret_uri} if self._has_token else {}),
            "runs": self.runs,
        }
