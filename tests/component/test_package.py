"""The components as a package for programs in other languages."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from google.protobuf import struct_pb2
from pulumi.provider.server import ComponentInitError
from pulumi.resource import DependencyProviderResource
from pulumi.runtime import rpc
from pulumi_azure_native.provider import Provider

import components
from components.__main__ import Package
from components.pipelines.preview_api import PACKAGE
from tests.component.mock_azure import RUN, SECRET, Deploy


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Package().schema or "")
    return loaded


def test_every_exported_component_is_hosted_and_no_other() -> None:
    exported = [getattr(components, name) for name in components.__all__]
    found = [
        each for each in exported if isinstance(each, type) and issubclass(each, pulumi.ComponentResource)
    ]
    assert found == components.HOSTED


def test_every_component_input_and_output_is_described(schema: dict[str, Any]) -> None:
    assert [path for path, described in _described(schema) if not described] == []


def test_descriptions_spell_arguments_as_the_schema_does(schema: dict[str, Any]) -> None:
    inputs = schema["resources"]["acr-transfer:index:SourceSide"]["inputProperties"]
    described = inputs["registryResourceGroup"]["description"]
    assert described == "The registry's resource group; resourceGroup by default."


def test_each_component_has_the_token_that_it_registers_itself_by(schema: dict[str, Any]) -> None:
    assert set(schema["resources"]) == {f"acr-transfer:index:{each.__name__}" for each in components.HOSTED}


SIDE = {
    "resourceGroup": "acr-transfer",
    "registry": "contoso",
    "registryResourceGroup": "images",
    "sasExpiry": "2099-12-31T00:00:00Z",
    "artifacts": [f"app:{number}" for number in range(120)],
}


def constructed(deploy: Deploy, **changes: Any) -> None:
    """A source side as another language requests it: over the wire, where every number is a float."""
    wire = struct_pb2.Struct()
    wire.update({**SIDE, **changes})
    provider = Package()
    deploy(
        lambda: provider.construct(
            "images", "acr-transfer:index:SourceSide", rpc.deserialize_properties(wire)
        ).state["runs"],
        secret={"updated": 1},
    )


def test_numbers_of_other_languages_are_read_as_whole_ones(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: warned.append(message))
    constructed(deploy, maxConcurrentRuns=1, sasWarning=99, blobRetentionDays=7)
    assert len(deploy.last.all(RUN)) > 2
    assert "less than 99 % of its life" in "".join(warned)


def test_text_of_other_languages_is_read_as_a_choice(deploy: Deploy) -> None:
    constructed(deploy, storageAccess="ManagedIdentity", sasExpiry="")
    assert deploy.last.all(SECRET) == []


def test_the_settings_of_another_languages_provider_are_used_too(deploy: Deploy) -> None:
    """Over the wire a provider is no more than a reference."""
    wire = struct_pb2.Struct()
    wire.update({**SIDE, "storageAccess": "ManagedIdentity", "sasExpiry": ""})

    def program() -> pulumi.Output[Any]:
        explicit = Provider("other", subscription_id="other-subscription", environment="usgovernment")
        return pulumi.Output.all(explicit.urn, explicit.id).apply(constructed_with)

    def constructed_with(reference: list[str]) -> Any:
        provider = DependencyProviderResource("::".join(reference))
        options = pulumi.ResourceOptions(providers={"azure-native": provider})
        inputs = rpc.deserialize_properties(wire)
        return Package().construct("images", "acr-transfer:index:SourceSide", inputs, options).state["runs"]

    created = deploy(program).one(f"pulumi:providers:{PACKAGE}")
    assert created.inputs == {"subscriptionId": "other-subscription", "environment": "usgovernment"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sasExpiry": ""}, "sasExpiry is missing"),
        ({"sasExpiry": "2099-12-31T00:00:00"}, "expected a time with its time zone"),
        ({"artifacts": ["App:1"]}, "has upper case letters in its repository; expected 'app'"),
    ],
)
def test_an_invalid_argument_ends_the_program_with_the_expectation_and_no_traceback(
    deploy: Deploy, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ComponentInitError) as raised:
        constructed(deploy, **change)
    # A program in Python shows only the message of these; the SDK's host adds where it was raised.
    assert isinstance(raised.value.inner, pulumi.RunError)
    assert words in str(raised.value)


def _described(schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for kind in ("resources", "types"):
        for name, each in schema[kind].items():
            yield name, bool(each.get("description"))
            for group in ("inputProperties", "properties", "enum"):
                yield from _members(f"{name}.{group}", each.get(group, {}))


def _members(path: str, members: Any) -> Iterator[tuple[str, bool]]:
    named = members.items() if isinstance(members, dict) else ((each["name"], each) for each in members)
    for name, each in named:
        yield f"{path}.{name}", bool(each.get("description"))


def test_the_cli_prints_the_same_schema(
    schema: dict[str, Any], checkout: Path, sandbox_environment: dict[str, str]
) -> None:
    """Generated SDKs come from it; the CLI has its own order."""
    command = ["pulumi", "package", "get-schema", "./components"]
    done = subprocess.run(
        command, cwd=checkout, env=sandbox_environment, capture_output=True, text=True, check=True
    )
    given = json.loads(done.stdout)
    assert given["version"] == tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"]
    assert dict(_described(given)) == dict(_described(schema))


def test_the_packages_requirements_are_those_of_the_program(checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    lines = (checkout / "components" / "requirements.txt").read_text().splitlines()
    pins = {line for line in lines if line and not line.startswith("#")}
    assert pins <= {*project["dependencies"], *project["optional-dependencies"]["program"]}


def test_the_page_about_the_package_names_every_component(checkout: Path) -> None:
    page = (checkout / "docs" / "package.md").read_text()
    assert [each.__name__ for each in components.HOSTED if f"`{each.__name__}`" not in page] == []
