"""The messages of failed runs are explained."""

from __future__ import annotations

import pytest

from acr_transfer.operate.run_errors import RUN_ERRORS, UNKNOWN, explain_run_error

VAULT = "Failed to access key vault.  Status:"
STORAGE = "Failed to access storage.  Service request failed.  Status:"
MESSAGES = {
    f"{VAULT} 403 (The user 'oid=p' does not have secrets get permission on 'v'.)": "cannot read the SAS",
    f"{VAULT} 403 (Client address is not authorized and caller is not a trusted service.)": "firewall",
    f"{VAULT} 404 (A secret with (name/id) x was not found)": "does not exist",
    f"{STORAGE} 403 (AuthenticationFailed)": "has expired",
    f"{STORAGE} 403 (AuthorizationPermissionMismatch)": "does not include the operation",
    f"{STORAGE} 403 (This request is not authorized to perform this operation)": "rejects the pipeline",
    f"{STORAGE} 404 (ContainerNotFound)": "container does not exist",
    f"{STORAGE} 404 (BlobNotFound)": "blob does not exist",
    "The blob 'b1' exists already.": "blob with this name exists",
    "The tag 'a:1' exists already with another digest.": "tag exists with other content",
    "Artifacts not found in registry 'contoso': 'a:1'.": "not in the source registry",
    "51 artifacts; a run takes at most 50.": "at most 50",
    f"{STORAGE} 404 (The blob 'x403e429' does not exist: BlobNotFound)": "blob does not exist",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_runs_error_message_is_explained(message: str) -> None:
    error = explain_run_error(message)
    assert MESSAGES[message] in error.why
    assert error.fix


def test_an_unknown_message_is_reported_as_unknown() -> None:
    assert explain_run_error("The moon is full, and the target knows.") == UNKNOWN
    assert UNKNOWN not in RUN_ERRORS
