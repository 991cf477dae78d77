"""The age of the caller's roles: Azure applies a new role assignment only after some minutes.

https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

from azure.core.credentials_async import AsyncTokenCredential

from acr_transfer.azure.arm import ArmClient, arm_client
from acr_transfer.azure.clouds import Cloud
from acr_transfer.errors import AccessError, TransferError
from acr_transfer.model.limits import ROLE_DELAY
from acr_transfer.model.times import parse_time

_VERSION = "2022-04-01"
_REFUSED = re.compile(r"HTTP 40[13]\b")
_LIMIT = f"Azure applies a role within {int(ROLE_DELAY.total_seconds()) // 60} minutes: try again later."


async def explain_refusal(
    refused: AccessError, subscription: str, cloud: Cloud, credential: AsyncTokenCredential
) -> None:
    """Add the likely cause to a refusal by a service: a role of the caller that is not in effect yet.

    It has a line of its own, because a refusal may end with a command.
    The cause is certain only if the caller may list the role assignments of the subscription.
    """
    if not _REFUSED.search(str(refused)) or _LIMIT in str(refused):
        return
    try:
        async with arm_client(cloud, credential) as arm:
            age = await _age_of_newest_role(subscription, arm, credential)
    except (TransferError, ValueError, KeyError, IndexError):
        refused.args = (f"{refused}\nIf the caller got its role a short time ago: {_LIMIT}",)
        return
    if age < ROLE_DELAY:
        minutes = int(age.total_seconds() // 60)
        cause = f"The likely cause: the caller's newest role is {minutes} minutes old."
        refused.args = (f"{refused}\n{cause} {_LIMIT}",)


async def _age_of_newest_role(
    subscription: str, arm: ArmClient, credential: AsyncTokenCredential
) -> timedelta:
    """The age of the newest assignment in or above the subscription; `ValueError` if none is visible."""
    token = await credential.get_token(arm.cloud.scope)
    path = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignments"
    listed = await arm.list(f"{path}?$filter=assignedTo('{_principal(token.token)}')", _VERSION)
    times = [parse_time((each.get("properties") or {}).get("createdOn")) for each in listed]
    known = [time for time in times if time]
    return datetime.now(UTC) - max(known)


def _principal(token: str) -> str:
    """The object ID of the caller in a token of Resource Manager."""
    part = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(f"{part}{'=' * (-len(part) % 4)}"))["oid"])
