"""The resources of a stack's state that were deleted in Azure, which `pulumi up` does not notice."""

from collections.abc import Collection, Sequence

from acr_transfer.azure.arm import ArmClient
from acr_transfer.azure.stack_state import StateResource
from acr_transfer.errors import FAILURES

RUN = "PipelineRun"
"""The kind of a run, of which a state may have hundreds: they are compared with the list of runs."""


async def deleted_resources(
    state: Sequence[StateResource], existing: Collection[str], arm: ArmClient
) -> tuple[list[StateResource], dict[str, str]]:
    """Return the resources of a state that Azure does not have, and those that cannot be read, with reasons.

    `existing` are the IDs, in lower case, of resources that were read before. One request is sent for each
    other resource. Runs, replaced resources and what is inside of a deleted resource are left out.
    """
    deleted: list[StateResource] = []
    unread: dict[str, str] = {}
    for resource in sorted(state, key=lambda each: each.id.count("/")):
        id = resource.id.lower()
        inside = any(id.startswith(f"{parent.id.lower()}/") for parent in deleted)
        if inside or id in existing or resource.kind == RUN or resource.replaced:
            continue
        try:
            if await arm.get(resource.id, resource.version) is None:
                deleted.append(resource)
        except FAILURES as error:
            unread[resource.name] = str(error)
    return deleted, unread


def deleted_runs(state: Sequence[StateResource], existing: Collection[str]) -> list[StateResource]:
    """Return the runs of a state that are not among the existing ones, given by their IDs in lower case."""
    return [
        each for each in state if each.kind == RUN and not each.replaced and each.id.lower() not in existing
    ]
