"""Azure's error codes and messages, and the sandbox's own error.

`azure_errors.json` has Azure's statuses and messages by code. docs/sandbox.md lists the messages for which no
source documents Azure's own.
"""

import json
import logging
from pathlib import Path
from typing import Any

_ERRORS: dict[str, Any] = json.loads(Path(__file__).with_name("azure_errors.json").read_text())


class SandboxError(Exception):
    """A command of the sandbox failed; the message has the next step."""


class AzureError(Exception):
    """An error response: an HTTP status, Azure's code and Azure's message.

    The body is `{"error": {"code", "message"}}`; a vault adds `innererror`
    (https://learn.microsoft.com/rest/api/azure/#handle-errors-in-the-response).
    """

    def __init__(self, code: str, *, headers: dict[str, str] | None = None, **values: str) -> None:
        error = _ERRORS["responses"][code]
        self.status: int = error["status"]
        self.code: str = error.get("code", code)
        """Azure's code; several entries of the table can share it."""
        self.inner = code if "code" in error else ""
        self.message: str = error["message"].format(**values)
        self.headers = headers or {}
        super().__init__(f"{code}: {self.message}")

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": {"code": self.code, "message": self.message}}


def azure_error(error: Exception, request: str) -> AzureError:
    """The error response for an exception; an unexpected exception is logged and becomes a status 500."""
    if isinstance(error, AzureError):
        return error
    logging.getLogger("sandbox").error(request, exc_info=error)
    return AzureError("InternalServerError")


class SignInError(Exception):
    """A refused sign-in: an OAuth error with Entra ID's number and message.

    https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """

    def __init__(self, number: int, **values: str) -> None:
        error = _ERRORS["sign_in"][str(number)]
        self.status: int = error["status"]
        self.body: dict[str, Any] = {
            "error": error["error"],
            "error_description": f"AADSTS{number}: {error['message'].format(**values)}",
            "error_codes": [number],
        }
        super().__init__(self.body["error_description"])
