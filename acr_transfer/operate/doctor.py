"""What would make a transfer fail, found before it runs.

The service's prerequisites and its troubleshooting page, as rules over collected facts. docs/doctor.md maps
each sentence of that page to its check.
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites
https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence

from acr_transfer.model.failures import checks, proofs, transfers
from acr_transfer.model.limits import CLOCK_SKEW, TRIGGER_AGE
from acr_transfer.model.options import OVERWRITE_BLOBS, has_option, option_fault
from acr_transfer.model.storage_network import StorageNetwork, storage_network
from acr_transfer.operate.access_checks import access, registry_access
from acr_transfer.operate.facts import DoctorFinding, Facts, properties
from acr_transfer.operate.rights import Right

Rule = Callable[[Facts], Iterator[DoctorFinding]]

_SHOWN = 5
"""Names of one kind that are listed; the others are counted."""


def diagnose(facts: Facts, rules: Sequence[Rule] | None = None) -> list[DoctorFinding]:
    """All findings of one side, in the order of a transfer.

    An error of a rule becomes a finding too: the other rules still count.
    """
    found = [_unchecked(facts, what, error) for what, error in facts.errors.items()]
    for rule in RULES if rules is None else rules:
        try:
            found += list(rule(facts))
        except Exception as error:
            # The message could quote a secret, and the traceback's last line is the message.
            logging.getLogger(__name__).error("rule %s: %s", rule.__name__, type(error).__name__)
            found.append(_unchecked(facts, rule.__name__.replace("_", " "), type(error).__name__))
    return found


def _unchecked(facts: Facts, what: str, error: str) -> DoctorFinding:
    """The check itself failed: an error of this program, not of the stack."""
    return facts.warning(what, f"{what} could not be checked: {error}", checks.CHECK_FAILED)


def registry(facts: Facts) -> Iterator[DoctorFinding]:
    """The tier is Premium, and the export policy allows exports."""
    if facts.registry is None:
        yield facts.missing("the registry", checks.REGISTRY_MISSING)
        return
    name, tier = facts.registry.get("name"), (facts.registry.get("sku") or {}).get("name")
    if str(tier).lower() != "premium":
        yield facts.fault("tier", f"registry {name} is {tier}", checks.NOT_PREMIUM)
    else:
        yield facts.good("tier", f"registry {name} is Premium")
    policy = (properties(facts.registry).get("policies") or {}).get("exportPolicy") or {}
    if facts.side == "source" and str(policy.get("status") or "").lower() == "disabled":
        what = f"the export policy of registry {name} is disabled"
        yield facts.fault("export policy", what, transfers.EXPORTS_DISABLED)


def caller(facts: Facts) -> Iterator[DoctorFinding]:
    """The caller has every right that the commands and `pulumi up` need; docs/rights.md lists them."""
    if "your rights" in facts.unseen:
        yield facts.not_seen("your rights")
    for what, known, rights in _lacking(facts, facts.lacking_to_operate):
        needed = f"{what}; needed by {', '.join(dict.fromkeys(right.needed_by for right in rights))}"
        yield facts.fault("your rights", needed, checks.CALLER_CANNOT_OPERATE, **known)
    for what, known, _ in _lacking(facts, facts.lacking_to_deploy):
        yield facts.warning("your rights", what, checks.CALLER_CANNOT_DEPLOY, **known)


def _lacking(facts: Facts, lacking: Sequence[Right]) -> Iterator[tuple[str, dict[str, str], list[Right]]]:
    """The missing actions of each built-in role, and the role and the scope that add them."""
    for place, role in dict.fromkeys((right.place, right.role) for right in lacking):
        rights = [right for right in lacking if (right.place, right.role) == (place, role)]
        actions = ", ".join(dict.fromkeys(right.action for right in rights))
        yield f"you lack on the {place}: {actions}", {"role": role, "scope": facts.scopes[place]}, rights


def pipeline(facts: Facts) -> Iterator[DoctorFinding]:
    """The pipeline exists, is provisioned, and has an identity and options of its kind."""
    if facts.pipeline is None:
        yield facts.missing("the pipeline", transfers.PIPELINE_MISSING)
        return
    name, state = facts.pipeline.get("name"), properties(facts.pipeline).get("provisioningState")
    if state != "Succeeded":
        yield facts.fault("pipeline", f"pipeline {name} is {state}", checks.PIPELINE_FAILED)
    if not facts.principal:
        yield facts.fault("identity", f"pipeline {name} has no identity", checks.NO_IDENTITY)
    faults = [(option, option_fault(option, facts.direction)) for option in facts.options]
    if unknown := [f"{option} ({fault})" for option, fault in faults if fault]:
        what = f"pipeline {name} has unknown options: {', '.join(unknown)}"
        yield facts.fault("options", what, checks.UNKNOWN_OPTION)
    elif state == "Succeeded" and facts.principal:
        yield facts.good("pipeline", f"pipeline {name} exists and has an identity")


def storage(facts: Facts) -> Iterator[DoctorFinding]:
    """The container exists, its account is reachable, and shared keys work if SAS tokens are used."""
    if facts.account is None:
        yield facts.missing("the storage account", checks.ACCOUNT_MISSING)
        return
    name = facts.account.get("name")
    if facts.container is None:
        yield facts.missing("the container", transfers.CONTAINER_MISSING)
    else:
        yield facts.good("container", f"container {facts.container.get('name')} exists in account {name}")
    settings = properties(facts.account)
    action = (settings.get("networkAcls") or {}).get("defaultAction")
    network = storage_network(str(settings.get("publicNetworkAccess") or ""), str(action or ""))
    if network is not StorageNetwork.OPEN:
        closed = "is closed to the public network" if network is StorageNetwork.DISABLED else "has a firewall"
        yield facts.fault("network", f"account {name} {closed}", transfers.STORAGE_FIREWALL)
    if settings.get("allowSharedKeyAccess") is False and not facts.by_identity:
        what = f"account {name} has shared key access disabled"
        yield facts.fault("shared key", what, transfers.SHARED_KEYS)


def exports(facts: Facts) -> Iterator[DoctorFinding]:
    """At the source: the listed artifacts exist and can move, and their blobs can be written."""
    if facts.side != "source":
        return
    if facts.absent:
        what = f"{_some(facts.absent)} not in the registry under this name"
        yield facts.fault("artifacts", what, transfers.ARTIFACT_MISSING)
    for image, reason in facts.unreadable.items():
        yield facts.fault("artifacts", reason, proofs.UNREADABLE, image=image)
    if facts.moved:
        hidden = len(facts.moved) - _SHOWN
        what = "; ".join([*map(str, facts.moved[:_SHOWN]), *([f"and {hidden} more"] if hidden > 0 else [])])
        yield facts.warning("moved tags", what, proofs.TAG_MOVED)
    for reason in facts.unsupported:
        yield facts.warning("artifacts", reason, transfers.ARTIFACT_UNSUPPORTED)
    if "the artifacts" in facts.unseen:
        yield facts.not_seen("the artifacts")
    elif facts.artifacts and not (facts.absent or facts.unreadable):
        yield facts.good("artifacts", f"all {facts.artifacts:,} listed artifacts are in the registry")
    yield from _lost_blobs(facts)
    existing = [blob.name for blob in facts.blobs or () if blob.name in facts.handover_blobs]
    if existing and facts.pipeline and not has_option(facts.options, OVERWRITE_BLOBS):
        name = facts.pipeline.get("name")
        what = f"pipeline {name} has no OverwriteBlobs, and {_some(existing)} in the container"
        yield facts.warning("options", what, transfers.BLOB_EXISTS)


def _lost_blobs(facts: Facts) -> Iterator[DoctorFinding]:
    """Blobs that the target needs; with the container, all of them are exported again anyway."""
    if facts.blobs is None:
        return
    present = {blob.name for blob in facts.blobs}
    if lost := [name for name in facts.needed_blobs or () if name not in present]:
        what = f"{_some(lost)} in the hand-over, but not in the container, and not at the target"
        yield facts.warning("blobs", what, transfers.BLOB_LOST)


def imports(facts: Facts) -> Iterator[DoctorFinding]:
    """At the target: a trigger or the stack imports, and every blob has what the trigger requires."""
    if facts.side != "target" or facts.pipeline is None:
        return
    trigger = (properties(facts.pipeline).get("trigger") or {}).get("sourceTrigger") or {}
    enabled = str(trigger.get("status") or "").lower() == "enabled"
    if enabled:
        yield facts.good("trigger", "the trigger imports new blobs within 15 minutes")
    else:
        yield facts.good("trigger", f"the trigger is disabled: `pulumi up -s {facts.stack}` imports")
    if facts.blobs is None:
        yield facts.not_seen("the blobs")
        return
    yield from _ignored_blobs(facts, enabled=enabled)
    if enabled:
        yield from _failed_imports(facts)
    if lacking := facts.lacking_blobs:
        what = f"{_some(lacking)} in the hand-over, but not in the container"
        yield facts.warning("blobs", what, transfers.BLOB_MISSING)


def _ignored_blobs(facts: Facts, *, enabled: bool) -> Iterator[DoctorFinding]:
    """Blobs that the trigger ignores."""
    for blob in facts.blobs or ():
        marks = (("category", blob.has_category), ("Content-MD5", blob.has_md5))
        if lacks := [word for word, present in marks if not present]:
            what = f"blob {blob.name} has no {' and no '.join(lacks)}"
            yield facts.fault("blob", what, checks.BLOB_IGNORED, blob=blob.name)
        elif enabled and blob.name not in facts.imported and facts.now - blob.modified > TRIGGER_AGE:
            what = f"blob {blob.name} is older than {TRIGGER_AGE.days} days"
            yield facts.warning("blob", what, checks.BLOB_IGNORED, blob=blob.name)


def _failed_imports(facts: Facts) -> Iterator[DoctorFinding]:
    """Blobs whose import failed, and that have not changed since: the trigger does not start it again."""
    for blob in facts.blobs or ():
        run = facts.failed.get(blob.name)
        if run and (run.started is None or blob.modified <= run.started):
            what = f"the import of blob {blob.name} by run {run.name} failed"
            yield facts.fault("import", what, transfers.IMPORT_FAILED, blob=blob.name)


_FAILURES = {"Vault": transfers.VAULT_MISSING, "Secret": transfers.SECRET_MISSING}
"""The failures of deleted resources that `pulumi up --refresh` does not create again."""


def state(facts: Facts) -> Iterator[DoctorFinding]:
    """Every resource of the stack's state exists, apart from those that other checks name."""
    for what in facts.unseen:
        if what == "the runs" or what.endswith("in the stack's state"):
            yield facts.not_seen(what)
    for name in facts.replaced_pipelines:
        what = f"pipeline {name} was replaced, but not deleted"
        yield facts.fault("state", what, checks.PIPELINE_REPLACED)
    checked = {"StorageAccount", "BlobContainer", f"{str(facts.direction).capitalize()}Pipeline"}
    checked |= {*_FAILURES} if facts.pipeline else set()
    for kind, names in _by_kind(facts).items():
        if kind not in checked:
            what = f"{_spoken(kind)} {_some(names)} in the stack's state, but not in Azure"
            yield facts.fault("state", what, _FAILURES.get(kind, checks.RESOURCE_DELETED))


