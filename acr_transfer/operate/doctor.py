"""What would make a transfer fail, found before the wait.

The service's prerequisites and its troubleshooting page, as rules over what was seen. docs/doctor.md says
which sentence of that page is checked where.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

from __future__ import annotations

from collections.abc import Iterator

from acr_transfer.model.limits import CLOCK_SKEW, TRIGGER_AGE
from acr_transfer.model.options import OVERWRITE_BLOBS, has_option, option_fault
from acr_transfer.model.storage_network import StorageNetwork, storage_network
from acr_transfer.operate.access_checks import way_in
from acr_transfer.operate.facts import Facts
from acr_transfer.operate.finding import Finding, Rule, fault, good, missing, unseen, up, warning

_SHOWN = 5
"""Names of one kind that are listed before the rest is counted."""


def examined(facts: Facts) -> list[Finding]:
    """All checks of one side, in the order in which a transfer meets them."""
    return [finding for rule in RULES for finding in rule(facts)]


def registry(facts: Facts) -> Iterator[Finding]:
    """Premium, and an export that is let out."""
    body = facts.registry
    if body is None:
        yield missing(facts, "the registry", "Nothing can move.", "name another: acr-transfer:registry")
        return
    name, tier = body.get("name"), (body.get("sku") or {}).get("name")
    if str(tier).lower() != "premium":
        mend = f"az acr update --name {name} --sku Premium"
        yield fault(facts, "tier", f"registry {name} is {tier}", "Only Premium has pipelines.", mend)
    else:
        yield good(facts, "tier", f"registry {name} is Premium")
    policy = ((body.get("properties") or {}).get("policies") or {}).get("exportPolicy") or {}
    if facts.side == "source" and str(policy.get("status") or "").lower() == "disabled":
        mend = f"az acr update --name {name} --public-network-enabled true --allow-exports true"
        yield fault(
            facts, "export policy", f"registry {name} lets nothing out", "The export is refused.", mend
        )


def caller(facts: Facts) -> Iterator[Finding]:
    """Whoever deploys must be allowed to make pipelines and runs."""
    if facts.may_not:
        scope = f"--scope {(facts.registry or {}).get('id')}"
        role = '--role "Container Registry Transfer Pipeline Contributor"'
        what = f"you may not write {', '.join(facts.may_not)} of the registry"
        mend = f"az role assignment create --assignee <you> {role} {scope}"
        yield warning(facts, "your rights", what, "`pulumi up` by you is refused.", mend)


def pipeline(facts: Facts) -> Iterator[Finding]:
    """There, whole, with an identity, with options of its kind."""
    body = facts.pipeline
    if body is None:
        yield missing(facts, "the pipeline", "There is nothing to run.", up(facts))
        return
    name = body.get("name")
    state = str((body.get("properties") or {}).get("provisioningState"))
    if state != "Succeeded":
        yield fault(facts, "pipeline", f"pipeline {name} is {state}", "It runs nothing.", up(facts))
    if not facts.principal:
        why = "It can read neither vault nor storage."
        yield fault(facts, "identity", f"pipeline {name} has no identity", why, up(facts))
    faults = [(option, option_fault(option, facts.direction)) for option in facts.options]
    unknown = [f"{option} ({fault})" for option, fault in faults if fault]
    if unknown:
        what = f"pipeline {name} has unknown options: {', '.join(unknown)}"
        why = "The service does not know it for this kind of pipeline."
        yield fault(facts, "options", what, why, f"mend acr-transfer:options, then {up(facts)}")
    elif state == "Succeeded" and facts.principal:
        yield good(facts, "pipeline", f"pipeline {name} is there with its identity")


def storage(facts: Facts) -> Iterator[Finding]:
    """A container that can be reached from the public network, in an account whose keys work if they must."""
    if facts.account is None:
        yield missing(facts, "the storage account", "There is nowhere to put blobs.", up(facts))
        return
    name = facts.account.get("name")
    if facts.container is None:
        yield missing(facts, "the container", "A run ends with 404 from storage.", up(facts))
    else:
        yield good(facts, "container", f"container {facts.container.get('name')} is in account {name}")
    yield from _network(facts)
    if (facts.account.get("properties") or {}).get("allowSharedKeyAccess") is False and not facts.by_identity:
        why = "A SAS token is signed with a key, and none is taken."
        mend = "pulumi config set acr-transfer:storageAccess ManagedIdentity, or switch shared keys on"
        yield fault(facts, "shared key", f"account {name} takes no shared key", why, mend)


def _network(facts: Facts) -> Iterator[Finding]:
    """The account's network rules must let the service in, which comes over the public network."""
    properties, name = (facts.account or {}).get("properties") or {}, (facts.account or {}).get("name")
    action = (properties.get("networkAcls") or {}).get("defaultAction")
    network = storage_network(str(properties.get("publicNetworkAccess") or ""), str(action or ""))
    if network is StorageNetwork.OPEN:
        return
    closed = "is closed to the public network" if network is StorageNetwork.DISABLED else "has a firewall"
    why = "ACR Transfer comes over the public network and is not a trusted service of storage: 403."
    mend = f"az storage account update --name {name} --public-network-access Enabled --default-action Allow"
    yield fault(facts, "network", f"account {name} {closed}", why, mend)


