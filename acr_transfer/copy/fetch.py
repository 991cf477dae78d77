"""A server-side copy of one blob: the target's storage reads the source's by a link.

https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url
https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError

from acr_transfer.azure.containers import ReadLink
from acr_transfer.azure.storage_limits import storage_request
from acr_transfer.azure.storage_retry import is_transient
from acr_transfer.copy import blocks
from acr_transfer.copy.blocks import Block
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.errors import CopyError, error_code
from acr_transfer.units import plural

_SIGNS = "generateUserDelegationKey, which the role Storage Blob Data Reader on the account has"
_STREAM = "`--way stream` sends everything through this machine."


class UnreadableSourceError(CopyError):
    """The target's storage cannot read the source, or could not in all attempts."""

    def __init__(self, blob: str, reason: str, advice: str = "") -> None:
        super().__init__(f"blob {blob}: {reason}. {advice}{_STREAM}")
        self.reason = reason
        """Why not, with the status and the code of the response."""


async def fetch_blob(link: ReadLink, target: TargetBlob) -> None:
    """Let the target's storage read a blob.

    Up to 5,000 MiB it is one request: the target compares the content with the source's MD5 before the blob
    exists. A larger blob is read in blocks, of which a later run continues with the missing ones. Raises
    `UnreadableSourceError` if the target cannot read it, `CopyError` if it has changed or is damaged.
    """
    if target.blob.size > blocks.FETCHED_BYTES or not await _fetch_at_once(link, target):
        await _fetch_blocks(link, target)


async def _fetch_at_once(link: ReadLink, target: TargetBlob) -> bool:
    """Copy the blob as one request; False if only blocks can copy it."""
    await target.throttle.enter(0)
    try:
        source = await _signed(link, target)
        with _fetching(target):
            written = await target.fetch(source)
    finally:
        target.throttle.leave(0)
    if written is not None:
        await target.finish(written)
    return written is not None


async def _fetch_blocks(link: ReadLink, target: TargetBlob) -> None:
    """Copy every missing block of the source's version, then commit."""
    blob, staged = target.blob, await target.staged()

    async def fetch(block: Block) -> str:
        block_id = blob.block_id(block)
        if is_new := block_id not in staged:
            source = await _signed(link, target)
            with _fetching(target):
                await target.fetch_block(block, source)
        target.count(block.length, sent=is_new)
        return block_id

    # The first block alone shows whether the target can read the source.
    first, *rest = blob.blocks()
    block_ids = [await fetch(first)]
    # No content is in memory, so only the number of requests is limited.
    block_ids += await target.throttle.run(fetch, rest, lambda _: 0)
    await target.commit(block_ids)


async def _signed(link: ReadLink, target: TargetBlob) -> str:
    name = target.blob.name
    with storage_request(f"signing a link to blob {name}", "the source's storage"):
        try:
            return await link(name)
        except AzureError as error:
            reason = f"this machine cannot sign a link to the source ({_answer(error)})"
            raise UnreadableSourceError(name, reason, f"The caller needs {_SIGNS}. ") from None


@contextmanager
def _fetching(target: TargetBlob) -> Iterator[None]:
    with storage_request(f"fetching blob {target.blob.name}", target.host):
        try:
            yield
        except AzureError as error:
            raise _meaning(error, target) from None


def _meaning(error: AzureError, target: TargetBlob) -> CopyError:
    name = target.blob.name
    if getattr(error, "status_code", None) == HTTPStatus.PRECONDITION_FAILED:
        return CopyError(
            f"blob {name}: source changed during the copy ({_answer(error)}). "
            "Nothing was committed; run again."
        )
    if error_code(error) == "Md5Mismatch":
        return CopyError(
            f"blob {name}: hash differs: what the target's storage read has not the source's MD5. Nothing "
            "was committed. Run again; if it fails again, the source's blob is damaged: export it again."
        )
    if not isinstance(error, HttpResponseError) or is_transient(error):
        tries = plural(target.throttle.tries, "attempt")
        reason = f"the target's storage could not read the source in {tries} ({_answer(error)})"
        return UnreadableSourceError(name, reason, "Run again later. ")
    reason = f"the target's storage cannot read the source ({_answer(error)})"
    return UnreadableSourceError(name, reason)


def _answer(error: AzureError) -> str:
    return f"{getattr(error, 'status_code', None) or type(error).__name__} {error_code(error)}".strip()