def _by_kind(facts: Facts) -> dict[str, list[str]]:
    """The names of the deleted resources by the kind of resource."""
    kinds = sorted({each.kind for each in facts.deleted})
    return {kind: [each.name for each in facts.deleted if each.kind == kind] for kind in kinds}


def _spoken(kind: str) -> str:
    """`RoleAssignment` as `role assignment`."""
    return re.sub("(?<!^)(?=[A-Z])", " ", kind).lower()


def clock(facts: Facts) -> Iterator[DoctorFinding]:
    """This machine's clock agrees with the cloud's."""
    if facts.clock is not None and abs(facts.clock) > CLOCK_SKEW.total_seconds():
        way = "ahead of" if facts.clock > 0 else "behind"
        what = f"this machine's clock is {abs(facts.clock):.0f} s {way} the cloud's"
        yield facts.warning("clock", what, checks.CLOCK)


RULES: tuple[Rule, ...] = (
    registry,
    caller,
    storage,
    pipeline,
    registry_access,
    access,
    exports,
    imports,
    state,
    clock,
)
"""All rules, in the order of a transfer; the container first, because a refresh may fail without it."""


def _some(names: Sequence[str]) -> str:
    """`a is`, `a, b are`; of many names the first few and the number of the others."""
    listed = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{listed}{more} {'is' if len(names) == 1 else 'are'}"
