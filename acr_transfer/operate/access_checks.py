"""Checks of a pipeline's access to its container: by a role, or by a SAS token in a vault.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from acr_transfer.model.failures import checks, transfers
from acr_transfer.model.roles import (
    RoleAssignmentMode,
    can_read_secrets,
    can_use_container,
    can_use_registry,
    container_role,
    registry_role,
)
from acr_transfer.model.sas import SasToken, ends_soon, needed_rights, right_names
from acr_transfer.model.vault_firewall import VaultFirewall, vault_firewall
from acr_transfer.model.vault_permissions import can_get_secrets
from acr_transfer.operate.facts import Body, CheckOutcome, DoctorFinding, Facts, properties


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
        yield facts.fault("role", f"the pipeline's identity lacks {role.label}", checks.CONTAINER_ROLE)


def registry_access(facts: Facts) -> Iterator[DoctorFinding]:
    """The stack knows the registry's role assignment mode, and the pipeline has the role that it requires.

    https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
    """
    if facts.registry is None or facts.pipeline is None:
        return
    mode = RoleAssignmentMode.of(facts.registry)
    if (configured := facts.configured_mode or RoleAssignmentMode.LEGACY) != mode:
        what = f"registry {facts.registry.get('name')} has the mode {mode}, its stack {configured}"
        yield facts.fault("role assignment mode", what, checks.ROLE_ASSIGNMENT_MODE, mode=mode)
    elif mode is RoleAssignmentMode.ABAC and "role assignments" in facts.unseen:
        yield facts.not_seen("role assignments")
    elif mode is RoleAssignmentMode.ABAC and not can_use_registry(facts.registry_roles, facts.direction):
        what = f"the pipeline's identity lacks {registry_role(facts.direction).label} on the registry"
        yield facts.fault("registry role", what, checks.REPOSITORY_ROLE)
    elif mode is RoleAssignmentMode.ABAC:
        yield facts.good("registry role", "the pipeline's identity has its role on the registry")


def _by_token(facts: Facts) -> Iterator[DoctorFinding]:
    if facts.vault is None:
        yield facts.missing("the key vault", transfers.VAULT_MISSING)
        return
    if facts.secret_uri.rstrip("/").count("/") > 4:
        what = "the pipeline's secret URI names a version"
        yield facts.warning("secret URI", what, checks.SECRET_VERSION)
    yield from _vault_network(facts, facts.vault)
    yield from _vault_permission(facts, facts.vault)
    if facts.secret is None:
        yield facts.missing("the SAS secret", transfers.SECRET_MISSING)
        return
    if (properties(facts.secret).get("attributes") or {}).get("enabled") is False:
        yield facts.fault("secret", f"secret {facts.secret_name} is disabled", checks.SECRET_DISABLED)
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
    what = f"the firewall of vault {name} is closed"
    if firewall is VaultFirewall.CLOSED or facts.has_user_identity:
        who = "Azure's trusted services" if firewall is VaultFirewall.CLOSED else "a user-assigned identity"
        yield facts.fault("vault network", f"{what} and refuses {who}", transfers.VAULT_FIREWALL)
    else:
        yield facts.warning("vault network", what, checks.VAULT_TRUSTS_SERVICES)


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
        what = f"the pipeline's identity cannot read {secrets}"
        yield facts.fault("vault", what, transfers.VAULT_PERMISSION)


def _read_token(facts: Facts, sas: SasToken) -> Iterator[DoctorFinding]:
    """A token whose value the caller can read: decoded, and tried at the storage account."""
    if not sas.signed:
        what = f"secret {facts.secret_name} does not hold a SAS token"
        yield facts.fault("SAS token", what, checks.NO_TOKEN)
        return
    found = [*_times(facts, sas), *_rights_and_scope(facts, sas)]
    if CheckOutcome.FAULT not in {finding.outcome for finding in found}:
        found += _signature(facts)
    if sas.question_marks != 1:
        found.append(facts.warning("SAS form", "the token does not begin with one '?'", checks.TOKEN_FORM))
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
            yield facts.fault("SAS expiry", f"{token} has no expiry time", checks.NO_TOKEN)
    elif sas.expires <= facts.now:
        ago = _duration(facts.now - sas.expires)
        what = f"{token} expired {sas.expires:%Y-%m-%d %H:%M} UTC, {ago} ago"
        yield facts.fault("SAS expiry", what, transfers.TOKEN_REJECTED)
    elif ends_soon(sas.expires, facts.now):
        what = f"the token expires in {_duration(sas.expires - facts.now)}"
        yield facts.warning("SAS expiry", what, checks.TOKEN_ENDS_SOON)
    if sas.starts and sas.starts > facts.now:
        what = f"the token is valid only from {sas.starts:%Y-%m-%d %H:%M} UTC"
        yield facts.fault("SAS start", what, checks.TOKEN_NOT_YET_VALID)


def _rights_and_scope(facts: Facts, sas: SasToken) -> Iterator[DoctorFinding]:
    if lacks := sas.missing_rights(_needed(facts)):
        yield facts.fault("SAS rights", f"the token lacks {right_names(lacks)}", transfers.TOKEN_RIGHTS)
    if not sas.https_only:
        yield facts.warning("SAS protocol", "the token is valid over http too", checks.TOKEN_PROTOCOL)
    if sas.addresses:
        what = f"the token is valid only from {sas.addresses}"
        yield facts.fault("SAS address", what, checks.TOKEN_ADDRESS)
    if not sas.opens_container:
        yield facts.fault("SAS scope", "the token is not for a container", checks.TOKEN_SCOPE)
    elif sas.is_for_account:
        yield facts.warning("SAS scope", "the token is for the account", checks.TOKEN_OF_ACCOUNT)


def _signature(facts: Facts) -> Iterator[DoctorFinding]:
    """The result of using the token: decoding does not show which key signed it, or for which container."""
    if facts.rejection == "signature":
        what = f"storage rejects the token in secret {facts.secret_name}: its signature is wrong"
        yield facts.fault("SAS signature", what, transfers.TOKEN_REJECTED)
    elif facts.rejection:
        reason = f"storage answers {facts.rejection} to this machine"
        yield facts.not_seen("acceptance of the SAS token", reason)


def _unread_token(facts: Facts) -> Iterator[DoctorFinding]:
    """A token whose value the caller cannot read: the secret's tags and attributes describe it."""
    yield facts.not_seen("the SAS token")
    letters = ((facts.secret or {}).get("tags") or {}).get("acr-transfer-sp")
    if letters is not None and (lacks := set(_needed(facts)) - set(letters)):
        what = f"according to its tag, the token lacks {right_names(lacks)}"
        yield facts.fault("SAS rights", what, transfers.TOKEN_RIGHTS)
    attributes, keys = properties(facts.secret).get("attributes") or {}, facts.keys_created
    expires = datetime.fromtimestamp(float(ends), UTC) if (ends := attributes.get("exp")) else None
    if expires and expires <= facts.now:
        what = f"secret {facts.secret_name} has expired"
        yield facts.fault("SAS expiry", what, transfers.TOKEN_REJECTED)
    # Azure reports the secret's time in whole seconds.
    elif keys and float(attributes.get("updated") or "inf") + 1 < keys.timestamp():
        what = f"both keys of the account are newer than secret {facts.secret_name}"
        yield facts.fault("SAS signature", what, transfers.TOKEN_REJECTED)
    elif expires and ends_soon(expires, facts.now):
        what = f"secret {facts.secret_name} expires in {_duration(expires - facts.now)}"
        yield facts.warning("SAS expiry", what, checks.TOKEN_ENDS_SOON)


def _needed(facts: Facts) -> str:
    return needed_rights(facts.direction, deletes_blobs=facts.deletes_blobs)


def _duration(left: timedelta) -> str:
    hours = left.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours > 48 else f"{hours:.1f} hours"
