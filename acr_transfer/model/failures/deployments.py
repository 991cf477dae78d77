"""Failures of `pulumi up`: the components recognise them, or an error hook by the engine's message."""

from acr_transfer.model.failures.failure import Failure, Way
from acr_transfer.model.failures.steps import DEPLOY, DEPLOY_SOURCE, RemoveKey, Run, SetKey

_GLOBAL = "It may belong to another tenant: the name is part of a host name, which is unique in its cloud."
_STACKS = "Somebody created it without this stack, which would not change it as it is."
_TO_USE_IT, _OTHER_NAME = "To use it", "To use another name"
_NO_TOKEN = Way(
    purpose="To use no token",
    steps=(SetKey("storageAccess", "ManagedIdentity"), RemoveKey("sasExpiry"), DEPLOY),
)

_IMPORT = "pulumi import {type} {resource} {id} --parent {parent} --protect=false --generate-code=false --yes"


def _taken_over(options: str) -> tuple[Way, ...]:
    steps = (Run(f"{_IMPORT}{options} -s {{stack}}"), DEPLOY)
    return (Way(purpose="If an interrupted deployment of this stack created it", steps=steps),)


INTERRUPTED_CREATION = Failure(
    name="interrupted-creation",
    pattern=r"cannot create already existing resource ['\"]([^'\"]+)['\"]",
    why="A deployment that is killed while it creates a resource does not record it.",
    ways=_taken_over(""),
)
INTERRUPTED_CREATION_WITH_PROVIDER = Failure(
    name="interrupted-creation-with-provider",
    seen="the same, for a resource with an explicit provider",
    why=INTERRUPTED_CREATION.why,
    ways=_taken_over(" --provider {provider}"),
)
RESOURCE_GROUP_EXISTS = Failure(
    name="resource-group-exists",
    seen="the deployment would create a resource group that exists",
    why=_STACKS,
    ways=(Way(purpose=_TO_USE_IT, steps=(SetKey("createResourceGroup", "false"), DEPLOY)),),
)
CONTAINER_EXISTS = Failure(
    name="container-exists",
    seen="the deployment would create a container that exists",
    why=_STACKS,
    ways=(Way(purpose=_TO_USE_IT, steps=(SetKey("createContainer", "false"), DEPLOY)),),
)
LIFECYCLE_RULES_EXIST = Failure(
    name="lifecycle-rules-exist",
    seen="the deployment would create the lifecycle rules of its account, which exist",
    why=_STACKS,
    ways=(),
)
SECRET_EXISTS = Failure(
    name="secret-exists",
    seen="the deployment would create a secret that exists",
    why=f"{_STACKS} A deleted secret keeps its name until it is purged.",
    ways=(Way(purpose=_OTHER_NAME, steps=(SetKey("sasSecretName", "{name}"), DEPLOY)),),
)
PIPELINE_EXISTS = Failure(
    name="pipeline-exists",
    seen="the deployment would create a pipeline that exists",
    why=_STACKS,
    ways=(Way(purpose=_OTHER_NAME, steps=(SetKey("pipeline", "{name}"), DEPLOY)),),
)
IDENTITY_EXISTS = Failure(
    name="identity-exists",
    seen="the deployment would create an identity that exists",
    why=_STACKS,
    ways=(
        Way(
            purpose=_TO_USE_IT,
            steps=(SetKey("createIdentity", "false"), SetKey("identity", "{its resource ID}"), DEPLOY),
        ),
    ),
)
GRANT_EXISTS = Failure(
    name="grant-exists",
    seen="the deployment would grant a permission that the identity has",
    why=_STACKS,
    ways=(),
)
ROLE_EXISTS = Failure(
    name="role-exists",
    seen="the deployment would assign a role that the identity has",
    why="Somebody assigned it without this stack, or a deployment that was killed did.",
    ways=(
        Way(
            purpose="To have it assigned by the stack",
            steps=(
                Run("az role assignment delete --assignee {principal} --role {role} --scope {scope}"),
                DEPLOY,
            ),
        ),
    ),
)
REGISTRY_NAME_TAKEN = Failure(
    name="registry-name-taken",
    seen="the name of a new registry is taken",
    why=_GLOBAL,
    ways=(
        Way(purpose=_OTHER_NAME, steps=(SetKey("registry", "{name}"), DEPLOY)),
        Way(
            purpose="If the registry is yours",
            steps=(
                SetKey("createRegistry", "false"),
                SetKey("registryResourceGroup", "{its resource group}"),
                DEPLOY,
            ),
        ),
    ),
)
ACCOUNT_NAME_TAKEN = Failure(
    name="account-name-taken",
    seen="the name of a new storage account is taken",
    why=_GLOBAL,
    ways=(Way(purpose=_OTHER_NAME, steps=(SetKey("newStorageAccountName", "{name}"), DEPLOY)),),
)
VAULT_NAME_TAKEN = Failure(
    name="vault-name-taken",
    seen="the name of a new key vault is taken",
    why=f"{_GLOBAL}\nA deleted vault keeps its name until it is purged.",
    ways=(Way(purpose=_OTHER_NAME, steps=(SetKey("newVaultName", "{name}"), DEPLOY)),),
)
VAULT_USES_ROLES = Failure(
    name="vault-uses-roles",
    seen="an existing vault uses RBAC, the stack an access policy",
    why="An access policy has no effect there.",
    ways=(Way(purpose="To match the vault", steps=(SetKey("vaultAccess", "rbac"), DEPLOY)),),
)
VAULT_USES_POLICIES = Failure(
    name="vault-uses-policies",
    seen="an existing vault uses access policies, the stack a role",
    why="A role has no effect there.",
    ways=(Way(purpose="To match the vault", steps=(SetKey("vaultAccess", "accessPolicy"), DEPLOY)),),
)
VAULT_POLICIES_SOVEREIGN = Failure(
    name="vault-policies-sovereign",
    seen="an existing vault in usgovernment or china uses access policies",
    why="azure-native writes access policies in Azure's public cloud only.",
    ways=(
        Way(
            purpose="To change the vault",
            steps=(Run("az keyvault update --name {vault} --enable-rbac-authorization true"), DEPLOY),
        ),
        _NO_TOKEN,
    ),
)
EXISTING_VAULT_CLOSED = Failure(
    name="existing-vault-closed",
    seen="the firewall of an existing vault refuses the pipeline's identity",
    why="The run would end with 403 from the vault.",
    ways=(
        Way(
            purpose="To open the vault",
            steps=(
                Run(
                    "az keyvault update --name {vault} --public-network-access Enabled --default-action Allow"
                ),
                DEPLOY,
            ),
        ),
        _NO_TOKEN,
    ),
)
EXISTING_ACCOUNT_REFUSES_KEYS = Failure(
    name="existing-account-refuses-keys",
    seen="an existing storage account has shared key access disabled",
    why="A key of the account signs the SAS token.",
    ways=(
        Way(
            purpose="To use the pipeline's identity",
            steps=(SetKey("storageAccess", "ManagedIdentity"), RemoveKey("sasExpiry"), DEPLOY),
        ),
        Way(
            purpose="To allow keys",
            steps=(Run("az storage account update --name {account} --allow-shared-key-access true"), DEPLOY),
        ),
    ),
)
RUN_EXISTS = Failure(
    name="run-exists",
    pattern=r"cannot create already existing resource '([^']+/pipelineRuns/[^']+)'",
    why="Its pipeline or its artifacts differ from those of the stack, which takes over only its own runs.",
    ways=(Way(purpose="To replace it", steps=(Run("az resource delete --ids {run}"), DEPLOY)),),
)
TOKEN_ENDS = Failure(
    name="token-ends",
    seen="the SAS token ends soon, or has ended",
    why="Every run after its end fails.",
    ways=(Way(purpose="To extend it", steps=(SetKey("sasExpiry", "{time}"), DEPLOY)),),
)
SOURCE_UNREADABLE = Failure(
    name="source-unreadable",
    seen="the stack in `source` cannot be read, or has no hand-over",
    why="The target imports what the source's hand-over lists.",
    ways=(
        Way(purpose="To deploy the source side first", steps=(DEPLOY_SOURCE, DEPLOY)),
        Way(purpose="To use another stack", steps=(SetKey("source", "{name}"), DEPLOY)),
    ),
)
RUN_UNREADABLE = Failure(
    name="run-unreadable",
    seen="the last state of a run cannot be read",
    why="A failed run is repeated with a tag of its own, which needs its last state.",
    ways=(
        Way(
            purpose="To let the caller read runs",
            steps=(
                Run("az role assignment create --assignee {your object ID} --role Reader --scope {registry}"),
                DEPLOY,
            ),
        ),
    ),
)
