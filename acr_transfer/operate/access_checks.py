"""Checks of a pipeline's access to its container: by a role, or by a SAS token in a vault.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from collections.abc import Iterator
from datetime import timedelta

from acr_transfer.model.roles import (
    RoleAssignmentMode,
    can_read_secrets,
    can_use_container,
    can_use_registry,
    container_role,
    registry_role,
)
from acr_transfer.model.sas import SasToken, ends_soon, needed_rights, right_names
from acr_transfer.model.vault_firewall import OPEN_VAULT, VaultFirewall, vault_firewall
from acr_transfer.model.vault_permissions import can_get_secrets
from acr_transfer.operate.facts import Body, CheckOutcome, DoctorFinding, Facts, properties

_FORBIDDEN = "Storage answers 403."
_VAULT_FORBIDDEN = "The run ends with 403 from the vault."
_RIGHTS_NEEDED = "Storage answers 403 to operations that need them."


def access(facts: Facts) -> Iterator[DoctorFinding]:
    """The role of the pipeline's identity, or the SAS token and the permission to read it."""
    if facts.pipeline is None:
        return
    if not facts.by_identity:
        yield from _by_token(facts)
    elif "role assignments" in facts.unseen:
        yield facts.not_seen("role assignments")
    elif can_use_container(facts.roles, facts.direction, deletes_blobs=facts.deletes_blobs):
        yield facts.good("role", "the pipeline's identity has its role on the container")
    else:
        role = container_role(facts.direction, deletes_blobs=facts.deletes_blobs)
        yield facts.fault("role", f"the pipeline's identity lacks {role.label}", _FORBIDDEN)


def registry_access(facts: Facts) -> Iterator[DoctorFinding]:
    """The stack knows the registry's role assignment mode, and the pipeline has the role that it requires.

    https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
    """
    if facts.registry is None or facts.pipeline is None:
        return
    mode = RoleAssignmentMode.of(facts.registry)
    if (configured := facts.configured_mode or RoleAssignmentMode.LEGACY) != mode:
        what = f"registry {facts.registry.get('name')} has the mode {mode}, its stack {configured}"
        fix = f"pulumi config set acr-transfer:registryRoleAssignmentMode {mode} -s {facts.stack}"
        why = "The registry may answer 401 to the pipeline."
        yield facts.fault("role assignment mode", what, why, f"{fix}, then {facts.deploy_command}")
    elif mode is RoleAssignmentMode.ABAC and "role assignments" in facts.unseen:
        yield facts.not_seen("role assignments")
    elif mode is RoleAssignmentMode.ABAC and not can_use_registry(facts.registry_roles, facts.direction):
        what = f"the pipeline's identity lacks {registry_role(facts.direction).label} on the registry"
        yield facts.fault("registry role", what, "The registry may answer 401 to the pipeline.")
    elif mode is RoleAssignmentMode.ABAC:
        yield facts.good("registry role", "the pipeline's identity has its role on the registry")


def _by_token(facts: Facts) -> Iterator[DoctorFinding]:
    if facts.vault is None:
        yield facts.missing("the key vault", "The run cannot read its SAS token.")
        return
    if facts.secret_uri.rstrip("/").count("/") > 4:
        why = "A new token is a new version, which the pipeline does not read."
        yield facts.warning("secret URI", "the pipeline's secret URI names a version", why)
    yield from _vault_network(facts, facts.vault)
    yield from _vault_permission(facts, facts.vault)
    if facts.secret is None:
        yield facts.missing("the SAS secret", "The run ends with 404 from the vault.", _rotate(facts))
        return
    if (properties(facts.secret).get("attributes") or {}).get("enabled") is False:
        secret = f"--vault-name {facts.vault.get('name')} --name {facts.secret_name}"
        fix = f"az keyvault secret set-attributes {secret} --enabled true"
        yield facts.fault("secret", f"secret {facts.secret_name} is disabled", _VAULT_FORBIDDEN, fix)
    yield from _unread_token(facts) if facts.token is None else _read_token(facts, facts.token)


def _vault_network(facts: Facts, vault: Body) -> Iterator[DoctorFinding]:
    settings, name = properties(vault), str(vault.get("name"))
    rules = settings.get("networkAcls") or {}
    firewall = vault_firewall(
        str(settings.get("publicNetworkAccess") or ""),
        str(rules.get("defaultAction") or ""),
        str(rules.get("bypass") or ""),
    )
    if firewall is VaultFirewall.OPEN:
        return
    own = f"pulumi config rm acr-transfer:vaultAddresses -s {facts.stack}, then {facts.deploy_command}"
    fix = f"{own}; for an existing vault: {OPEN_VAULT.format(vault=name)}"
    what = f"the firewall of vault {name} is closed"
    if firewall is VaultFirewall.CLOSED or facts.has_user_identity:
        who = "Azure's trusted services" if firewall is VaultFirewall.CLOSED else "a user-assigned identity"
        yield facts.fault("vault network", f"{what} and refuses {who}", _VAULT_FORBIDDEN, fix)
    else:
        why = "Azure does not document that a pipeline passes as a trusted service."
        yield facts.warning("vault network", what, why, fix)


def _vault_permission(facts: Facts, vault: Body) -> Iterator[DoctorFinding]:
    settings, secrets = properties(vault), f"secrets of vault {vault.get('name')}"
    by_role = bool(settings.get("enableRbacAuthorization"))
    if not facts.principal:
        yield facts.not_seen("the pipeline's identity", "Azure returns no principal ID for it")
        return
    policies = settings.get("accessPolicies") or ()
    own = [policy for policy in policies if policy.get("objectId") == facts.principal]
    granted = ((policy.get("permissions") or {}).get("secrets") or () for policy in own)
    if by_role and "role assignments" in facts.unseen:
        yield facts.not_seen("role assignments")
    elif can_read_secrets(facts.roles) if by_role else any(map(can_get_secrets, granted)):
        yield facts.good("vault", f"the pipeline's identity can read {secrets}")
    else:
        yield facts.fault("vault", f"the pipeline's identity cannot read {secrets}", _VAULT_FORBIDDEN)


