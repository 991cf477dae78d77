"""What to do about a thing that is there already, where this program was to make it."""

from dataclasses import dataclass

import pulumi
from pulumi import ErrorHookArgs, ResourceHookBinding, ResourceOptions

from .choices import Direction
from .error_hooks import error_hooks

_SIGNS = ("cannot create already existing resource", "AlreadyInUse", "RoleAssignmentExists")
"""What azure-native, which looks before it makes anything, and Azure itself say then."""


@dataclass(frozen=True)
class Thing:
    """One kind of resource that people may well have already."""

    called: str
    """What people call it, with `{name}` where its name belongs."""

    named_by: str
    """The input that is its name."""

    mend: str
    """What to do, for people."""


_TAKE_OVER = "To let this stack manage it as it is: docs/adopt.md"

RESOURCE_GROUP = Thing(
    "The resource group {name}",
    "resourceGroupName",
    f"To use it: pulumi config set acr-transfer:createResourceGroup false\n{_TAKE_OVER}",
)
CONTAINER = Thing(
    "The container {name}",
    "containerName",
    f"To use it: pulumi config set acr-transfer:createContainer false\n{_TAKE_OVER}",
)
SECRET = Thing(
    "The secret {name}",
    "secretName",
    f"Choose another name: pulumi config set acr-transfer:sasSecretName <name>\n{_TAKE_OVER}",
)
PIPELINE = {
    direction: Thing(
        f"The {direction} pipeline {{name}}",
        f"{direction}PipelineName",
        f"Choose another name: pulumi config set acr-transfer:pipeline <name>\n{_TAKE_OVER}",
    )
    for direction in Direction
}
IDENTITY = Thing(
    "The identity {name}",
    "resourceName",
    "To use it: pulumi config set acr-transfer:identity <its resource ID>",
)
GRANT = Thing("What the pipeline's identity is to be allowed", "", _TAKE_OVER)
REGISTRY = Thing(
    "The registry name {name}",
    "registryName",
    "It may be in somebody else's tenant: it is part of the registry's host, which is unique in its cloud.\n"
    "Choose another: pulumi config set acr-transfer:registry <name>\n"
    "If the registry is yours: pulumi config set acr-transfer:createRegistry false",
)


def unless_there(thing: Thing, name: str, opts: ResourceOptions) -> ResourceOptions:
    """Return the options with a hook that, if the thing is there already, says so and what to do.

    `name` is the resource's in the program. The engine itself shows Azure's words alone, and an engine
    without error hooks shows no more than those.
    """

    def tell(failure: ErrorHookArgs) -> None:
        if any(sign in each for each in failure.errors for sign in _SIGNS):
            taken = str((failure.new_inputs or {}).get(thing.named_by, ""))
            pulumi.log.error(
                f"{thing.called.format(name=taken)} is there already, and this stack was to make it.\n"
                f"{thing.mend}",
                opts.parent,
            )

    hooks = ResourceHookBinding(on_error=error_hooks(f"{name}-is-there", tell))
    return ResourceOptions.merge(opts, ResourceOptions(hooks=hooks))
