"""The time until Azure applies a new role assignment.

https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import pulumi
from pulumi import Output
from pulumi_azure_native import authorization

from acr_transfer.model.roles import Role
from acr_transfer.model.times import parse_time

from ..advice import named

Value = TypeVar("Value")

LOG_SECONDS = 60.0
"""The time between two lines of progress."""


def once_applied(value: Output[Value], role: authorization.RoleAssignment, wait: timedelta) -> Output[Value]:
    """Return the value `wait` after the creation of the role assignment; at once in a preview.

    No request shows whether a service already applies a role to another identity than the caller's.
    """

    async def waited(known: list[Any]) -> Value:
        found, created, *described = known
        if not pulumi.runtime.is_dry_run():
            await _wait(role, parse_time(created), _described(*described), wait)
        return cast(Value, found)

    return Output.all(value, role.created_on, role.role_definition_id, role.principal_id, role.scope).apply(
        waited
    )


def _described(definition: str, principal: str, scope: str) -> str:
    known = Role.of(definition)
    return f"the role {known.label if known else definition} of identity {principal} on {scope}"


async def _wait(
    role: authorization.RoleAssignment, created: datetime | None, described: str, wait: timedelta
) -> None:
    limit = int(wait.total_seconds())
    while created and (left := (created + wait - datetime.now(UTC)).total_seconds()) > 0:
        pulumi.log.info(
            f"Waiting for {described}: Azure may take {limit} s to apply a role assignment,"
            f" {int(left)} s of them are left. {named('role_wait_seconds')} sets this limit.",
            role,
        )
        await asyncio.sleep(min(left, LOG_SECONDS))
