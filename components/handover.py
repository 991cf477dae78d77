"""What a source stack tells a target stack: where images were put, and in which blobs."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from .documents import DocumentError, checked, checksum_of, parsed, read_text
from .lock import DIGEST, ENTRY, REFERENCE, LockedArtifact, refuse_contradictions
from .schema_checks import Check, exactly, fields, items, number, text

SCHEMA = 1
"""The version of the hand-over that this program writes and reads."""

_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between two looks at a state that is being written."""


class ExportedBlob(TypedDict):
    """One blob that an export has written."""

    name: str
    """The blob's name in its container."""

    artifacts: list[str]
    """What is in it, each as repository:tag or repository@digest."""

    size: NotRequired[int]
    """The blob's bytes, once it was packed."""

    contentMd5: NotRequired[str]
    """The MD5 of its bytes in base64, as the container says it, once it was packed."""

    sha256: NotRequired[str]
    """The SHA-256 of its bytes in hex digits, once it was packed."""


class HandoverSource(TypedDict):
    """Where the images come from."""

    loginServer: str
    """The source registry's host, with its port if it has one."""

    containerUrl: str
    """The container that holds the exported blobs, without a SAS token."""


class Handover(TypedDict):
    """Everything that the other side has to know. No secret is in it."""

    schema: int
    """The version of this document: 1."""

    source: HandoverSource
    """Where the images come from."""

    blobs: list[ExportedBlob]
    """The blobs whose export succeeded."""

    artifacts: list[LockedArtifact]
    """What the lock says of every artifact; empty without a lock."""

    checksum: str
    """What stands for all of the above: sha256: and 64 hex digits."""


SHAPE: Check = fields(
    {
        "schema": exactly(SCHEMA),
        "source": fields(
            {
                "loginServer": text(r"[A-Za-z0-9.-]+(?::[0-9]+)?", "a registry's host"),
                # No '?': a SAS token after the address would be a secret in a clear file.
                "containerUrl": text(r"https://[A-Za-z0-9.:/_$%\[\]-]+", "an https address without a token"),
            }
        ),
        "blobs": items(
            fields(
                {"name": text(r"(?s).{1,1024}", "a blob's name"), "artifacts": items(REFERENCE, least=1)},
                {
                    "size": number,
                    "contentMd5": text(r"[A-Za-z0-9+/]{22}==", "16 bytes in base64"),
                    "sha256": text(r"[0-9a-f]{64}", "64 hex digits"),
                },
            )
        ),
        "artifacts": items(ENTRY),
        "checksum": DIGEST,
    }
)
"""What a hand-over looks like; docs/handover.schema.json says the same."""


class HandoverError(DocumentError):
    """The source side told nothing that this stack can use; the message says what to do."""


def handover_document(
    login_server: str,
    container_url: str,
    blobs: Iterable[ExportedBlob],
    artifacts: Iterable[LockedArtifact] = (),
) -> Handover:
    """Return the hand-over of a source side, with its checksum; `artifacts` are the entries of its lock."""
    document = Handover(
        schema=SCHEMA,
        source=HandoverSource(loginServer=login_server, containerUrl=container_url),
        blobs=list(blobs),
        artifacts=list(artifacts),
        checksum="",
    )
    document["checksum"] = checksum_of(document)
    return document


def qualified_stack_name(name: str, organization: str, project: str) -> str:
    """Return organization/project/stack for a stack that may be named by its last parts alone.

    https://www.pulumi.com/docs/iac/concepts/stacks/#stackreferences
    """
    parts = name.split("/")
    return "/".join([organization, project][: 3 - len(parts)] + parts)


async def handover_of_stack(stack: str) -> Handover:
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
    if details.value is None:
        raise HandoverError(f"The stack {stack} has no output 'handover'.\n{_advice(stack)}")
    return _checked(
        details.value, f"hand-over of stack {stack}", f"Deploy the source stack again: pulumi up -s {stack}"
    )


def handover_of_file(path: Path | str) -> Handover:
    """Read a hand-over from a file, or raise one `HandoverError` that says why it cannot be used.

    The file is what `pulumi stack output handover` prints, or what `acr-transfer pack` has made of it.
    """
    mend = f"Write it on the source side: pulumi stack output handover --stack <source> > {path}"
    what = f"hand-over {path}"
    try:
        value = parsed(read_text(Path(path), "hand-over", mend), what, mend)
    except DocumentError as error:
        raise HandoverError(str(error)) from error
    return _checked(value, what, mend)


def _checked(value: object, what: str, mend: str) -> Handover:
    try:
        found = checked(value, what, mend, SCHEMA, SHAPE)
        refuse_contradictions(found["artifacts"], what, mend)
    except DocumentError as error:
        raise HandoverError(str(error)) from error
    times = Counter(blob["name"] for blob in found["blobs"])
    if twice := [name for name, count in times.items() if count > 1]:
        raise HandoverError(f"The {what} names blob {twice[0]} twice.\n{mend}")
    return cast(Handover, found)


async def was_deployed(stack: str) -> bool:
    """Whether a stack has outputs from a deployment before this one."""
    return bool(await _outputs_of(stack))


async def _outputs_of(stack: str) -> dict[str, Any]:
    """What a StackReference reads; looked at again where a state is found while it is being written.

    A backend in a folder writes the file of a state's attributes in place, so that it is empty for an instant
    whenever an update saves the state. This very update does, while it reads its own stack's last outputs.
    https://pkg.go.dev/gocloud.dev/blob/fileblob
    """
    for pause in _PAUSES:
        try:
            return await _outputs_now(stack)
        except Exception as failure:
            if not _cause(failure).endswith("EOF"):
                raise
        await asyncio.sleep(pause)
    return await _outputs_now(stack)


async def _outputs_now(stack: str) -> dict[str, Any]:
    """As a StackReference, but the error for a stack that is not there can be caught."""
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": stack})
    return cast(dict[str, Any], found["outputs"])


def _cause(failure: Exception) -> str:
    """The engine's own words, without the path they came by."""
    return str(failure).rpartition("returned an error: ")[2]


def _advice(stack: str) -> str:
    return (
        f"Deploy the source side first: pulumi up -s {stack}\n"
        "If another stack is meant: pulumi config set acr-transfer:source <stack>"
    )
