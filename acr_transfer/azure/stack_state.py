"""The resources in a stack's state, as the Pulumi CLI exports them without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr_transfer.azure.stacks import pulumi_json

PIPELINE_KINDS = ("ExportPipeline", "ImportPipeline")
"""The kinds of pipelines."""


@dataclass(frozen=True)
class StateResource:
    """One resource of Azure that the stack manages."""

    kind: str
    """The last part of its type, such as `StorageAccount`."""

    id: str
    """Its resource ID."""

    version: str
    """The API version with which azure-native reads it."""

    replaced: bool = False
    """Whether another resource has replaced it. The next `pulumi up` deletes it."""

    @property
    def name(self) -> str:
        """The last part of its resource ID."""
        return self.id.rpartition("/")[2]


def read_state(stack: str, folder: Path) -> tuple[StateResource, ...]:
    """Read the resources of a stack of the project in `folder` or above. Raises `StackError`.

    Resources without a resource ID of their own, such as the access policies of a vault, are left out.
    https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_export/
    """
    deployment = pulumi_json(stack, folder, "stack", "export").get("deployment")
    resources = deployment.get("resources") if isinstance(deployment, dict) else None
    return tuple(
        StateResource(
            str(each["type"]).rpartition(":")[2], str(each["id"]), version, replaced=bool(each.get("delete"))
        )
        for each in resources or ()
        if isinstance(each, dict) and _is_managed(each) and (version := _version(each))
    )


def _is_managed(resource: Mapping[str, Any]) -> bool:
    return str(resource.get("id") or "").startswith("/subscriptions/") and not resource.get("external")


def _version(resource: Mapping[str, Any]) -> str:
    outputs = resource.get("outputs")
    return str(outputs.get("azureApiVersion") or "") if isinstance(outputs, dict) else ""
