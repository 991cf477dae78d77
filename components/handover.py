"""What a source stack tells a target stack: where images were put, and in which blobs."""

from typing import Any, TypedDict, cast

import pulumi

SCHEMA = 1
"""The version of the hand-over that this program writes and reads."""


class ExportedBlob(TypedDict):
    """One blob that an export has written."""

    name: str
    """The blob's name in its container."""

    artifacts: list[str]
    """What is in it, each as repository:tag or repository@digest."""


class HandoverSource(TypedDict):
    """Where the images come from."""

    loginServer: str
    """The source registry's host, with its port if it has one."""

    containerUrl: str
    """The container that holds the exported blobs."""


class Handover(TypedDict):
    """Everything that the other side has to know. No secret is in it."""

    schema: int
    """The version of this document: 1."""

    source: HandoverSource
    """Where the images come from."""

    blobs: list[ExportedBlob]
    """The blobs whose export succeeded."""


class HandoverError(pulumi.RunError):
    """The source stack told nothing that this stack can use; the message says what to do."""


def qualified_stack_name(name: str, organization: str, project: str) -> str:
    """Return organization/project/stack for a stack that may be named by its last parts alone.

    https://www.pulumi.com/docs/iac/concepts/stacks/#stackreferences
    """
    parts = name.split("/")
    return "/".join([organization, project][: 3 - len(parts)] + parts)


async def handover_of(stack: str) -> Handover:
    """Read the hand-over of another stack, or raise one `HandoverError` that says why there is none.

    It needs no resource, so a program can await it before it makes anything.
    """
    try:
        # A StackReference to no stack ends the program at once, without advice: so ask first.
        await _outputs_of(stack)
    except Exception as failure:
        raise HandoverError(
            f"The source stack {stack} cannot be read: {_cause(failure)}\n{_advice(stack)}"
        ) from failure
    details = await pulumi.StackReference(stack).get_output_details("handover")
    return checked_handover(details.value, stack)


async def was_deployed(stack: str) -> bool:
    """Whether a stack has outputs from a deployment before this one."""
    return bool(await _outputs_of(stack))


async def _outputs_of(stack: str) -> dict[str, Any]:
    """What a StackReference reads, but for a stack that is not there the error can be caught."""
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": stack})
    return cast(dict[str, Any], found["outputs"])


def checked_handover(value: Any, stack: str) -> Handover:
    """Return the hand-over that `stack` gave out, or raise `HandoverError` if it is none that fits."""
    if value is None:
        raise HandoverError(f"The stack {stack} has no output 'handover'.\n{_advice(stack)}")
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise HandoverError(
            f"The hand-over of stack {stack} is of schema {schema!r}; expected {SCHEMA}.\n"
            "Deploy both stacks with the same version of this program."
        )
    if not _is_whole(value):
        raise HandoverError(
            f"The hand-over of stack {stack} does not fit its schema: source or blobs are wrong.\n"
            f"Deploy the source stack again: pulumi up -s {stack}"
        )
    return cast(Handover, value)


def _is_whole(value: dict[str, Any]) -> bool:
    source, blobs = value.get("source"), value.get("blobs")
    return (
        isinstance(source, dict)
        and all(isinstance(source.get(key), str) for key in ("loginServer", "containerUrl"))
        and isinstance(blobs, list)
        and all(_is_blob(blob) for blob in blobs)
    )


def _is_blob(blob: object) -> bool:
    return (
        isinstance(blob, dict)
        and isinstance(blob.get("name"), str)
        and isinstance(blob.get("artifacts"), list)
    )


def _cause(failure: Exception) -> str:
    """The engine's own words, without the path they came by."""
    return str(failure).rpartition("returned an error: ")[2]


def _advice(stack: str) -> str:
    return (
        f"Deploy the source side first: pulumi up -s {stack}\n"
        "If another stack is meant: pulumi config set acr-transfer:source <stack>"
    )