def _read_token(facts: Facts, sas: SasToken) -> Iterator[DoctorFinding]:
    """A token whose value the caller can read: decoded, and tried at the storage account."""
    if not sas.signed:
        yield _token_fault(facts, "SAS token", f"secret {facts.secret_name} does not hold a SAS token")
        return
    found = [*_times(facts, sas), *_rights_and_scope(facts, sas)]
    if CheckOutcome.FAULT not in {finding.outcome for finding in found}:
        found += _signature(facts)
    if sas.question_marks != 1:
        why = "Azure's documentation stores the token with one leading '?'."
        found.append(facts.warning("SAS form", "the token does not begin with one '?'", why))
    yield from found
    if CheckOutcome.FAULT in {finding.outcome for finding in found}:
        return
    if sas.stored_policy:
        reason = f"stored access policy {sas.stored_policy} defines them"
        yield facts.not_seen("rights and expiry of the SAS token", reason)
    elif sas.expires:
        left = _duration(sas.expires - facts.now)
        yield facts.good("SAS token", f"the token has the required rights, and expires in {left}")


def _times(facts: Facts, sas: SasToken) -> Iterator[DoctorFinding]:
    token = f"the token in secret {facts.secret_name}"
    if sas.expires is None:
        if not sas.stored_policy:
            yield _token_fault(facts, "SAS expiry", f"{token} has no expiry time")
    elif sas.expires <= facts.now:
        ago = _duration(facts.now - sas.expires)
        what = f"{token} expired {sas.expires:%Y-%m-%d %H:%M} UTC, {ago} ago"
        yield _token_fault(facts, "SAS expiry", what)
    elif ends_soon(sas.expires, facts.now):
        what = f"the token expires in {_duration(sas.expires - facts.now)}"
        yield facts.warning("SAS expiry", what, "A run can take longer.", _rotate(facts))
    if sas.starts and sas.starts > facts.now:
        what = f"the token is valid only from {sas.starts:%Y-%m-%d %H:%M} UTC"
        yield _token_fault(facts, "SAS start", what, "Storage answers 403 until then.")


def _rights_and_scope(facts: Facts, sas: SasToken) -> Iterator[DoctorFinding]:
    if lacks := sas.missing_rights(_needed(facts)):
        yield facts.fault("SAS rights", f"the token lacks {right_names(lacks)}", _RIGHTS_NEEDED)
    if not sas.https_only:
        why = "It can be intercepted on the network."
        yield facts.warning("SAS protocol", "the token is valid over http too", why)
    if sas.addresses:
        what = f"the token is valid only from {sas.addresses}"
        yield facts.fault("SAS address", what, "The service connects from Azure's addresses.")
    if not sas.opens_container:
        why = "Pipelines need the token of a container."
        yield facts.fault("SAS scope", "the token is not for a container", why)
    elif sas.is_for_account:
        why = "Azure documents the token of a container, and does not say whether that of an account works."
        yield facts.warning("SAS scope", "the token is for the account", why, _rotate(facts))


def _signature(facts: Facts) -> Iterator[DoctorFinding]:
    """The result of using the token: decoding does not show which key signed it, or for which container."""
    if facts.rejection == "signature":
        what = f"storage rejects the token in secret {facts.secret_name}: its signature is wrong"
        why = "Its signing key was rotated, or it is for another account or container."
        yield _token_fault(facts, "SAS signature", what, why)
    elif facts.rejection:
        reason = f"storage answers {facts.rejection} to this machine"
        yield facts.not_seen("acceptance of the SAS token", reason)


def _unread_token(facts: Facts) -> Iterator[DoctorFinding]:
    """A token whose value the caller cannot read: the secret's tags and attributes describe it."""
    yield facts.not_seen("the SAS token")
    letters = ((facts.secret or {}).get("tags") or {}).get("acr-transfer-sp")
    if letters is not None and (lacks := set(_needed(facts)) - set(letters)):
        what = f"according to its tag, the token lacks {right_names(lacks)}"
        yield facts.fault("SAS rights", what, _RIGHTS_NEEDED)
    attributes, keys = properties(facts.secret).get("attributes") or {}, facts.keys_created
    if float(attributes.get("exp") or "inf") <= facts.now.timestamp():
        yield _token_fault(facts, "SAS expiry", f"secret {facts.secret_name} has expired")
    # Azure reports the secret's time in whole seconds.
    elif keys and float(attributes.get("updated") or "inf") + 1 < keys.timestamp():
        what = f"both keys of the account are newer than secret {facts.secret_name}"
        why = "No current key signed the token: storage answers 403."
        yield _token_fault(facts, "SAS signature", what, why)


def _token_fault(facts: Facts, check: str, what: str, why: str = _FORBIDDEN) -> DoctorFinding:
    return facts.fault(check, what, why, _rotate(facts))


def _needed(facts: Facts) -> str:
    return needed_rights(facts.direction, deletes_blobs=facts.deletes_blobs)


def _duration(left: timedelta) -> str:
    hours = left.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours > 48 else f"{hours:.1f} hours"


def _rotate(facts: Facts) -> str:
    return f"pulumi config set acr-transfer:sasExpiry <later> -s {facts.stack}, then {facts.deploy_command}"
