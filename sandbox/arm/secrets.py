"""Microsoft.KeyVault: secrets by the management endpoint, which never returns their values."""

from sandbox.arm import bodies
from sandbox.arm.resource_type import Answer, Request, ResourceType
from sandbox.arm.vaults import VERSIONS
from sandbox.cloud.cloud import VAULTS
from sandbox.cloud.database import Json
from sandbox.keyvault.secrets import Secret, Secrets


async def put(request: Request) -> Answer:
    """Create a version; a PATCH without a value changes the newest version."""
    secrets, name = _secrets(request), request.id.name
    tags = request.body.get("tags") or {}
    if request.method == "PATCH" and "value" not in request.properties:
        return Answer(200, _body(request, secrets.update(name, "", request.properties, tags)))
    bodies.require(request, "properties.value")
    secret = secrets.set(name, request.properties["value"], request.properties, tags)
    return Answer(200 if request.existing else 201, _body(request, secret))


async def find(request: Request) -> Json | None:
    """The newest version of a secret."""
    found = _secrets(request).find(request.id.name)
    return _body(request, found) if found else None


async def list_secrets(request: Request) -> list[Json]:
    """List the secrets of a vault."""
    found = _secrets(request).newest()
    return [_body(request.on(request.id.child(each.name)), each) for each in found]


def _secrets(request: Request) -> Secrets:
    return Secrets(request.cloud.database, request.id.segments[1])


def _body(request: Request, secret: Secret) -> Json:
    vault = request.resources.get(request.id.up.up) or {}
    url = f"{request.cloud.vault_url(secret.vault)}/secrets/{secret.name}"
    times = {"created": secret.created, "updated": secret.updated}
    return {
        **bodies.envelope(request),
        "location": vault.get("location"),
        "tags": secret.tags,
        "properties": {
            **({"contentType": secret.content_type} if secret.content_type else {}),
            "attributes": {**secret.attributes, **times},
            "secretUri": url,
            "secretUriWithVersion": f"{url}/{secret.version}",
        },
    }


TYPES = (
    ResourceType(
        f"{VAULTS}/secrets",
        VERSIONS,
        "[a-zA-Z0-9-]{1,127}",
        put=put,
        patch=True,
        find=find,
        list=list_secrets,
    ),
)