def leaving(facts: Facts) -> Iterator[Finding]:
    """At the source: what is listed is there and can be carried, and its blobs can be written."""
    if facts.side != "source":
        return
    if facts.absent:
        what = f"{_some(facts.absent)} not in the registry, by this spelling"
        mend = "correct acr-transfer:artifacts, or make the lock again: acr-transfer plan"
        yield fault(facts, "artifacts", what, "The run exports nothing of it.", mend)
    for burden in facts.burdens:
        mend = "leave it out of acr-transfer:artifacts or of the rules of the lock, or rebuild it"
        yield warning(facts, "artifacts", burden, "The service does not carry it.", mend)
    if "the artifacts" in facts.unseen:
        yield unseen(facts, "the artifacts")
    elif facts.artifacts and not facts.absent:
        yield good(facts, "artifacts", f"all {facts.artifacts:,} listed artifacts are in the registry")
    there = [blob.name for blob in facts.blobs or () if blob.name in facts.expected]
    if there and facts.pipeline and not has_option(facts.options, OVERWRITE_BLOBS):
        name = facts.pipeline.get("name")
        what = f"pipeline {name} has no OverwriteBlobs, and {_some(there)} already there"
        mend = f"add OverwriteBlobs to acr-transfer:options, then {up(facts)}"
        yield warning(facts, "options", what, "A run that is made again cannot replace it.", mend)


def arriving(facts: Facts) -> Iterator[Finding]:
    """At the target: somebody imports, and every blob has what the trigger looks for."""
    if facts.side != "target" or facts.pipeline is None:
        return
    trigger = ((facts.pipeline.get("properties") or {}).get("trigger") or {}).get("sourceTrigger") or {}
    enabled = str(trigger.get("status") or "").lower() == "enabled"
    if enabled:
        yield good(facts, "trigger", "the trigger imports blobs when they arrive, within 15 minutes")
    else:
        yield good(facts, "trigger", f"the trigger is off: `{up(facts)}` imports")
    if facts.blobs is None:
        yield unseen(facts, "the blobs")
        return
    yield from _unread(facts, enabled=enabled)
    here = {blob.name for blob in facts.blobs} | facts.imported
    lacking = [name for name in facts.expected if name not in here]
    if lacking:
        why = "There is nothing to import yet."
        what = f"of the hand-over, {_some(lacking)} not here"
        yield warning(facts, "blobs", what, why, "acr-transfer hop, or unpack where no network leads here")


def _unread(facts: Facts, *, enabled: bool) -> Iterator[Finding]:
    """Blobs that the trigger would not take."""
    mend = "delete it, and copy it again with `acr-transfer hop`"
    for blob in facts.blobs or ():
        marks = (("category", blob.marked), ("Content-MD5", blob.hashed))
        lacks = [word for word, there in marks if not there]
        if lacks:
            what = f"blob {blob.name} has no {' and no '.join(lacks)}"
            yield fault(facts, "blob", what, "The trigger stays silent about it.", mend)
        elif enabled and blob.name not in facts.imported and facts.now - blob.changed > TRIGGER_AGE:
            what = f"blob {blob.name} is older than 60 days"
            yield warning(facts, "blob", what, "The trigger takes blobs of the last 60 days.", mend)


def clock(facts: Facts) -> Iterator[Finding]:
    """This machine's clock against the cloud's: tokens made or judged here depend on it."""
    if facts.clock is not None and abs(facts.clock) > CLOCK_SKEW.total_seconds():
        way = "ahead of" if facts.clock > 0 else "behind"
        what = f"this machine is {abs(facts.clock):.0f} s {way} the cloud"
        why = "Times in SAS tokens and logins are judged by the cloud's clock."
        yield warning(facts, "clock", what, why, "set this machine's clock, for instance with NTP")


RULES: tuple[Rule, ...] = (registry, caller, pipeline, storage, way_in, leaving, arriving, clock)
"""Every rule, each once."""


def _some(names: tuple[str, ...] | list[str]) -> str:
    """`a is`, `a, b are`, and of many the first few and the number of the others."""
    listed = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{listed}{more} {'is' if len(names) == 1 else 'are'}"
