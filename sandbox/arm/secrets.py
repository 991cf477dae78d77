"""Microsoft.KeyVault: secrets through the management endpoint, which shows all of them but their value."""

from __future__ import annotations

from sandbox.arm.resource_type import Answer, Request, ResourceType, require, typed_name
from sandbox.arm.vaults import VAULTS, VERSIONS, uri
from sandbox.cloud.store import Json
from sandbox.http.schemas import NUMBER, TEXT, TRUTH, record, resource
from sandbox.keyvault.secrets import Secret, Secrets


async def put(request: Request) -> Answer:
    """A new version of a secret; a PATCH without a value changes the newest."""
    secrets, name = Secrets(request.cloud, request.id.segments[1]), request.id.name
    tags = request.body.get("tags") or {}
    if request.method == "PATCH" and "value" not in request.properties:
        return Answer(200, _body(request, secrets.update(name, "", request.properties, tags)))
    require(request, "properties.value")
    made = secrets.set(name, request.properties["value"], request.properties, tags)
    return Answer(200 if request.existing else 201, _body(request, made))


async def find(request: Request) -> Json | None:
    """The newest version, whichever door made it."""
    found = Secrets(request.cloud, request.id.segments[1]).find(request.id.name)
    return _body(request, found) if found else None


async def list_secrets(request: Request) -> list[Json]:
    """Every secret of a vault."""
    found = Secrets(request.cloud, request.id.segments[1]).newest()
    return [_body(request.on(request.id.child(each.name)), each) for each in found]


def _body(request: Request, secret: Secret) -> Json:
    stored = request.cloud.store.get(request.id.up.up) or {}
    place = f"{uri(request.cloud, secret.vault)}/secrets/{secret.name}"
    times = {"created": secret.made, "updated": secret.changed}
    return {
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "location": stored.get("location"),
        "tags": secret.tags,
        "properties": {
            **({"contentType": secret.content_type} if secret.content_type else {}),
            "attributes": {**secret.attributes, **times},
            "secretUri": place,
            "secretUriWithVersion": f"{place}/{secret.version}",
        },
    }


_ATTRIBUTES = record(enabled=TRUTH, nbf=NUMBER, exp=NUMBER)
TYPES = (
    ResourceType(
        f"{VAULTS}/secrets",
        VERSIONS,
        "[a-zA-Z0-9-]{1,127}",
        resource("properties", properties=record(value=TEXT, contentType=TEXT, attributes=_ATTRIBUTES)),
        put=put,
        patch=True,
        find=find,
        list=list_secrets,
    ),
)
