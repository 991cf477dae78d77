"""Failures of the command `acr-transfer`."""

from acr_transfer.model.failures.failure import Failure, Way
from acr_transfer.model.failures.steps import DEPLOY, DEPLOY_SOURCE, Run, SetKey

NOT_DEPLOYED = Failure(
    name="stack-not-deployed",
    seen="a stack has no outputs",
    why="It was never deployed.",
    ways=(Way(steps=(DEPLOY,)),),
)
NO_SUCH_STACK = Failure(
    name="no-such-stack",
    seen="the project has no stack",
    why="The project has no stack yet.",
    ways=(Way(purpose="To create it", steps=(Run("pulumi stack init {stack}"),)),),
)
OTHER_STACKS = Failure(
    name="other-stacks",
    seen="the project has stacks, but none of the name",
    why="A stack that was renamed keeps its resources; a new one would create all of them a second time.",
    ways=(
        Way(purpose="To use one of them", by_hand="name it with --source or --target"),
        Way(
            purpose="To give one of them this name", steps=(Run("pulumi stack rename {stack} -s {its name}"),)
        ),
    ),
)
STATE_EMPTY = Failure(
    name="state-attributes-empty",
    pattern="failed to load checkpoint: EOF",
    why="Pulumi was killed while it wrote the attributes of a state in a folder. The state is complete.",
    ways=(
        Way(
            purpose="To remove the empty file, which Pulumi writes again",
            steps=(Run("find {backend} -name '*.attrs' -size 0 -delete"),),
        ),
    ),
)
STACK_LOCKED = Failure(
    name="stack-locked",
    pattern="the stack is currently locked|Another update is currently in progress",
    why="Another deployment of the stack is running, or was killed. Wait for the end of a running one.",
    ways=(Way(purpose="If none is running", steps=(Run("pulumi cancel --yes -s {stack}"),)),),
)
NO_LOGIN = Failure(
    name="no-login",
    seen="a cloud accepts no available login",
    why="Requests to Azure need a login.",
    ways=(Way(purpose="To log in as a person", steps=(Run("az login"),)),),
)
UNEXPECTED_RESPONSE = Failure(
    name="unexpected-response",
    seen="a response of Azure that no entry describes",
    why="The cause is not known. Azure's support asks for the ID of the request, and for the log.",
    ways=(
        Way(by_hand="Try the same command again, with --log-file FILE for a log that contains no secret"),
        Way(
            purpose="To check every prerequisite",
            steps=(Run("acr-transfer doctor --source {source} --target {target}"),),
        ),
    ),
)
NOTHING_EXPORTED = Failure(
    name="nothing-exported",
    seen="a blob of the hand-over is not in the source's container",
    why="Its export has not succeeded, or the blob was deleted.",
    ways=(Way(steps=(SetKey("forceUpdateTag", "{new}", "source"), DEPLOY_SOURCE)),),
)
EMPTY_HANDOVER = Failure(
    name="empty-handover",
    seen="the source's hand-over lists no blob",
    why="No export run of the source stack has succeeded.",
    ways=(
        Way(
            purpose="To see why the runs failed",
            steps=(Run("acr-transfer status --only source --source {source}"),),
        ),
        Way(purpose="To run them again", steps=(DEPLOY_SOURCE,)),
    ),
)
REGISTRY_REFUSES = Failure(
    name="registry-refuses",
    seen="a registry refuses the caller",
    why="The caller needs a role on the registry.",
    ways=(
        Way(
            steps=(
                Run("az role assignment create --assignee {your object ID} --role {role} --scope {scope}"),
            )
        ),
    ),
)
