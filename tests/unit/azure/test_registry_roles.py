"""A registry's refusal names the role that its mode requires, with the command that assigns it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acr_transfer.azure.arm import ArmClient
from acr_transfer.azure.connect import _with_role
from acr_transfer.errors import AccessError, RegistryAccessError

ID = "/subscriptions/s/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/contoso"
ABAC = {"properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}}


class Answering(ArmClient):
    """A client that answers every request with one resource or one error."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def get(self, id: str, *versions: str) -> dict[str, Any] | None:
        if isinstance(self._answer, Exception):
            raise self._answer
        found: dict[str, Any] | None = self._answer
        return found


CASES: dict[str, tuple[Any, bool, str]] = {
    "the older mode": ({"properties": {}}, False, f"--role AcrPull --scope {ID}"),
    "the older mode, a list": ({"properties": {}}, True, f"--role AcrPull --scope {ID}"),
    "roles on repositories": (ABAC, False, f"--role 'Container Registry Repository Reader' --scope {ID}"),
    "a list": (ABAC, True, f"--role 'Container Registry Repository Catalog Lister' --scope {ID}"),
    "no registry": (None, False, f"--role AcrPull --scope {ID}"),
    "no right to read it": (
        AccessError("refused"),
        False,
        "If the registry's roleAssignmentMode is AbacRepositoryPermissions, the role is Container Registry "
        "Repository Reader. The caller needs the role AcrPull.\n  az role assignment create --assignee "
        "<your object ID> "
        f"--role AcrPull --scope {ID}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_message_names_the_role_of_the_registrys_mode(case: str) -> None:
    answer, lists, words = CASES[case]
    refused = RegistryAccessError(
        "reading from contoso.example: refused (HTTP 401)", "contoso.example", lists=lists
    )
    error = asyncio.run(_with_role(refused, ID, Answering(answer)))
    assert str(error).startswith("reading from contoso.example: refused (HTTP 401). ")
    assert words in f"{error}\n{error.advice({})}"
    assert error.exit_code == 6
