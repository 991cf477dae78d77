"""The permissions of role definitions."""

from __future__ import annotations

import pytest

from sandbox.arm.roles import Definition, definitions

STORAGE = "Microsoft.Storage/storageAccounts"
CASES = {
    "everything": (["*"], [], f"{STORAGE}/listKeys/action", True),
    "a verb at the end": (["*/read"], [], f"{STORAGE}/blobServices/read", True),
    "another verb": (["*/read"], [], f"{STORAGE}/write", False),
    "another case": ([f"{STORAGE}/READ"], [], f"{STORAGE.lower()}/read", True),
    "a longer action": ([f"{STORAGE}/read"], [], f"{STORAGE}/read/action", False),
    "a dot is a dot": (["Microsoft.Storage/a/read"], [], "MicrosoftXStorage/a/read", False),
    "an action that is not excluded": (["*"], ["Microsoft.Authorization/*/Write"], f"{STORAGE}/write", True),
    "an excluded action": (
        ["*"],
        ["Microsoft.Authorization/*/Write"],
        "Microsoft.Authorization/roleAssignments/write",
        False,
    ),
    "nothing in between": (["A.B/c/*/read"], [], "A.B/c/read", True),
    "something in between": (["A.B/c/*/read"], [], "A.B/c/d/e/read", True),
    "other names": (["A.B/c/*/read"], [], "A.B/cd/read", False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_role_permits_the_actions_of_its_patterns(case: str) -> None:
    actions, not_actions, action, expected = CASES[case]
    assert Definition("", "", actions, not_actions, []).permits(action) is expected


@pytest.mark.parametrize("guid", definitions())
def test_management_roles_have_no_data_actions_and_data_roles_cannot_assign_roles(guid: str) -> None:
    role = definitions()[guid]
    grants = role.permits("Microsoft.Authorization/roleAssignments/write")
    assert grants is (role.name in {"Owner", "User Access Administrator"} or "Based Access" in role.name)
    reads = role.permits("Microsoft.KeyVault/vaults/secrets/getSecret/action", data=True)
    assert reads is role.name.startswith(("Key Vault Secrets", "Key Vault Administrator"))
    blobs = role.permits(f"{STORAGE}/blobServices/containers/blobs/read", data=True)
    assert blobs is role.name.startswith("Storage Blob Data")
