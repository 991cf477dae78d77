"""What would make a transfer fail, found before the wait.

The service's prerequisites and its troubleshooting page, as rules over what was seen:
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from transfer.examining import Facts

_CONTRIBUTOR = {"ba92f5b4-2d11-453d-a403-e96b0029c9fe", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"}
_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
_SECRETS = {
    "4633458b-17de-408a-b874-0445c86b69e6",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483",
}
_OPTIONS = {
    "source": {"overwriteblobs", "continueonerrors"},
    "target": {"overwritetags", "deletesourceblobonsuccess", "continueonerrors"},
}
_AGE = timedelta(days=60)
_SOON = timedelta(hours=1)
_SKEW = 300.0
_UP = "pulumi up -s {side}"


class Verdict(StrEnum):
    """What a check came to."""

    GOOD = "good"
    FAULT = "fault"
    WARNING = "warning"
    UNSEEN = "not seen"


@dataclass(frozen=True)
class Finding:
    """One check: what was found, why a transfer would fail, and what mends it."""

    side: str
    check: str
    verdict: Verdict
    what: str
    why: str = ""
    mend: str = ""


Rule = Callable[[Facts], Iterator[Finding]]


def examined(facts: Facts) -> list[Finding]:
    """All checks of one side, in the order in which a transfer meets them."""
    return [finding for rule in RULES for finding in rule(facts)]


def registry(facts: Facts) -> Iterator[Finding]:
    """Premium, and an export that is let out."""
    body = facts.registry
    if body is None:
        yield _missing(
            facts, "registry", "the registry", "Nothing can move.", "name another: acr-transfer:registry"
        )
        return
    name, tier = body.get("name"), (body.get("sku") or {}).get("name")
    if str(tier).lower() != "premium":
        mend = f"az acr update --name {name} --sku Premium"
        yield _fault(facts, "tier", f"registry {name} is {tier}", "Only Premium has pipelines.", mend)
    else:
        yield _good(facts, "tier", f"registry {name} is Premium")
    policy = ((body.get("properties") or {}).get("policies") or {}).get("exportPolicy") or {}
    if facts.side == "source" and str(policy.get("status") or "").lower() == "disabled":
        mend = f"az acr update --name {name} --public-network-enabled true --allow-exports true"
        yield _fault(
            facts, "export policy", f"registry {name} lets nothing out", "The export is refused.", mend
        )


def pipeline(facts: Facts) -> Iterator[Finding]:
    """There, whole, with an identity, with options of its kind."""
    body = facts.pipeline
    if body is None:
        yield _missing(facts, "pipeline", "the pipeline", "There is nothing to run.", _up(facts))
        return
    name, properties = body.get("name"), body.get("properties") or {}
    state = str(properties.get("provisioningState"))
    if state != "Succeeded":
        yield _fault(facts, "pipeline", f"pipeline {name} is {state}", "It runs nothing.", _up(facts))
    if not facts.principal:
        why = "It can read neither vault nor storage."
        yield _fault(facts, "identity", f"pipeline {name} has no identity", why, _up(facts))
    strange = {
        str(each) for each in properties.get("options") or () if str(each).lower() not in _OPTIONS[facts.side]
    }
    if strange:
        listed = ", ".join(sorted(strange))
        why = "The service does not know it for this kind of pipeline."
        yield _fault(
            facts,
            "options",
            f"pipeline {name} has {listed}",
            why,
            "mend acr-transfer:options, then pulumi up",
        )
    elif state == "Succeeded" and facts.principal:
        yield _good(facts, "pipeline", f"pipeline {name} is there with its identity")


def storage(facts: Facts) -> Iterator[Finding]:
    """A container that can be reached from the public network, in an account whose keys work if they must."""
    if facts.account is None:
        yield _missing(
            facts, "storageAccounts", "the storage account", "There is nowhere to put blobs.", _up(facts)
        )
        return
    properties, name = facts.account.get("properties") or {}, facts.account.get("name")
    if facts.container is None:
        yield _missing(facts, "container", "the container", "A run ends with 404 from storage.", _up(facts))
    else:
        yield _good(facts, "container", f"container {facts.container.get('name')} is in account {name}")
    network = properties.get("networkAcls") or {}
    closed = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    if closed or str(network.get("defaultAction") or "").lower() == "deny":
        why = "ACR Transfer comes over the public network and is no trusted service of storage: 403."
        mend = (
            f"az storage account update --name {name} --public-network-access Enabled --default-action Allow"
        )
        yield _fault(facts, "network", f"account {name} is closed to the public network", why, mend)
    if properties.get("allowSharedKeyAccess") is False and not facts.by_identity:
        why = "A SAS token is signed with a key, and none is taken."
        mend = "pulumi config set acr-transfer:storageAccess ManagedIdentity, or switch shared keys on"
        yield _fault(facts, "shared key", f"account {name} takes no shared key", why, mend)


def way_in(facts: Facts) -> Iterator[Finding]:
    """The role of the identity, or the token in the vault and the right to read it."""
    if facts.pipeline is None:
        return
    yield from _by_role(facts) if facts.by_identity else _by_token(facts)


def _by_role(facts: Facts) -> Iterator[Finding]:
    if "role assignments" in facts.unseen:
        yield _unseen(facts, "role assignments")
    elif facts.roles & _CONTRIBUTOR or (_READER in facts.roles and not _writes(facts)):
        yield _good(facts, "role", "the pipeline's identity has its role on the container")
    else:
        why = "Storage answers 403 to the run."
        yield _fault(
            facts, "role", "the pipeline's identity lacks Storage Blob Data Contributor", why, _up(facts)
        )


def _by_token(facts: Facts) -> Iterator[Finding]:
    uri = str(facts.place.get("keyVaultUri") or "")
    if facts.vault is None:
        yield _missing(facts, "vaults", "the key vault", "The run cannot read its token.", _up(facts))
        return
    if uri.rstrip("/").count("/") > 4:
        why = "A new token is a new version, which the pipeline would not see."
        yield _warning(facts, "secret URI", "the pipeline names one version of the secret", why, _up(facts))
    if facts.principal:
        yield from _grant(facts)
    if facts.secret is None:
        yield _missing(facts, "secret", "the SAS secret", "The run ends with 404 from the vault.", _up(facts))
    elif facts.token is not None:
        yield from token(facts)
    else:
        yield from _tags(facts)


def _grant(facts: Facts) -> Iterator[Finding]:
    properties = (facts.vault or {}).get("properties") or {}
    name = (facts.vault or {}).get("name")
    if properties.get("enableRbacAuthorization"):
        if "role assignments" in facts.unseen:
            yield _unseen(facts, "role assignments")
            return
        allowed = bool(facts.roles & _SECRETS)
    else:
        allowed = any(
            policy.get("objectId") == facts.principal
            and {"get", "all"}
            & {str(each).lower() for each in (policy.get("permissions") or {}).get("secrets") or ()}
            for policy in properties.get("accessPolicies") or ()
        )
    if allowed:
        yield _good(facts, "vault", f"the pipeline's identity may read secrets of {name}")
    else:
        why = "The run ends with 403 from the vault."
        yield _fault(
            facts, "vault", f"the pipeline's identity may not read secrets of {name}", why, _up(facts)
        )


def token(facts: Facts) -> Iterator[Finding]:
    """What the SAS token allows, decoded here; storage would only say 403."""
    sas = facts.token
    assert sas is not None
    rotate = f"pulumi config set acr-transfer:sasExpiry <later> -s {facts.side}, then {_up(facts)}"
    faults = list(_token_faults(facts, rotate))
    yield from faults
    if not any(finding.verdict is Verdict.FAULT for finding in faults) and sas.expires:
        left = sas.expires - facts.now
        yield _good(facts, "SAS token", f"the token allows what it must, for {_length(left)} more")


def _token_faults(facts: Facts, rotate: str) -> Iterator[Finding]:
    sas = facts.token
    assert sas is not None
    if not sas.signed:
        yield _fault(facts, "SAS token", "the secret holds no SAS token", "Storage answers 403.", rotate)
        return
    if sas.expires is None or sas.expires <= facts.now:
        ended = f"{sas.expires:%Y-%m-%d %H:%M} UTC" if sas.expires else "at no known time"
        yield _fault(facts, "SAS expiry", f"the token ended {ended}", "Storage answers 403.", rotate)
    elif sas.expires - facts.now < _SOON:
        left = _length(sas.expires - facts.now)
        yield _warning(facts, "SAS expiry", f"the token ends in {left}", "A run may outlive it.", rotate)
    if sas.starts and sas.starts > facts.now:
        why = "Storage answers 403 until then."
        yield _fault(
            facts, "SAS start", f"the token begins only {sas.starts:%Y-%m-%d %H:%M} UTC", why, rotate
        )
    lacks = _needed(facts) - sas.permissions
    if lacks:
        why = "Storage answers 403 to what it needs them for."
        what = f"the token lacks {_letters(lacks)}"
        yield _fault(facts, "SAS rights", what, why, _up(facts))
    if not sas.https_only:
        yield _warning(
            facts, "SAS protocol", "the token is good over http too", "It could be read.", _up(facts)
        )
    if sas.resource != "c" and not set("sco") <= set(sas.services):
        why = "Pipelines need a container's token."
        yield _fault(facts, "SAS scope", "the token is not for a container", why, _up(facts))
    if not sas.question_mark:
        why = "The service's documentation stores it with one."
        yield _warning(facts, "SAS form", "the token does not begin with one '?'", why, _up(facts))


def _tags(facts: Facts) -> Iterator[Finding]:
    """Where the value may not be read, the secret's tags say what was put there."""
    yield _unseen(facts, "the SAS token")
    tags = (facts.secret or {}).get("tags") or {}
    letters = tags.get("acr-transfer-sp")
    if letters is not None and (lacks := _needed(facts) - set(letters)):
        why = "Storage answers 403 to what it needs them for."
        yield _fault(facts, "SAS rights", f"by its tag the token lacks {_letters(lacks)}", why, _up(facts))
    attributes = ((facts.secret or {}).get("properties") or {}).get("attributes") or {}
    expires = attributes.get("exp")
    if expires and float(expires) <= facts.now.timestamp():
        rotate = f"pulumi config set acr-transfer:sasExpiry <later> -s {facts.side}, then {_up(facts)}"
        yield _fault(
            facts, "SAS expiry", "by its expiry the secret has ended", "Storage answers 403.", rotate
        )


