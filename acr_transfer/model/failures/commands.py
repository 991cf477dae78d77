"""Failures of the command `acr-transfer`."""

from acr_transfer.model.failures.failure import Failure, Way
from acr_transfer.model.failures.steps import DEPLOY, Run

NOT_DEPLOYED = Failure(
    name="stack-not-deployed",
    seen="a stack has no outputs",
    why="It was never deployed.",
    ways=(Way(steps=(DEPLOY,)),),
)
NO_SUCH_STACK = Failure(
    name="no-such-stack",
    seen="no stack has the name",
    why="The project has no stack of this name.",
    ways=(
        Way(purpose="To list the project's stacks", steps=(Run("pulumi stack ls"),)),
        Way(purpose="To create it", steps=(Run("pulumi stack init {stack}"),)),
    ),
)
NO_LOGIN = Failure(
    name="no-login",
    seen="a cloud accepts no available login",
    why="Requests to Azure need a login.",
    ways=(Way(purpose="To log in as a person", steps=(Run("az login"),)),),
)
