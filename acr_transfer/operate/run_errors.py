"""What a failed run's message means, and what mends it.

The messages are the service's own; where Azure publishes no wording, the cause is read from the status in it.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """Why a run failed, and what to do about it."""

    why: str
    mend: str


_AGAIN = "then give acr-transfer:forceUpdateTag a new value, and `pulumi up`"

CAUSES: tuple[tuple[str, Cause], ...] = (
    (
        r"key ?vault.*(\b403\b|Forbidden)|not have secrets get|ForbiddenByRbac|authorized to perform action",
        Cause(
            "the pipeline's identity may not read the SAS secret",
            "`pulumi up` makes the grant; a new one takes a few minutes; see `acr-transfer doctor`",
        ),
    ),
    (
        r"key ?vault.*(\b404\b|SecretNotFound|does not answer)|secret.*was not found",
        Cause("the SAS secret or its vault is not there", "`pulumi refresh`, then `pulumi up`"),
    ),
    (
        r"AuthenticationFailed|Signature|expired|Status: 401",
        Cause(
            "storage does not take the SAS token: it has expired, or the key that signed it was rolled",
            f"give acr-transfer:sasExpiry a later time (or acr-transfer:sasKey the other key), {_AGAIN}",
        ),
    ),
    (
        r"AuthorizationPermissionMismatch|AuthorizationProtocolMismatch|AuthorizationResourceTypeMismatch",
        Cause(
            "the SAS token or the role lets in, but not for what was tried",
            "export needs read, add, write and list; import read and list, and delete to remove blobs; "
            "`pulumi up` puts it right",
        ),
    ),
    (
        r"KeyBasedAuthenticationNotPermitted",
        Cause(
            "shared keys are switched off on the storage account, so no SAS token works",
            "switch them on, or set acr-transfer:storageAccess to ManagedIdentity",
        ),
    ),
    (
        r"storage.*\b403\b|AuthorizationFailure|not authorized to perform this operation",
        Cause(
            "storage refuses the pipeline: its network is closed, or the token is of another account",
            "it comes from the public network: open the account's firewall; see `acr-transfer doctor`",
        ),
    ),
    (
        r"ContainerNotFound|container.*not (found|exist)",
        Cause("the container is not there", "`pulumi refresh`, then `pulumi up`"),
    ),
    (
        r"BlobNotFound|storage.*\b404\b|blob.*not (found|exist)",
        Cause(
            "the blob is not there",
            "carry it with `acr-transfer hop` (or `unpack`), then run the import again",
        ),
    ),
    (
        r"blob.*(already )?exists|OverwriteBlobs",
        Cause(
            "a blob of that name is there, and the pipeline does not overwrite",
            "add OverwriteBlobs to acr-transfer:options, or set another acr-transfer:blobPrefix",
        ),
    ),
    (
        r"tags?.*(already )?exists?|OverwriteTags",
        Cause(
            "a tag of that name is there with other content, and the pipeline does not overwrite",
            "add OverwriteTags to acr-transfer:options of the target",
        ),
    ),
    (
        r"artifacts?.*not found|manifest unknown|MANIFEST_UNKNOWN",
        Cause(
            "an artifact is not in the source registry, by this spelling",
            f"correct acr-transfer:artifacts, or make the lock again with `acr-transfer plan`, {_AGAIN}",
        ),
    ),
    (
        r"\b\d+ artifacts; a run takes at most|more than 50|maximum.*50",
        Cause("a run takes at most 50 artifacts", "let the program split the list: `pulumi up`"),
    ),
    (
        r"export.*(policy|disabled)",
        Cause(
            "the registry's export policy lets nothing out",
            "az acr update --name <registry> --allow-exports true (needs public network access)",
        ),
    ),
    (
        r"\btar\b|archive|corrupt|digest.*(mismatch|differ)",
        Cause(
            "the blob is not what the export wrote",
            "copy it again with `acr-transfer hop`, then run the import again",
        ),
    ),
    (
        r"\b(429|503)\b|throttl|too many requests|timed? ?out",
        Cause("the service was busy", f"wait a while, {_AGAIN}"),
    ),
)
"""Pattern of a message and what it means; the first that fits counts."""

UNKNOWN = Cause(
    "not a message that this command knows", "see `acr-transfer doctor`, and the service's own words"
)


def cause_of(message: str) -> Cause:
    """What a run's error message means."""
    return next((cause for pattern, cause in CAUSES if re.search(pattern, message, re.IGNORECASE)), UNKNOWN)
