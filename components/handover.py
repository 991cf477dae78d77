"""The hand-over of a source stack, as a target stack reads it."""

import pulumi

from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.json_document import with_whole_numbers
from acr_transfer.model.errors import ModelError
from acr_transfer.model.failures.deployments import SOURCE_UNREADABLE

from .advice import ways_out
from .sdk import stack_outputs


class HandoverError(pulumi.RunError):
    """The hand-over of the source side cannot be used; the message gives the reason and the fix."""


def qualified_stack_name(name: str, organization: str, project: str) -> str:
    """Return organization/project/stack for a stack that may be named by its last parts alone.

    https://www.pulumi.com/docs/iac/concepts/stacks/#stackreferences
    """
    parts = name.split("/")
    return "/".join([organization, project][: 3 - len(parts)] + parts)


async def handover_of_stack(stack: str) -> Handover:
    """Read the hand-over of another stack, or raise one `HandoverError` with the reason.

    It needs no resource, so a program can await it before it creates any.
    """
    try:
        # A StackReference to a missing stack ends the program at once, without advice.
        await stack_outputs(stack)
    except Exception as failure:
        raise HandoverError(
            f"The source stack {stack} cannot be read: {_cause(failure)}\n"
            f"{ways_out(SOURCE_UNREADABLE, source=stack)}"
        ) from failure
    details = await pulumi.StackReference(stack).get_output_details("handover")
    if details.value is None:
        raise HandoverError(
            f"The stack {stack} has no output 'handover'.\n{ways_out(SOURCE_UNREADABLE, source=stack)}"
        )
    try:
        return Handover.of_output({"handover": with_whole_numbers(details.value)}, stack)
    except ModelError as error:
        raise HandoverError(str(error)) from error


def _cause(failure: Exception) -> str:
    """The engine's error, without the call that it came from."""
    return str(failure).rpartition("returned an error: ")[2]
