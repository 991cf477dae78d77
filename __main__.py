"""One side of an image transfer, as the stack's configuration says."""

import pulumi
from pulumi import Output

from components import SourceSide, TargetSide
from components.handover import handover_of, qualified_stack_name
from config import Settings, Side


async def main() -> dict[str, Output[object]]:
    """Build the side that this stack is, and return its outputs."""
    settings = Settings.load(pulumi.Config(), pulumi.get_stack())
    if settings.side is Side.SOURCE:
        return SourceSide("transfer", settings.source_args()).outputs
    # Awaited before anything is made: a target without a source makes no sense.
    stack = qualified_stack_name(settings.source, pulumi.get_organization(), pulumi.get_project())
    handover = await handover_of(stack)
    return TargetSide("transfer", settings.target_args(handover["blobs"])).outputs


pulumi.run(main)
