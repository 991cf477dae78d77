"""A registry with the mode AbacRepositoryPermissions: which role gives which right on which repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from sandbox.arm import roles
from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.sandbox.faults import control
from tests.sandbox.registry.endpoint import RegistryEndpoint
from tests.sandbox.transfer.side import SandboxSide

NAME, VERSION = "repositoryrights", "2025-06-01-preview"
ROLES = {role.name: guid for guid, role in roles.definitions().items()}
REPOSITORIES = "Microsoft.ContainerRegistry/registries/repositories"
_READS = " AND ".join(f"!(ActionMatches{{'{REPOSITORIES}/{kind}/read'}})" for kind in ("content", "metadata"))
ONLY_A = f"(({_READS}) OR (@Request[{REPOSITORIES}:name] StringStartsWithIgnoreCase 'a/'))"
REPOSITORY = "Container Registry Repository"


@pytest.fixture(scope="module")
def side(paths: Paths) -> Iterator[SandboxSide]:
    """The source cloud with a registry in the mode and an image in each of two repositories."""
    side = SandboxSide(paths, "source", "repositoryrights").build()
    side.registry_name = NAME
    body = {"location": SOURCE.location, "sku": {"name": "Premium"}}
    mode = {"roleAssignmentMode": "AbacRepositoryPermissions"}
    side.arm("PUT", side.registry_path(), {**body, "properties": mode}, VERSION)
    for repository in ("a/app", "b/app"):
        side.image(repository, "1")
    yield side
    side.arm("DELETE", side.registry_path())


@pytest.fixture(scope="module")
def registry(side: SandboxSide) -> RegistryEndpoint:
    return RegistryEndpoint(side.cloud, NAME)


CASES: dict[str, tuple[str, str, list[int]]] = {
    "no role": ("", "", [401, 401, 401, 401]),
    "Owner": ("Owner", "", [401, 401, 401, 401]),
    "Contributor": ("Contributor", "", [401, 401, 401, 401]),
    "AcrPull": ("AcrPull", "", [401, 401, 401, 401]),
    "AcrPush": ("AcrPush", "", [401, 401, 401, 401]),
    "AcrDelete": ("AcrDelete", "", [401, 401, 401, 401]),
    "Reader of repositories": (f"{REPOSITORY} Reader", "", [200, 200, 401, 401]),
    "Reader of some": (f"{REPOSITORY} Reader", ONLY_A, [200, 401, 401, 401]),
    "Writer": (f"{REPOSITORY} Writer", "", [200, 200, 202, 401]),
    "Contributor of repositories": (f"{REPOSITORY} Contributor", "", [200, 200, 202, 401]),
    "Catalog Lister": (f"{REPOSITORY} Catalog Lister", "", [401, 401, 401, 200]),
}


@pytest.mark.parametrize("case", CASES)
def test_only_roles_on_repositories_give_rights_on_them(
    side: SandboxSide, registry: RegistryEndpoint, case: str
) -> None:
    role, condition, expected = CASES[case]
    principal = f"99999999-0000-4000-8001-{hashlib.sha256(case.encode()).hexdigest()[:12]}"
    if role:
        _assign(side, principal, ROLES[role], condition)
    scopes = ("repository:a/app:pull,push", "repository:b/app:pull", "registry:catalog:*")
    token = registry.token(*scopes, principal=principal)
    answers = [
        registry.request("GET", "/v2/a/app/manifests/1", token),
        registry.request("GET", "/v2/b/app/manifests/1", token),
        registry.request("POST", "/v2/a/app/blobs/uploads/", token),
        registry.request("GET", "/acr/v1/_catalog", token),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_roles_on_repositories_give_no_right_in_the_other_mode(side: SandboxSide, cloud: Cloud) -> None:
    principal = "99999999-0000-4000-8001-00000000000a"
    scope = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{SOURCE.registry_group}"
    _assign(side, principal, ROLES[f"{REPOSITORY} Contributor"], scope=scope)
    found = RegistryEndpoint(cloud, SOURCE.registry)
    token = found.token("repository:shop/web:pull", principal=principal)
    assert found.request("GET", "/v2/shop/web/manifests/1.0.0", token).status_code == 401


REFUSED = {
    "a condition of another form": (f"{REPOSITORY} Reader", "@Resource[a] GuidEquals 'b'", "2.0"),
    "a condition for the list": (f"{REPOSITORY} Catalog Lister", ONLY_A, "2.0"),
    "a condition for another service": ("Storage Blob Data Reader", ONLY_A, "2.0"),
    "another version of conditions": (f"{REPOSITORY} Reader", ONLY_A, "1.0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_condition_that_the_sandbox_cannot_evaluate_is_refused(side: SandboxSide, case: str) -> None:
    role, condition, version = REFUSED[case]
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
    properties = {"roleDefinitionId": definition, "principalId": SOURCE.operator, "condition": condition}
    path = side.registry_path("providers", roles.ASSIGNMENTS, "99999999-0000-4000-8001-00000000000b")
    body = {"properties": {**properties, "conditionVersion": version}}
    answer = side.request("PUT", path, body, "2022-04-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest"), answer.text


def test_a_pipeline_needs_a_role_on_the_registry_or_not_as_chosen(side: SandboxSide) -> None:
    pipeline = side.pipeline("export", "out", "OverwriteBlobs")
    refused = side.run(pipeline, "blob", "a/app:1")
    assert refused["status"] == "Failed"
    assert "Status: 401" in refused["pipelineRunErrorMessage"]
    with control.choice(side.paths, "source", "abac-pipeline", "service"):
        assert side.run(pipeline, "blob", "a/app:1")["status"] == "Succeeded"
    principal = side.arm("GET", side.pipeline_path("export", pipeline))["identity"]["principalId"]
    _assign(side, principal, ROLES[f"{REPOSITORY} Reader"], ONLY_A)
    assert side.run(pipeline, "blob", "a/app:1")["status"] == "Succeeded"
    assert side.run(pipeline, "blob", "b/app:1")["status"] == "Failed"


def test_a_version_that_does_not_know_the_mode_neither_shows_nor_changes_it(side: SandboxSide) -> None:
    body = side.arm("GET", side.registry_path(), version="2023-07-01")
    assert "roleAssignmentMode" not in body["properties"]
    side.arm("PUT", side.registry_path(), body, version="2023-07-01")
    shown = side.arm("GET", side.registry_path(), version=VERSION)
    assert shown["properties"]["roleAssignmentMode"] == "AbacRepositoryPermissions"


def _assign(side: SandboxSide, principal: str, role: str, condition: str = "", scope: str = "") -> None:
    """Store a role assignment, by default on the registry."""
    place = scope or f"/subscriptions/{SOURCE.subscription}{side.registry_path()}"
    id = ResourceId.parse(f"{place}/providers/{roles.ASSIGNMENTS}/{principal}")
    assert id
    body = roles.assignment(side.cloud, id, principal, role)
    body["properties"] |= {"condition": condition} if condition else {}
    side.cloud.resources.put(id, id.type, body)
