"""The causes of failed runs, by the service's message, and how to fix them.

Where Azure does not publish a message, the status code in it identifies the cause.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

import re
from dataclasses import dataclass

from acr_transfer.model.vault_firewall import OPEN_VAULT


@dataclass(frozen=True)
class RunError:
    """A pattern of messages, why a run failed, and how to fix it."""

    pattern: str
    why: str
    fix: str


_AGAIN = "then run `pulumi up`: it starts failed runs of the stack again"
_DELAY = "a role assignment takes effect within 10 minutes"

RUN_ERRORS: tuple[RunError, ...] = (
    RunError(
        r"not a trusted service|ForbiddenByFirewall",
        "the vault's firewall refuses the pipeline",
        "run `pulumi config rm acr-transfer:vaultAddresses`, then `pulumi up`; for an existing vault run "
        f"`{OPEN_VAULT.format(vault='<name>')}`, then `pulumi up`",
    ),
    RunError(
        r"key ?vault.*(\b403\b|Forbidden)|not have secrets get|ForbiddenByRbac|authorized to perform action",
        "the pipeline's identity cannot read the SAS secret",
        f"run `pulumi up`: it grants access and starts failed runs of the stack again; {_DELAY}",
    ),
    RunError(
        r"key ?vault.*(\b404\b|SecretNotFound|does not answer)|secret.*was not found",
        "the SAS secret or its vault does not exist",
        f"set acr-transfer:sasExpiry to a later time, which writes the secret again, {_AGAIN}; for a deleted "
        "vault run `pulumi refresh` first",
    ),
    RunError(
        r"access registry.*\b(401|403)\b",
        "the registry's roleAssignmentMode is AbacRepositoryPermissions, and the pipeline's identity has no "
        "role on its repositories",
        "set acr-transfer:registryRoleAssignmentMode to AbacRepositoryPermissions and run `pulumi up`, which "
        f"assigns the role within minutes, {_AGAIN}",
    ),
    RunError(
        r"AuthenticationFailed|Signature|expired|Status: 401",
        "storage rejects the SAS token: it has expired, or its signing key was rotated",
        f"set acr-transfer:sasExpiry to a later time (or acr-transfer:sasKey to the other key), {_AGAIN}",
    ),
    RunError(
        r"AuthorizationPermissionMismatch|AuthorizationProtocolMismatch|AuthorizationResourceTypeMismatch",
        "the SAS token or the role does not include the operation",
        "run `pulumi up`: it grants read, add, write and list for exports; read and list for imports, "
        f"and delete if the pipeline removes blobs; {_DELAY}",
    ),
    RunError(
        r"KeyBasedAuthenticationNotPermitted",
        "the storage account has shared key access disabled, so SAS tokens do not work",
        "enable shared key access, or set acr-transfer:storageAccess to ManagedIdentity",
    ),
    RunError(
        r"storage.*\b403\b|AuthorizationFailure|not authorized to perform this operation",
        "storage rejects the pipeline: the account has a firewall, or the token is for another account",
        "open the account to the public network, which the service uses; see `acr-transfer doctor`",
    ),
    RunError(
        r"ContainerNotFound|container.*not (found|exist)",
        "the container does not exist",
        "create it (`pulumi refresh` may not notice its deletion): `az storage container-rm create "
        f"--resource-group <group> --storage-account <account> --name <container>`, {_AGAIN}",
    ),
    RunError(
        r"BlobNotFound|storage.*\b404\b|blob.*not (found|exist)",
        "the blob does not exist",
        "copy it with `acr-transfer hop` (or `unpack`), then run the import again",
    ),
    RunError(
        r"blob.*(already )?exists|OverwriteBlobs",
        "a blob with this name exists, and the pipeline does not overwrite blobs",
        "add OverwriteBlobs to acr-transfer:options, or change acr-transfer:blobPrefix",
    ),
    RunError(
        r"tags?.*(already )?exists?|OverwriteTags",
        "the tag exists with other content, and the pipeline does not overwrite tags",
        "add OverwriteTags to acr-transfer:options of the target",
    ),
    RunError(
        r"artifacts?.*not found|manifest unknown|MANIFEST_UNKNOWN",
        "an artifact is not in the source registry under this name",
        f"correct acr-transfer:artifacts, or write the lock again with `acr-transfer plan`, {_AGAIN}",
    ),
    RunError(
        r"\b\d+ artifacts; a run takes at most|more than 50|maximum.*50",
        "a run takes at most 50 artifacts",
        "run `pulumi up`, which splits the list",
    ),
    RunError(
        r"export.*(policy|disabled)",
        "the registry's export policy is disabled",
        "az acr update --name <registry> --allow-exports true (needs public network access)",
    ),
    RunError(
        r"\btar\b|archive|corrupt|digest.*(mismatch|differ)",
        "the blob differs from the one that the export wrote",
        "copy it again with `acr-transfer hop`, then run the import again",
    ),
    RunError(
        r"\b(429|503)\b|throttl|too many requests|timed? ?out",
        "the service was busy",
        f"wait some minutes, {_AGAIN}",
    ),
)
"""The known errors; the first with a matching pattern counts."""

UNKNOWN = RunError("", "unknown: Azure does not document this message", "run `acr-transfer doctor`")


def explain_run_error(message: str) -> RunError:
    """The cause of a run's error message."""
    found = (error for error in RUN_ERRORS if re.search(error.pattern, message, re.IGNORECASE))
    return next(found, UNKNOWN)
