"""One side of an image transfer, as the stack's configuration says."""

import pulumi
from pulumi import Output

from components import SourceSide, TargetSide
from components.handover import (
    ExportedBlob,
    handover_of_file,
    handover_of_stack,
    qualified_stack_name,
    was_deployed,
)
from stack.settings import Settings, Side


async def main() -> dict[str, Output[object]]:
    """Build the side that this stack is, and return its outputs."""
    settings = Settings.load(pulumi.Config(), pulumi.get_stack())
    if settings.side is Side.SOURCE:
        return SourceSide("transfer", settings.source_args()).outputs
    # Awaited before anything is made: a target without a source makes no sense.
    if settings.handover:
        handover = handover_of_file(settings.handover)
    else:
        handover = await handover_of_stack(_full_name(settings.source))
    blobs = await _importable(handover["blobs"]) if settings.makes_imports else []
    return TargetSide("transfer", settings.target_args(blobs)).outputs


async def _importable(blobs: list[ExportedBlob]) -> list[ExportedBlob]:
    """A container that is not there yet holds no blob to import; it has to be there for one to arrive."""
    if await was_deployed(_full_name(pulumi.get_stack())):
        return blobs
    pulumi.log.warn(
        "Nothing is imported yet: copy the blobs with `acr-transfer hop`, then `pulumi up` again."
    )
    return []


def _full_name(stack: str) -> str:
    return qualified_stack_name(stack, pulumi.get_organization(), pulumi.get_project())


pulumi.run(main)