def arriving(facts: Facts) -> Iterator[Finding]:
    """At the target: somebody imports, and every blob has what the trigger looks for."""
    if facts.side != "target" or facts.pipeline is None:
        return
    trigger = ((facts.pipeline.get("properties") or {}).get("trigger") or {}).get("sourceTrigger") or {}
    enabled = str(trigger.get("status") or "").lower() == "enabled"
    if enabled:
        yield _good(facts, "trigger", "the trigger imports blobs when they arrive, within 15 minutes")
    else:
        yield _good(facts, "trigger", "the trigger is off: `pulumi up` of the target imports")
    if facts.blobs is None:
        yield _unseen(facts, "blobs")
        return
    for blob in facts.blobs:
        lacks = [
            word for word, there in (("category", blob.marked), ("Content-MD5", blob.hashed)) if not there
        ]
        if lacks:
            why = "The trigger stays silent about it."
            mend = "delete it, and copy it again with `acr-transfer hop`"
            yield _fault(facts, "blob", f"blob {blob.name} has no {' and no '.join(lacks)}", why, mend)
        elif enabled and facts.now - blob.changed > _AGE:
            why = "The trigger takes blobs of the last 60 days."
            mend = "delete it, and copy it again with `acr-transfer hop`"
            yield _warning(facts, "blob", f"blob {blob.name} is older than 60 days", why, mend)


