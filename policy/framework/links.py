"""The links between pipelines, containers, vaults and identities of a stack, in previews too.

A preview does not know IDs, but it knows the resources that a property's value comes from. These decide;
names decide only where a program has written them as text.
"""

from collections.abc import Mapping

from acr_transfer.model import options as model
from acr_transfer.model.options import Direction
from policy.framework.addresses import Address
from policy.framework.properties import MISSING, UNKNOWN, Value, known_items, peek, text
from policy.framework.resource_types import (
    BLOB_CONTAINER,
    EXPORT_PIPELINE,
    SECRET,
    STORAGE_ACCOUNT,
    USER_IDENTITY,
    VAULT,
)
from policy.framework.resources import ResourceView, StackView


def exports(pipeline: ResourceView) -> bool:
    """Whether this is an export pipeline."""
    return EXPORT_PIPELINE.fullmatch(pipeline.type) is not None


def direction_of(pipeline: ResourceView) -> Direction:
    """Return the direction of a pipeline."""
    return Direction.EXPORT if exports(pipeline) else Direction.IMPORT


def endpoint(pipeline: ResourceView) -> str:
    """Return the name of the property that holds a pipeline's container and secret."""
    return "target" if exports(pipeline) else "source"


def _mode(pipeline: ResourceView) -> str:
    mode = pipeline.peek(f"{endpoint(pipeline)}.storageAccessMode")
    return "sastoken" if mode is MISSING else text(mode).lower()


def uses_sas(pipeline: ResourceView) -> bool:
    """Whether a pipeline is known to use a SAS token; SasToken is the default mode."""
    return _mode(pipeline) == "sastoken"


def uses_identity(pipeline: ResourceView) -> bool:
    """Whether a pipeline is known to use its managed identity."""
    return _mode(pipeline) == "managedidentity"


def has_option(pipeline: ResourceView, option: str) -> Value:
    """Whether a pipeline has an option, or `UNKNOWN`."""
    options = pipeline.peek("options")
    if model.has_option(map(text, known_items(options)), option):
        return True
    return UNKNOWN if options is UNKNOWN or (isinstance(options, list) and UNKNOWN in options) else False


def is_triggered(pipeline: ResourceView) -> Value:
    """Whether a pipeline imports each blob on its arrival, or `UNKNOWN`; import pipelines do by default."""
    status = pipeline.peek("trigger.sourceTrigger.status")
    return UNKNOWN if status is UNKNOWN else text(status).lower() != "disabled" and not exports(pipeline)


def container_url(pipeline: ResourceView) -> str:
    """Return the container's URL in lower case without a slash at the end; empty if it is unknown."""
    return text(pipeline.peek(f"{endpoint(pipeline)}.uri")).lower().rstrip("/")


def _secret_url(pipeline: ResourceView) -> str:
    return text(pipeline.peek(f"{endpoint(pipeline)}.keyVaultUri")).lower()


def containers(stack: StackView, pipeline: ResourceView) -> list[ResourceView]:
    """Return the containers of the stack that a pipeline uses."""
    found = stack.dependencies(pipeline, endpoint(pipeline), BLOB_CONTAINER)
    return found or stack.named(BLOB_CONTAINER, Address.of(container_url(pipeline)).path.strip("/"))


def accounts(stack: StackView, pipeline: ResourceView) -> list[ResourceView]:
    """Return the storage accounts of the stack that a pipeline uses."""
    found = stack.dependencies(pipeline, endpoint(pipeline), STORAGE_ACCOUNT)
    if not found:
        used = stack.dependencies(pipeline, endpoint(pipeline), BLOB_CONTAINER)
        found = [each for box in used for each in stack.referenced(box, "accountName", STORAGE_ACCOUNT)]
    return found or stack.named(STORAGE_ACCOUNT, _first_label(container_url(pipeline)))


def secrets(stack: StackView, pipeline: ResourceView) -> list[ResourceView]:
    """Return the vault secrets of the stack that a pipeline reads."""
    found = stack.dependencies(pipeline, endpoint(pipeline), SECRET)
    name = Address.of(_secret_url(pipeline)).path.removeprefix("/secrets/").partition("/")[0]
    return found or stack.named(SECRET, name)


def vaults(stack: StackView, pipeline: ResourceView) -> list[ResourceView]:
    """Return the vaults of the stack that a pipeline reads from."""
    found = stack.dependencies(pipeline, endpoint(pipeline), VAULT)
    if not found:
        read = secrets(stack, pipeline)
        found = [each for secret in read for each in stack.referenced(secret, "vaultName", VAULT)]
    return found or stack.named(VAULT, _first_label(_secret_url(pipeline)))


def is_granted_to(
    stack: StackView, holder: ResourceView, key: str, principal: Value, pipeline: ResourceView
) -> bool:
    """Whether a grant is for the pipeline's identity: by the source of its principal, or by the principal.

    `key` is the property of `holder` that contains the principal.
    """
    owners = [pipeline, *identities(stack, pipeline)]
    if {each.urn for each in owners} & set(holder.sources.get(key, ())):
        return True
    known = {text(each.peek(path)) for each in owners for path in ("identity.principalId", "principalId")}
    known |= {text(peek(user, "principalId")) for user in _users(pipeline).values()}
    return text(principal) in known - {""}


def identities(stack: StackView, pipeline: ResourceView) -> list[ResourceView]:
    """Return the user-assigned identities of the stack that a pipeline has."""
    ids = {id.lower() for id in _users(pipeline)}
    found = stack.dependencies(pipeline, "identity", USER_IDENTITY)
    return found or [each for each in stack.of(USER_IDENTITY) if text(each.peek("id")).lower() in ids]


def creates_identity(stack: StackView, pipeline: ResourceView) -> bool:
    """Whether the stack creates the pipeline's identity, so that no grant from elsewhere can exist."""
    type = text(pipeline.peek("identity.type")).lower()
    return type.startswith("systemassigned") or bool(identities(stack, pipeline))


def _users(pipeline: ResourceView) -> Mapping[str, Value]:
    """A pipeline's user-assigned identities by their IDs, with the principals that Azure has added."""
    users = pipeline.peek("identity.userAssignedIdentities")
    return users if isinstance(users, Mapping) else {}


def _first_label(url: str) -> str:
    return Address.of(url).host.partition(".")[0]
