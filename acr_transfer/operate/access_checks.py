"""How a pipeline gets into its container: by a role, or by a SAS token in a vault; and what may stop it.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from acr_transfer.model.roles import can_read_secrets, can_use_container, container_role
from acr_transfer.model.sas import ends_soon, needed_rights, right_names
from acr_transfer.model.vault_permissions import can_get_secrets
from acr_transfer.operate.facts import Facts
from acr_transfer.operate.finding import Finding, Verdict, fault, good, missing, unseen, up, warning

_FORBIDDEN = "Storage answers 403."


def way_in(facts: Facts) -> Iterator[Finding]:
    """The role of the identity, or the token in the vault and the right to read it."""
    if facts.pipeline is None:
        return
    yield from _by_role(facts) if facts.by_identity else _by_token(facts)


def _by_role(facts: Facts) -> Iterator[Finding]:
    if "role assignments" in facts.unseen:
        yield unseen(facts, "role assignments")
    elif can_use_container(facts.roles, facts.direction, deletes_blobs=facts.deletes_blobs):
        yield good(facts, "role", "the pipeline's identity has its role on the container")
    else:
        role = container_role(facts.direction, deletes_blobs=facts.deletes_blobs)
        what = f"the pipeline's identity lacks {role.label}"
        yield fault(facts, "role", what, "Storage answers 403 to the run.", up(facts))


def _by_token(facts: Facts) -> Iterator[Finding]:
    uri = str(facts.place.get("keyVaultUri") or "")
    if facts.vault is None:
        yield missing(facts, "the key vault", "The run cannot read its token.", up(facts))
        return
    if uri.rstrip("/").count("/") > 4:
        why = "A new token is a new version, which the pipeline would not see."
        yield warning(facts, "secret URI", "the pipeline names one version of the secret", why, up(facts))
    yield from _closed_vault(facts)
    if facts.principal:
        yield from _grant(facts)
    if facts.secret is None:
        yield missing(facts, "the SAS secret", "The run ends with 404 from the vault.", up(facts))
        return
    yield from _switched_off(facts)
    yield from token(facts) if facts.token is not None else _tags(facts)


def _closed_vault(facts: Facts) -> Iterator[Finding]:
    """ACR is a trusted service of Key Vault: a closed vault lets it in, unless that is switched off too.

    https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints#trusted-services
    """
    vault = facts.vault or {}
    properties = vault.get("properties") or {}
    rules = properties.get("networkAcls") or {}
    closed = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    closed |= str(rules.get("defaultAction") or "").lower() == "deny"
    if closed and str(rules.get("bypass") or "AzureServices").lower() != "azureservices":
        name = vault.get("name")
        what = f"vault {name} is closed, to Azure's trusted services too"
        mend = f"az keyvault update --name {name} --bypass AzureServices"
        yield fault(facts, "vault network", what, "The run ends with 403 from the vault.", mend)


def _grant(facts: Facts) -> Iterator[Finding]:
    properties = (facts.vault or {}).get("properties") or {}
    name = (facts.vault or {}).get("name")
    if properties.get("enableRbacAuthorization"):
        if "role assignments" in facts.unseen:
            yield unseen(facts, "role assignments")
            return
        allowed = can_read_secrets(facts.roles)
    else:
        allowed = any(
            policy.get("objectId") == facts.principal
            and can_get_secrets((policy.get("permissions") or {}).get("secrets") or ())
            for policy in properties.get("accessPolicies") or ()
        )
    if allowed:
        yield good(facts, "vault", f"the pipeline's identity may read secrets of {name}")
    else:
        what = f"the pipeline's identity may not read secrets of {name}"
        yield fault(facts, "vault", what, "The run ends with 403 from the vault.", up(facts))


def _switched_off(facts: Facts) -> Iterator[Finding]:
    attributes = ((facts.secret or {}).get("properties") or {}).get("attributes") or {}
    if attributes.get("enabled") is False:
        place = f"--vault-name {(facts.vault or {}).get('name')} --name {facts.secret_name}"
        mend = f"az keyvault secret set-attributes {place} --enabled true"
        what = f"secret {facts.secret_name} is switched off"
        yield fault(facts, "secret", what, "The run ends with 403 from the vault.", mend)


def token(facts: Facts) -> Iterator[Finding]:
    """What the SAS token allows, decoded here, and what storage says to it."""
    faults = list(_token_faults(facts))
    yield from faults
    if any(finding.verdict is Verdict.FAULT for finding in faults):
        return
    assert facts.token is not None
    if facts.token.stored_policy:
        facts.unseen["rights and end of the SAS token"] = (
            f"stored access policy {facts.token.stored_policy} has them"
        )
        yield unseen(facts, "rights and end of the SAS token")
    elif facts.token.expires:
        left = facts.token.expires - facts.now
        yield good(facts, "SAS token", f"the token allows what it must, for {_length(left)} more")


def _token_faults(facts: Facts) -> Iterator[Finding]:
    sas = facts.token
    assert sas is not None
    if not sas.signed:
        what = f"secret {facts.secret_name} holds no SAS token"
        yield fault(facts, "SAS token", what, _FORBIDDEN, _rotate(facts))
        return
    decoded = [*_time_faults(facts), *_right_faults(facts), *_scope_faults(facts)]
    yield from decoded
    if not any(finding.verdict is Verdict.FAULT for finding in decoded):
        yield from _refused(facts)
    if sas.question_marks != 1:
        why = "The service's documentation stores it with one."
        yield warning(facts, "SAS form", "the token does not begin with one '?'", why, up(facts))


def _time_faults(facts: Facts) -> Iterator[Finding]:
    sas = facts.token
    assert sas is not None
    if sas.stored_policy and sas.expires is None:
        return
    if sas.expires is None:
        what = f"the token in secret {facts.secret_name} names no time at which it ends"
        yield fault(facts, "SAS expiry", what, _FORBIDDEN, _rotate(facts))
    elif sas.expires <= facts.now:
        ago = _length(facts.now - sas.expires)
        what = f"the token in secret {facts.secret_name} expired {sas.expires:%Y-%m-%d %H:%M} UTC, {ago} ago"
        yield fault(facts, "SAS expiry", what, _FORBIDDEN, _rotate(facts))
    elif ends_soon(sas.expires, facts.now):
        what = f"the token ends in {_length(sas.expires - facts.now)}"
        yield warning(facts, "SAS expiry", what, "A run may outlive it.", _rotate(facts))
    if sas.starts and sas.starts > facts.now:
        what = f"the token begins only {sas.starts:%Y-%m-%d %H:%M} UTC"
        yield fault(facts, "SAS start", what, "Storage answers 403 until then.", _rotate(facts))


def _right_faults(facts: Facts) -> Iterator[Finding]:
    assert facts.token is not None
    if lacks := facts.token.missing_rights(_needed(facts)):
        why = "Storage answers 403 to what it needs them for."
        yield fault(facts, "SAS rights", f"the token lacks {right_names(lacks)}", why, up(facts))


def _scope_faults(facts: Facts) -> Iterator[Finding]:
    sas = facts.token
    assert sas is not None
    if not sas.https_only:
        what = "the token is good over http too"
        yield warning(facts, "SAS protocol", what, "It could be read on the way.", up(facts))
    if sas.addresses:
        what = f"the token is good from {sas.addresses} alone"
        yield fault(facts, "SAS address", what, "The service comes from addresses of its own.", up(facts))
    if not sas.opens_container:
        why = "Pipelines need a container's token, or an account's with srt=sco and ss=b."
        yield fault(facts, "SAS scope", "the token is not for a container", why, up(facts))


def _refused(facts: Facts) -> Iterator[Finding]:
    """What cannot be decoded: whether a key of the account has signed the token for this container."""
    if facts.answer == "signature":
        what = f"storage does not take the token in secret {facts.secret_name}: its signature is wrong"
        why = "It was signed with a key that was rolled since, or for another account or container."
        yield fault(facts, "SAS signature", what, why, _rotate(facts))
    elif facts.answer:
        facts.unseen["whether storage takes the SAS token"] = f"from here it answers {facts.answer}"
        yield unseen(facts, "whether storage takes the SAS token")


def _tags(facts: Facts) -> Iterator[Finding]:
    """Where the value may not be read, the secret's tags say what was put there."""
    yield unseen(facts, "the SAS token")
    tags = (facts.secret or {}).get("tags") or {}
    letters = tags.get("acr-transfer-sp")
    if letters is not None and (lacks := set(_needed(facts)) - set(letters)):
        why = "Storage answers 403 to what it needs them for."
        yield fault(facts, "SAS rights", f"by its tag the token lacks {right_names(lacks)}", why, up(facts))
    attributes = ((facts.secret or {}).get("properties") or {}).get("attributes") or {}
    expires = attributes.get("exp")
    if expires and float(expires) <= facts.now.timestamp():
        what = f"by its expiry secret {facts.secret_name} has ended"
        yield fault(facts, "SAS expiry", what, _FORBIDDEN, _rotate(facts))
    # Azure tells the secret's time in whole seconds.
    elif facts.keys_made and float(attributes.get("updated") or "inf") + 1 < facts.keys_made.timestamp():
        what = f"both keys of the account are newer than secret {facts.secret_name}"
        why = "No key that is there has signed the token: storage answers 403."
        yield fault(facts, "SAS signature", what, why, _rotate(facts))


def _needed(facts: Facts) -> str:
    return needed_rights(facts.direction, deletes_blobs=facts.deletes_blobs)


def _length(left: timedelta) -> str:
    hours = left.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours > 48 else f"{hours:.1f} hours"


def _rotate(facts: Facts) -> str:
    return f"pulumi config set acr-transfer:sasExpiry <later> -s {facts.stack}, then {up(facts)}"