def clock(facts: Facts) -> Iterator[Finding]:
    """This machine's clock against the cloud's: tokens made or judged here depend on it."""
    if facts.clock is not None and abs(facts.clock) > _SKEW:
        way = "ahead of" if facts.clock > 0 else "behind"
        what = f"this machine is {abs(facts.clock):.0f} s {way} the cloud"
        why = "Times in SAS tokens and logins are judged by the cloud's clock."
        yield _warning(facts, "clock", what, why, "set this machine's clock, for instance with NTP")


RULES: tuple[Rule, ...] = (registry, pipeline, storage, way_in, arriving, clock)
"""Every rule, each once."""


def _needed(facts: Facts) -> set[str]:
    if facts.side == "source":
        return set("rawl")
    return set("rld") if _deletes(facts) else set("rl")


def _deletes(facts: Facts) -> bool:
    options = ((facts.pipeline or {}).get("properties") or {}).get("options") or ()
    return "deletesourceblobonsuccess" in {str(each).lower() for each in options}


def _writes(facts: Facts) -> bool:
    return facts.side == "source" or _deletes(facts)


def _letters(letters: set[str]) -> str:
    names = {"r": "read", "a": "add", "w": "write", "l": "list", "d": "delete"}
    return ", ".join(names[letter] for letter in "rawld" if letter in letters)


def _length(left: timedelta) -> str:
    hours = left.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours > 48 else f"{hours:.1f} hours"


def _up(facts: Facts) -> str:
    return _UP.format(side=facts.side)


def _good(facts: Facts, check: str, what: str) -> Finding:
    return Finding(facts.side, check, Verdict.GOOD, what)


def _fault(facts: Facts, check: str, what: str, why: str, mend: str) -> Finding:
    return Finding(facts.side, check, Verdict.FAULT, what, why, mend)


def _warning(facts: Facts, check: str, what: str, why: str, mend: str) -> Finding:
    return Finding(facts.side, check, Verdict.WARNING, what, why, mend)


def _unseen(facts: Facts, what: str) -> Finding:
    reason = facts.unseen.get(what, "not looked for")
    return Finding(facts.side, what, Verdict.UNSEEN, f"{what} could not be looked at: {reason}")


def _missing(facts: Facts, key: str, what: str, why: str, mend: str) -> Finding:
    seen = next((each for each in (key, what) if each in facts.unseen), "")
    return _unseen(facts, seen) if seen else _fault(facts, key, f"{what} is not there", why, mend)
