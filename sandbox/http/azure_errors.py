"""Azure's error codes and messages, and the sandbox's own error."""

from __future__ import annotations

from typing import Any


class SandboxError(Exception):
    """A command of the sandbox failed; the message has the next step."""


class AzureError(Exception):
    """An error response: an HTTP status, Azure's code and Azure's message.

    The body is `{"error": {"code", "message"}}`; a vault adds `innererror` (https://learn.microsoft.com/rest/api/azure/#handle-errors-in-the-response).
    """

    def __init__(self, code: str, *, headers: dict[str, str] | None = None, **values: str) -> None:
        self.status, template = _MESSAGES[code]
        self.code = _OUTER.get(code, code)
        self.inner = code if code in _OUTER else ""
        self.message = template.format(**values)
        self.headers = headers or {}
        super().__init__(f"{code}: {self.message}")

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": {"code": self.code, "message": self.message}}


# Code: (status, message). docs/sandbox.md lists the messages for which no source documents Azure's own.
_MESSAGES: dict[str, tuple[int, str]] = {
    "AuthenticationFailed": (401, "Authentication failed. The 'Authorization' header is missing."),
    "InvalidAuthenticationToken": (401, "The access token is invalid: {reason}."),
    "ExpiredAuthenticationToken": (
        401,
        "The access token expiry UTC time '{expiry}' is earlier than current UTC time '{now}'.",
    ),
    "InvalidAuthenticationTokenAudience": (
        401,
        "The access token has been obtained for wrong audience or resource '{given}'. It should exactly "
        "match with one of the allowed audiences '{audience}'.",
    ),
    "InvalidAuthenticationTokenTenant": (
        401,
        "The access token is from the wrong issuer. It must match the tenant '{tenant}' of this cloud.",
    ),
    "MissingApiVersionParameter": (
        400,
        "The api-version query parameter (?api-version=) is required for all requests.",
    ),
    "Request_ResourceNotFound": (404, "Resource '{resource}' does not exist."),
    "SubscriptionNotFound": (404, "The subscription '{subscription}' could not be found."),
    "ResourceGroupNotFound": (404, "Resource group '{group}' could not be found."),
    "ResourceNotFound": (
        404,
        "The Resource '{resource}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    ),
    "ParentResourceNotFound": (
        404,
        "Can not perform requested operation on nested resource. Parent resource '{parent}' not found.",
    ),
    "NoRegisteredProviderFound": (
        400,
        "No registered resource provider found for location '{location}' and API version '{version}' "
        "for type '{type}'.{known}",
    ),
    "InvalidResourceNamespace": (404, "The resource namespace '{namespace}' is invalid."),
    "InvalidResourceType": (
        404,
        "The resource type '{type}' could not be found in the namespace '{namespace}' for api version "
        "'{version}'.",
    ),
    "InvalidApiVersionParameter": (
        400,
        "The api-version '{version}' is invalid. The supported versions are '{known}'.",
    ),
    "InvalidRequestContent": (
        400,
        "The request content was invalid and could not be deserialized: {reason}.",
    ),
    "RequestContentTooLarge": (413, "The request content is longer than the allowed {limit} bytes."),
    "InvalidResourceGroupLocation": (
        409,
        "Invalid resource group location '{location}'. The Resource group already exists in location "
        "'{existing}'.",
    ),
    "InvalidResourceName": (400, "Resource name {name} is invalid. The name must match {pattern}."),
    "LocationRequired": (400, "The location property is required for this definition."),
    "MethodNotAllowed": (405, "The request '{method}' is not allowed for type '{type}'."),
    "BadRequest": (400, "{reason}"),
    "Conflict": (409, "{reason}"),
    "AlreadyInUse": (
        409,
        "The registry DNS name {server} is already in use. You can check if the name is already claimed "
        "using following API: https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/"
        "checknameavailability",
    ),
    "UnAuthorizedForCredentialOperations": (
        400,
        "Cannot perform credential operations for {registry} as admin user is disabled. Kindly enable admin "
        "user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/"
        "container-registry-authentication#admin-account",
    ),
    "SkuNotSupported": (400, "The SKU {sku} is not supported."),
    "PublicAccessWithoutExports": (
        400,
        "Enabling public network access is not supported because the registry '{registry}' has exports "
        "disabled.",
    ),
    "ExportsDisabled": (400, "Exports are disabled on the registry '{registry}' by its export policy."),
    "PrincipalNotFound": (
        400,
        "Principal {principal} does not exist in the directory {tenant}. Check that you have the correct "
        "principal ID. If you are creating this principal and then immediately assigning a role, this error "
        "might be related to a replication delay. In this case, set the role assignment principalType "
        "property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
    ),
    "RoleAssignmentExists": (
        409,
        "The role assignment already exists. The ID of the existing role assignment is {name}.",
    ),
    "RoleAssignmentUpdateNotPermitted": (
        400,
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    ),
    "RoleDefinitionDoesNotExist": (
        404,
        "The specified role definition with ID '{role}' does not exist.",
    ),
    "ForbiddenByRbac": (
        403,
        "Caller is not authorized to perform action on resource. If role assignments, deny assignments or "
        "role definitions were changed recently, please observe propagation time. Caller: oid={principal}; "
        "Action: '{action}'; Resource: '{resource}'; Assignment: (not found); Vault: {vault};"
        "location={location}",
    ),
    "AuthorizationFailed": (
        403,
        "The client '{principal}' with object id '{principal}' does not have authorization to perform action "
        "'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    ),
    "LinkedAuthorizationFailed": (
        403,
        "The client '{principal}' with object id '{principal}' has permission to perform action '{action}' "
        "on scope '{scope}'; however, it does not have permission to perform action(s) '{linked}' on the "
        "linked scope(s) '{target}' (respectively) or the linked scope(s) are invalid.",
    ),
    "StorageAccountAlreadyTaken": (409, "The storage account named {name} is already taken."),
    "VaultAlreadyExists": (
        409,
        "The vault name '{name}' is already in use. Vault names are globally unique so it is possible that "
        "the name is already taken. If you are sure that the vault name was not taken then it is possible "
        "that a vault with the same name was recently deleted but not purged after being placed in a "
        "recoverable state. If the vault is in a recoverable state then the vault will need to be purged "
        "before reusing the name.",
    ),
    "DeletedVaultPurge": (
        409,
        "Operation 'DeletedVaultPurge' is not allowed: purge protection is enabled on the vault '{name}'.",
    ),
    "Unauthorized": (401, "AKV10000: Request is missing a Bearer or PoP token."),
    "UnauthorizedToken": (401, "Error validating token: {reason}"),
    "Forbidden": (
        403,
        "The user, group or application 'oid={principal}' does not have secrets {right} permission on key "
        "vault '{vault};location={location}'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287",
    ),
    "ForbiddenByFirewall": (
        403,
        "Client address is not authorized and caller is not a trusted service. Client address: 127.0.0.1; "
        "Caller: oid={caller}; Vault: {vault}",
    ),
    "SecretNotFound": (
        404,
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret "
        "you may be able to recover it using the correct recovery command.",
    ),
    "SecretIsDeleted": (
        409,
        "Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in "
        "this state, the secret can only be recovered or purged.",
    ),
    "SecretDisabled": (403, "Operation get is not allowed on a disabled secret."),
    "BadParameter": (400, "{reason}"),
    "NotFound": (404, "There is nothing at '{path}'."),
    "InternalServerError": (500, "Encountered internal server error; the sandbox's log says more."),
    "OperationNotFound": (404, "The operation '{operation}' was not found."),
}

_OUTER = {
    "ForbiddenByRbac": "Forbidden",
    "ForbiddenByFirewall": "Forbidden",
    "SecretDisabled": "Forbidden",
    "UnauthorizedToken": "Unauthorized",
    "SecretIsDeleted": "Conflict",
    "PublicAccessWithoutExports": "BadRequest",
}
"""Entries that share an Azure error code, with that code."""


class SignInError(Exception):
    """A refused sign-in: an OAuth error with Entra ID's number and message.

    https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """

    def __init__(self, number: int, **values: str) -> None:
        self.status, error, template = _SIGN_IN[number]
        self.body: dict[str, Any] = {
            "error": error,
            "error_description": f"AADSTS{number}: {template.format(**values)}",
            "error_codes": [number],
        }
        super().__init__(self.body["error_description"])


_SIGN_IN: dict[int, tuple[int, str, str]] = {
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{grant}'."),
    90002: (
        400,
        "invalid_request",
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into "
        "the correct cloud.",
    ),
    500011: (
        400,
        "invalid_resource",
        "The resource principal named {resource} was not found in the tenant named {tenant}.",
    ),
    700016: (
        400,
        "unauthorized_client",
        "Application with identifier '{client}' was not found in the directory '{tenant}'.",
    ),
    7000215: (
        401,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        "value, not the client secret ID, for a secret added to app '{client}'.",
    ),
    7000218: (
        401,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
}
