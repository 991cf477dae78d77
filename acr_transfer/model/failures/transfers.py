"""Failures of runs, by the service's message and by the checks of `doctor`.

Where Azure does not publish a message, the status code in it identifies the cause.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from dataclasses import replace

from acr_transfer.model.failures.failure import Failure, Way
from acr_transfer.model.failures.steps import (
    DEPLOY,
    DEPLOY_TARGET,
    DOCTOR,
    HOP,
    RESTORE,
    AddItem,
    RemoveKey,
    Run,
    SetKey,
)

_NEW_TOKEN = (SetKey("sasExpiry", "{later}"), DEPLOY)
_ROLE_DELAY = Way(
    purpose="If the role was assigned less than 10 minutes ago", by_hand="wait", steps=(DEPLOY,)
)
AFTER_A_FAILED_REFRESH = Way(purpose="If the refresh ends with an error", steps=(DEPLOY,))
"""Azure may not answer 404 for a resource inside of a deleted one, which the state lacks by then."""
_LONGER_WAIT = Way(
    purpose="To wait longer after an assignment", steps=(SetKey("roleWaitSeconds", "{seconds}"), DEPLOY)
)
_OPEN_VAULT = Run("az keyvault update --name {vault} --public-network-access Enabled --default-action Allow")
_LIST = (
    Way(
        purpose="To write the lock again",
        steps=(Run("acr-transfer plan --source {source} --rules {rules} --out {lock}"), DEPLOY),
        when={"lock": "*"},
    ),
    Way(
        purpose="To correct the list of artifacts",
        steps=(SetKey("artifacts[{item}]", "{artifact}"), DEPLOY),
        when={"artifacts": "*"},
    ),
    Way(
        by_hand="Correct the list of artifacts",
        steps=(DEPLOY,),
        when={"artifactsFile": "*"},
    ),
)

PIPELINE_MISSING = Failure(
    name="pipeline-missing",
    pattern=r"\b(pipeline|resource) ''.* not (found|exist)",
    why="Runs need a pipeline, and the stack's does not exist.",
    ways=(Way(steps=(RESTORE,)),),
)
VAULT_FIREWALL = Failure(
    name="vault-firewall",
    pattern=r"not a trusted service|ForbiddenByFirewall",
    why="The vault's firewall refuses the pipeline.",
    ways=(
        Way(
            purpose="To open the vault of this deployment",
            steps=(RemoveKey("vaultAddresses"), RESTORE),
            unless={"vault": "*"},
        ),
        Way(purpose="To open an existing vault", steps=(_OPEN_VAULT, DEPLOY), when={"vault": "*"}),
    ),
)
VAULT_PERMISSION = Failure(
    name="vault-permission",
    pattern=r"key ?vault.*(\b403\b|Forbidden)|not have secrets get|ForbiddenByRbac|"
    r"authorized to perform action",
    why="The pipeline's identity cannot read the SAS secret.",
    ways=(
        Way(purpose="To grant access", steps=(RESTORE,)),
        _ROLE_DELAY,
        replace(_LONGER_WAIT, when={"vaultAccess": "rbac"}),
    ),
)
VAULT_MISSING = Failure(
    name="vault-missing",
    pattern=r"key ?vault.*does not answer",
    why="The vault with the SAS token does not exist. A deleted vault keeps its name until it is purged.",
    ways=(
        Way(
            purpose="To create a vault with another name",
            steps=(SetKey("newVaultName", "{name}"), RESTORE),
            unless={"vault": "*"},
        ),
        replace(AFTER_A_FAILED_REFRESH, unless={"vault": "*"}),
        Way(
            purpose="To recover an existing vault",
            steps=(Run("az keyvault recover --name {vault}"), RESTORE),
            when={"vault": "*"},
        ),
    ),
)
SECRET_MISSING = Failure(
    name="secret-missing",
    pattern=r"key ?vault.*(\b404\b|SecretNotFound)|secret.*was not found",
    why="The SAS secret does not exist. A deleted secret keeps its name until it is purged.",
    ways=(
        Way(
            purpose="To write a secret with another name",
            steps=(SetKey("sasSecretName", "{name}"), DEPLOY),
        ),
    ),
)
REGISTRY_ROLE = Failure(
    name="registry-role",
    pattern=r"access registry.*\b(401|403)\b",
    why="The registry's roleAssignmentMode is AbacRepositoryPermissions, and the pipeline's identity has no "
    "role on its repositories.",
    ways=(Way(steps=(SetKey("registryRoleAssignmentMode", "AbacRepositoryPermissions"), DEPLOY)),),
)
TOKEN_REJECTED = Failure(
    name="token-rejected",
    pattern=r"AuthenticationFailed|Signature|expired|Status: 401",
    why="Storage rejects the SAS token: it has expired, or its signing key was rotated.",
    ways=(
        Way(purpose="To write a new token", steps=_NEW_TOKEN),
        Way(purpose="To sign with the account's other key", steps=(SetKey("sasKey", "{other}"), DEPLOY)),
    ),
)
TOKEN_RIGHTS = Failure(
    name="token-rights",
    pattern=r"AuthorizationPermissionMismatch|AuthorizationProtocolMismatch|AuthorizationResourceTypeMismatch",
    why="The SAS token or the role of the pipeline's identity does not include the operation.",
    ways=(
        Way(purpose="To write a new token", steps=_NEW_TOKEN, unless={"storageAccess": "ManagedIdentity"}),
        Way(purpose="To assign the role", steps=(RESTORE,), when={"storageAccess": "ManagedIdentity"}),
        _ROLE_DELAY,
        replace(_LONGER_WAIT, when={"storageAccess": "ManagedIdentity"}),
    ),
)
SHARED_KEYS = Failure(
    name="shared-keys-disabled",
    pattern=r"KeyBasedAuthenticationNotPermitted",
    why="The storage account has shared key access disabled, so SAS tokens do not work.",
    ways=(
        Way(
            purpose="To enable shared key access",
            steps=(Run("az storage account update --name {account} --allow-shared-key-access true"), DEPLOY),
        ),
        Way(
            purpose="To use no token",
            steps=(SetKey("storageAccess", "ManagedIdentity"), RemoveKey("sasExpiry"), DEPLOY),
        ),
    ),
)
STORAGE_FIREWALL = Failure(
    name="storage-firewall",
    pattern=r"storage.*\b403\b|AuthorizationFailure|not authorized to perform this operation",
    why="Storage rejects the pipeline: the account has a firewall, or the token is for another account.",
    ways=(
        Way(
            steps=(
                Run(
                    "az storage account update --name {account} --public-network-access Enabled "
                    "--default-action Allow"
                ),
                DEPLOY,
            )
        ),
    ),
)
_CREATE_CONTAINER = Run(
    "az storage container-rm create --resource-group {group} --storage-account {account} --name {container}"
)
_OTHERS = {"createContainer": "false"}
_NEW, _OLD = "To create the stack's container", "To create a container that is not the stack's"
CONTAINER_MISSING = Failure(
    name="container-missing",
    pattern=r"ContainerNotFound|container.*not (found|exist)",
    why="The container does not exist. `pulumi up` creates it, and exports its blobs again.",
    ways=(
        Way(purpose=_NEW, steps=(DEPLOY,), unless=_OTHERS, side="source"),
        Way(purpose=_OLD, steps=(_CREATE_CONTAINER, DEPLOY), when=_OTHERS, side="source"),
        Way(purpose=_NEW, steps=(DEPLOY, HOP, DEPLOY), unless=_OTHERS, side="target"),
        Way(purpose=_OLD, steps=(_CREATE_CONTAINER, DEPLOY, HOP, DEPLOY), when=_OTHERS, side="target"),
    ),
)
BLOB_LOST = Failure(
    name="blob-lost",
    seen="a blob that the target needs is not in the source container any more",
    why="It was deleted after the export, so `hop` cannot copy it.",
    ways=(
        Way(purpose="To export again", steps=(SetKey("forceUpdateTag", "{new}"), DEPLOY, HOP, DEPLOY_TARGET)),
    ),
)
BLOB_MISSING = Failure(
    name="blob-missing",
    pattern=r"BlobNotFound|storage.*\b404\b|blob.*not (found|exist)",
    why="The blob does not exist.",
    ways=(
        Way(purpose="To copy it", steps=(HOP, DEPLOY)),
        Way(
            purpose="In a disconnected network, to copy it from a disk",
            steps=(Run("acr-transfer unpack {folder} --target {target}"), DEPLOY),
        ),
    ),
)
COPY_AGAIN = (
    Run(
        "az storage blob delete --auth-mode login --account-name {account} "
        "--container-name {container} --name {blob}"
    ),
    HOP,
)
"""Writes a blob of the target again: a trigger imports each version of a blob once."""

IMPORT_FAILED = Failure(
    name="import-failed",
    seen="a trigger's import of a blob failed, and no run has imported the blob since",
    why="Azure does not document that a trigger imports such a blob again, so it needs a new version.",
    ways=(Way(purpose="When no other check finds a fault", steps=COPY_AGAIN),),
)
BLOB_EXISTS = Failure(
    name="blob-exists",
    pattern=r"blob.*(already )?exists|OverwriteBlobs",
    why="A blob with this name exists, and the pipeline does not overwrite blobs.",
    ways=(
        Way(purpose="To overwrite it", steps=(AddItem("options", "OverwriteBlobs"), DEPLOY)),
        Way(purpose="To use other names", steps=(SetKey("blobPrefix", "{new}"), DEPLOY)),
    ),
)
TAG_EXISTS = Failure(
    name="tag-exists",
    pattern=r"tags?.*(already )?exists?|OverwriteTags",
    why="The tag exists with other content, and the pipeline does not overwrite tags.",
    ways=(Way(steps=(AddItem("options", "OverwriteTags"), DEPLOY)),),
)
ARTIFACT_MISSING = Failure(
    name="artifact-missing",
    pattern=r"artifacts?.*not found|manifest unknown|MANIFEST_UNKNOWN",
    why="An artifact is not in the source registry under this name.",
    ways=_LIST,
)
TOO_MANY_ARTIFACTS = Failure(
    name="too-many-artifacts",
    pattern=r"\b\d+ artifacts; a run takes at most|more than 50|maximum.*50",
    why="A run takes at most 50 artifacts. The program splits its list, so it did not start this run.",
    ways=(Way(steps=(Run("az resource delete --ids {run}"), DEPLOY)),),
)
ARTIFACT_UNSUPPORTED = Failure(
    name="artifact-unsupported",
    pattern=r"layers? .*\b8 ?GB|cannot be transferred",
    why="The service does not transfer it: a layer is too large, or the registry does not hold its content.",
    ways=(
        Way(
            by_hand="Remove it from the artifacts or from the rules of the lock, or rebuild it",
            steps=(DEPLOY,),
        ),
    ),
)
EXPORTS_DISABLED = Failure(
    name="exports-disabled",
    pattern=r"export.*(policy|disabled)",
    why="The registry's export policy is disabled.",
    ways=(
        Way(
            steps=(
                Run("az acr update --name {registry} --public-network-enabled true --allow-exports true"),
                DEPLOY,
            )
        ),
    ),
)
BLOB_DAMAGED = Failure(
    name="blob-damaged",
    pattern=r"\btar\b|archive|corrupt|digest.*(mismatch|differ)",
    why="The blob differs from the one that the export wrote.",
    ways=(Way(steps=(HOP, DEPLOY)),),
)
BUSY = Failure(
    name="service-busy",
    pattern=r"\b(429|503)\b|throttl|too many requests|timed? ?out",
    why="The service was busy.",
    ways=(Way(by_hand="Wait some minutes", steps=(DEPLOY,)),),
)
UNKNOWN = Failure(
    name="unknown",
    why="The cause is not known: Azure does not document this message.",
    seen="no other entry recognises the message",
    ways=(
        Way(purpose="To check every prerequisite, and run it again", steps=(DOCTOR, DEPLOY)),
        Way(
            purpose="For Azure's support, to list the IDs of failed requests",
            steps=(
                Run(
                    "az monitor activity-log list --status Failed --offset 1d --resource-group "
                    "{registry group} --query '[].[eventTimestamp, operationName.value, correlationId]'"
                ),
            ),
        ),
    ),
)
"""The failure behind a message that no entry recognises."""

RUN_FAILURES = (
    PIPELINE_MISSING,
    VAULT_FIREWALL,
    VAULT_PERMISSION,
    VAULT_MISSING,
    SECRET_MISSING,
    REGISTRY_ROLE,
    TOKEN_REJECTED,
    TOKEN_RIGHTS,
    SHARED_KEYS,
    STORAGE_FIREWALL,
    CONTAINER_MISSING,
    BLOB_MISSING,
    BLOB_EXISTS,
    TAG_EXISTS,
    ARTIFACT_MISSING,
    TOO_MANY_ARTIFACTS,
    ARTIFACT_UNSUPPORTED,
    EXPORTS_DISABLED,
    BLOB_DAMAGED,
    BUSY,
)
"""The failures of runs; the first whose pattern matches a message counts."""
