"""How pipelines, containers, vaults and identities of a stack belong together, in previews as well.

In a preview IDs are unknown. What a property's value comes from is known, so that is asked first, and names
only where a program has written them down.
"""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from acr_transfer.model.options import Direction
from policy.framework.properties import MISSING, Value, peek, text
from policy.framework.resource_types import (
    BLOB_CONTAINER,
    EXPORT_PIPELINE,
    IMPORT_PIPELINE,
    SECRET,
    STORAGE_ACCOUNT,
    USER_IDENTITY,
    VAULT,
    Kind,
)
from policy.framework.resources import Stack, Subject

PIPELINES = (EXPORT_PIPELINE, IMPORT_PIPELINE)


def exports(pipeline: Subject) -> bool:
    """Whether a pipeline is one that images leave by."""
    return EXPORT_PIPELINE.matches(pipeline.type)


def direction_of(pipeline: Subject) -> Direction:
    """Return the direction of a pipeline."""
    return Direction.EXPORT if exports(pipeline) else Direction.IMPORT


def place(pipeline: Subject) -> str:
    """Return the name of the property that says where a pipeline's blobs are."""
    return "target" if exports(pipeline) else "source"


def pipeline_name(pipeline: Subject) -> str:
    """Return the name to call a pipeline by."""
    return pipeline.called("exportPipelineName", "importPipelineName", "name")


def _mode(pipeline: Subject) -> Value:
    mode = pipeline.peek(f"{place(pipeline)}.storageAccessMode")
    return "sastoken" if mode is MISSING else text(mode).lower()


def uses_sas(pipeline: Subject) -> bool:
    """Whether a pipeline is known to use a SAS token; one without a mode does."""
    return bool(_mode(pipeline) == "sastoken")


def uses_identity(pipeline: Subject) -> bool:
    """Whether a pipeline is known to use its managed identity."""
    return bool(_mode(pipeline) == "managedidentity")


def container_url(pipeline: Subject) -> str:
    """Return the container's address in lower case without a slash at the end; empty if it is not known."""
    return text(pipeline.peek(f"{place(pipeline)}.uri")).lower().rstrip("/")


def secret_url(pipeline: Subject) -> str:
    """Return the secret's address in lower case; empty if it is not known."""
    return text(pipeline.peek(f"{place(pipeline)}.keyVaultUri")).lower()


def containers(stack: Stack, pipeline: Subject) -> list[Subject]:
    """Return the containers of the stack that a pipeline uses."""
    found = stack.behind(pipeline, place(pipeline), BLOB_CONTAINER)
    return found or _named(stack, BLOB_CONTAINER, _parts(container_url(pipeline)).path.strip("/"))


def accounts(stack: Stack, pipeline: Subject) -> list[Subject]:
    """Return the storage accounts of the stack that a pipeline uses."""
    found = stack.behind(pipeline, place(pipeline), STORAGE_ACCOUNT)
    if not found:
        held = stack.behind(pipeline, place(pipeline), BLOB_CONTAINER)
        found = [
            each for container in held for each in stack.linked(container, "accountName", STORAGE_ACCOUNT)
        ]
    return found or _named(stack, STORAGE_ACCOUNT, _first_label(container_url(pipeline)))


def secrets(stack: Stack, pipeline: Subject) -> list[Subject]:
    """Return the vault secrets of the stack that a pipeline reads."""
    found = stack.behind(pipeline, place(pipeline), SECRET)
    name = _parts(secret_url(pipeline)).path.removeprefix("/secrets/").partition("/")[0]
    return found or _named(stack, SECRET, name)


def vaults(stack: Stack, pipeline: Subject) -> list[Subject]:
    """Return the vaults of the stack that a pipeline reads from."""
    found = stack.behind(pipeline, place(pipeline), VAULT)
    if not found:
        held = secrets(stack, pipeline)
        found = [each for secret in held for each in stack.linked(secret, "vaultName", VAULT)]
    return found or _named(stack, VAULT, _first_label(secret_url(pipeline)))


def belongs_to(stack: Stack, holder: Subject, key: str, principal: Value, pipeline: Subject) -> bool:
    """Whether a grant is the pipeline's: by where its principal comes from, or by the principal itself.

    `key` is the property of `holder` that has the principal in it, and `principal` the principal there.
    """
    owners = [pipeline, *identities(stack, pipeline)]
    if {each.urn for each in owners} & set(holder.uses.get(key, ())):
        return True
    known = {text(each.peek(path)) for each in owners for path in ("identity.principalId", "principalId")}
    known |= {text(peek(user, "principalId")) for user in _users(pipeline).values()}
    return text(principal) in known - {""}


def identities(stack: Stack, pipeline: Subject) -> list[Subject]:
    """Return the user-assigned identities of the stack that a pipeline has."""
    ids = {id.lower() for id in _users(pipeline)}
    found = stack.behind(pipeline, "identity", USER_IDENTITY)
    return found or [each for each in stack.of(USER_IDENTITY) if text(each.peek("id")).lower() in ids]


def has_own_identity(stack: Stack, pipeline: Subject) -> bool:
    """Whether the pipeline's identity is made in this stack, so that nobody else can have let it in."""
    kind = text(pipeline.peek("identity.type")).lower()
    return kind.startswith("systemassigned") or bool(identities(stack, pipeline))


def _users(pipeline: Subject) -> Mapping[str, Value]:
    """A pipeline's user-assigned identities by their ID, with their principals once Azure has answered."""
    users = pipeline.peek("identity.userAssignedIdentities")
    return users if isinstance(users, Mapping) else {}


def _named(stack: Stack, kind: Kind, name: str) -> list[Subject]:
    return [each for each in stack.of(kind) if name and text(each.peek("name")).lower() == name]


def _first_label(url: str) -> str:
    return (_parts(url).hostname or "").partition(".")[0]


def _parts(url: str) -> SplitResult:
    """What is no address has no parts; it is another rule's matter to say so."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
