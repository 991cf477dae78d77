"""Failures that a check finds before a run does."""

from acr_transfer.model.failures.failure import Failure, Way
from acr_transfer.model.failures.steps import DEPLOY, RESTORE, RemoveKey, Run, SetKey
from acr_transfer.model.failures.transfers import AFTER_A_FAILED_REFRESH, COPY_AGAIN, VAULT_FIREWALL

_DEPLOYED = (Way(steps=(DEPLOY,)),)
_RESTORED = (Way(steps=(RESTORE,)),)
_WRITE_TOKEN = (SetKey("sasExpiry", "{later}"), DEPLOY)
_NEW_TOKEN = (Way(steps=_WRITE_TOKEN),)
_ROLE = "az role assignment create --assignee {your object ID} --role {role} --scope {scope}"

REGISTRY_MISSING = Failure(
    name="registry-missing",
    seen="the registry does not exist",
    why="No artifact can move.",
    ways=(
        Way(purpose="To correct its name", steps=(SetKey("registry", "{name}"), DEPLOY)),
        Way(
            purpose="To correct its resource group",
            steps=(SetKey("registryResourceGroup", "{its resource group}"), DEPLOY),
        ),
    ),
)
NOT_PREMIUM = Failure(
    name="not-premium",
    seen="the registry is not Premium",
    why="Pipelines require the Premium tier.",
    ways=(Way(steps=(Run("az acr update --name {registry} --sku Premium"), DEPLOY)),),
)
CALLER_CANNOT_OPERATE = Failure(
    name="caller-cannot-operate",
    seen="the caller lacks a right that a command needs",
    why="Azure rejects commands of the caller.",
    ways=(Way(steps=(Run(_ROLE),)),),
)
CALLER_CANNOT_DEPLOY = Failure(
    name="caller-cannot-deploy",
    seen="the caller lacks a right that `pulumi up` needs",
    why="Azure rejects your `pulumi up` or `destroy`.",
    ways=(Way(steps=(Run(_ROLE),)),),
)
PIPELINE_FAILED = Failure(
    name="pipeline-failed",
    seen="the pipeline is not provisioned",
    why="It cannot run. `pulumi up` does not change a pipeline whose configuration is the same.",
    ways=(
        Way(purpose="To replace it by one with another name", steps=(SetKey("pipeline", "{name}"), DEPLOY)),
    ),
)
NO_IDENTITY = Failure(
    name="no-identity",
    seen="the pipeline has no identity",
    why="It can read neither the vault nor the container.",
    ways=_RESTORED,
)
UNKNOWN_OPTION = Failure(
    name="unknown-option",
    seen="the pipeline has an option of the other kind",
    why="The service does not support it for this kind of pipeline.",
    ways=(Way(purpose="To use the default options", steps=(RemoveKey("options"), RESTORE)),),
)
ACCOUNT_MISSING = Failure(
    name="account-missing",
    seen="the storage account does not exist",
    why="Blobs need a storage account.",
    ways=(*_RESTORED, AFTER_A_FAILED_REFRESH),
)
RESOURCE_DELETED = Failure(
    name="resource-deleted",
    seen="a resource in the stack's state does not exist in Azure",
    why="It was deleted behind Pulumi's back: `pulumi up` alone does not notice it.",
    ways=_RESTORED,
)
PIPELINE_REPLACED = Failure(
    name="pipeline-replaced",
    seen="a pipeline of the stack was replaced by another one, and still exists",
    why="Azure may refuse to delete a pipeline that runs of its trigger name: then each `pulumi up` fails.",
    ways=(
        Way(
            steps=(
                Run("acr-transfer clean --older-than 0 --all-runs --yes --side {side} --{side} {stack}"),
                DEPLOY,
            )
        ),
    ),
)
CONTAINER_ROLE = Failure(
    name="container-role",
    seen="the pipeline's identity has no role on the container",
    why="Storage answers 403.",
    ways=_RESTORED,
)
ROLE_ASSIGNMENT_MODE = Failure(
    name="role-assignment-mode",
    seen="the stack's registryRoleAssignmentMode is not the registry's",
    why="The registry may answer 401 to the pipeline.",
    ways=(Way(steps=(SetKey("registryRoleAssignmentMode", "{mode}"), DEPLOY)),),
)
REPOSITORY_ROLE = Failure(
    name="repository-role",
    seen="the pipeline's identity has no role on the registry's repositories",
    why="The registry may answer 401 to the pipeline.",
    ways=_RESTORED,
)
SECRET_VERSION = Failure(
    name="secret-version",
    seen="the pipeline's secret URI names a version",
    why="A new token is a new version, which the pipeline does not read.",
    ways=_RESTORED,
)
SECRET_DISABLED = Failure(
    name="secret-disabled",
    seen="the SAS secret is disabled",
    why="The run ends with 403 from the vault.",
    ways=(
        Way(purpose="To write a new token, which is enabled", steps=_WRITE_TOKEN),
        Way(
            purpose="To enable the secret, with the permission to set secrets in the vault",
            steps=(
                Run("az keyvault secret set-attributes --vault-name {vault} --name {secret} --enabled true"),
                DEPLOY,
            ),
        ),
    ),
)
NO_TOKEN = Failure(
    name="no-token",
    seen="the secret does not hold a SAS token",
    why="Storage answers 403.",
    ways=_NEW_TOKEN,
)
TOKEN_NOT_YET_VALID = Failure(
    name="token-not-yet-valid",
    seen="the SAS token is valid from a later time",
    why="Storage answers 403 until then.",
    ways=_NEW_TOKEN,
)
TOKEN_ENDS_SOON = Failure(
    name="token-ends-soon",
    seen="the SAS token ends soon",
    why="A run can take longer.",
    ways=_NEW_TOKEN,
)
TOKEN_PROTOCOL = Failure(
    name="token-protocol",
    seen="the SAS token is valid over http",
    why="It can be intercepted on the network.",
    ways=_NEW_TOKEN,
)
TOKEN_ADDRESS = Failure(
    name="token-address",
    seen="the SAS token is valid from some addresses only",
    why="The service connects from Azure's addresses.",
    ways=_NEW_TOKEN,
)
TOKEN_SCOPE = Failure(
    name="token-scope",
    seen="the SAS token is not for a container",
    why="Pipelines need the token of a container.",
    ways=_NEW_TOKEN,
)
TOKEN_OF_ACCOUNT = Failure(
    name="token-of-account",
    seen="the SAS token is that of an account",
    why="Azure documents the token of a container, and does not say whether that of an account works.",
    ways=_NEW_TOKEN,
)
TOKEN_FORM = Failure(
    name="token-form",
    seen="the SAS token does not begin with one '?'",
    why="Azure's documentation stores the token with one leading '?'.",
    ways=_NEW_TOKEN,
)
BLOB_IGNORED = Failure(
    name="blob-ignored",
    seen="a blob at the target lacks its metadata or its Content-MD5, or is older than 60 days",
    why="The trigger ignores it.",
    ways=(Way(steps=(*COPY_AGAIN, DEPLOY)),),
)
CLOCK = Failure(
    name="clock",
    seen="this machine's clock differs from the cloud's",
    why="Azure compares the times in SAS tokens and logins with its own clock.",
    ways=(Way(by_hand="Synchronize this machine's clock, for example with NTP"),),
)
CHECK_FAILED = Failure(
    name="check-failed",
    seen="doctor itself failed",
    why="doctor itself failed here, so a fault may be hidden.",
    ways=(
        Way(
            purpose="To report it, write a log for support",
            steps=(Run("acr-transfer doctor --only {side} --{side} {stack} --log-file {file}"),),
        ),
    ),
)
VAULT_TRUSTS_SERVICES = Failure(
    name="vault-trusts-services",
    seen="a closed vault admits Azure's trusted services only",
    why="Azure does not document that a pipeline passes as a trusted service.",
    ways=VAULT_FIREWALL.ways,
)
