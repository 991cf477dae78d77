"""Deploys one side of an image transfer, as the stack's configuration describes it."""

import pulumi
from pulumi import Output

from acr_transfer.model.documents.handover import ExportedBlob
from components import SourceSide, TargetSide
from components.handover import handover_of_stack, qualified_stack_name, was_deployed
from stack.settings import Settings, Side


async def main() -> dict[str, Output[object]]:
    """Create the side of this stack, and return its outputs."""
    settings = Settings.load(pulumi.Config(), pulumi.get_stack())
    if settings.side is Side.SOURCE:
        return SourceSide("transfer", settings.source_args).outputs
    # Awaited before any resource is created: a target needs a source.
    handover = settings.handover or await handover_of_stack(_full_name(settings.source))
    blobs = await _importable(handover.blobs) if settings.runs_imports else ()
    return TargetSide("transfer", settings.target_args(blobs)).outputs


async def _importable(blobs: tuple[ExportedBlob, ...]) -> tuple[ExportedBlob, ...]:
    """The blobs to import; none before the first deployment, which creates the container to copy them to."""
    if await was_deployed(_full_name(pulumi.get_stack())):
        return blobs
    pulumi.log.warn(
        "This deployment imports nothing: copy the blobs with `acr-transfer hop`, then `pulumi up` again."
    )
    return ()


def _full_name(stack: str) -> str:
    return qualified_stack_name(stack, pulumi.get_organization(), pulumi.get_project())


pulumi.run(main)
