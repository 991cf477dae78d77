"""What a preview can know of a pipeline that is about to be changed: that its identity stays the same."""

from typing import Any

import pulumi
from pulumi import Input, Output
from pulumi_azure_native import containerregistry

from .choices import Direction
from .identity import principal_id

Identity = containerregistry.outputs.IdentityPropertiesResponse


def foreseen_principal(
    answered: Output[Identity | None],
    direction: Direction,
    pipeline: tuple[Input[str], Input[str], Input[str]],
    user_assigned: Input[str] | None,
    parent: pulumi.Resource,
) -> Output[str]:
    """Return the principal of a pipeline's identity; in a preview, that of the pipeline that is there now.

    A preview of a change knows nothing that Azure answers, and would show a new grant and new runs where none
    will be made. `pipeline` is its name, its registry and the registry's resource group.
    """
    principal = answered.apply(principal_id)
    if not pulumi.runtime.is_dry_run():
        return principal
    now = _found(direction, pipeline, parent).recover(lambda _: None)
    same = Output.all(now, user_assigned).apply(
        lambda known: _same_principal(known[0].identity, known[1]) if known[0] else ""
    )

    async def value() -> Any:
        return await (principal if await principal.is_known() else same).future()

    async def is_known() -> bool:
        return await principal.is_known() or bool(await same.is_known() and await same.future())

    return Output(answered.resources(), value(), is_known())


def _found(
    direction: Direction, pipeline: tuple[Input[str], Input[str], Input[str]], parent: pulumi.Resource
) -> Output[Any]:
    """The pipeline as it is now; it fails if there is none."""
    name, registry, group = pipeline
    opts = pulumi.InvokeOutputOptions(parent=parent)
    if direction == Direction.EXPORT:
        return containerregistry.get_export_pipeline_output(
            export_pipeline_name=name, registry_name=registry, resource_group_name=group, opts=opts
        )
    return containerregistry.get_import_pipeline_output(
        import_pipeline_name=name, registry_name=registry, resource_group_name=group, opts=opts
    )


def _same_principal(now: Identity | None, wanted: str | None) -> str:
    """The principal, unless the identity will be another one; empty then, as nobody knows it yet."""
    if now is None:
        return ""
    users = {id.lower() for id in now.user_assigned_identities or {}}
    return principal_id(now) if users == ({wanted.lower()} if wanted else set()) else ""
