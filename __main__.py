"""Deploys one side of an image transfer, as the stack's configuration describes it."""

import pulumi
from pulumi import Output

from components import SourceSide, TargetSide
from components.handover import handover_of_stack, qualified_stack_name
from components.sdk import stack_outputs
from stack.importable import Importable, importable
from stack.settings import Settings, Side


async def main() -> dict[str, Output[object]]:
    """Create the side of this stack, and return its outputs."""
    settings = Settings.load(pulumi.Config(), pulumi.get_stack())
    if settings.side is Side.SOURCE:
        return SourceSide("transfer", settings.source_args).outputs
    # Awaited before any resource is created: a target needs a source.
    handover = settings.handover or await handover_of_stack(_full_name(settings.source))
    imports = Importable()
    if settings.runs_imports:
        outputs = await stack_outputs(_full_name(pulumi.get_stack()))
        imports = await importable(handover.blobs, settings.args, outputs)
    return TargetSide("transfer", settings.target_args(imports)).outputs


def _full_name(stack: str) -> str:
    return qualified_stack_name(stack, pulumi.get_organization(), pulumi.get_project())


pulumi.run(main)
