"""Rules about storage accounts and containers, by themselves and in their use by pipelines."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from pulumi_policy import Severity

from acr_transfer.model.options import DELETE_SOURCE_BLOB
from acr_transfer.model.storage_network import StorageNetwork, storage_network
from policy.framework import links
from policy.framework.properties import MISSING, UNKNOWN, Value, is_other, known_items, peek, shown, text
from policy.framework.resource_types import (
    BLOB_CONTAINER,
    BLOB_SERVICE,
    MANAGEMENT_POLICY,
    PIPELINES,
    STORAGE_ACCOUNT,
)
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import (
    PREREQUISITES,
    TROUBLESHOOTING,
    Control,
    ResourceRule,
    RuleSetting,
    StackRule,
)

_PERIOD = re.compile(r"(\d+)\.(\d{1,2}):(\d{2}):(\d{2})")


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    remedy={"enableHttpsTrafficOnly": True},
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    fix="Set `enableHttpsTrafficOnly` to true.",
    url="https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer",
)
def storage_https_only(account: ResourceView) -> Iterator[Violation]:
    """Over HTTP, anyone on the network path can read a SAS token and use it."""
    if account.peek("enableHttpsTrafficOnly") is False:
        yield account.violation(f"Account {account} accepts requests over HTTP.")


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    remedy={"minimumTlsVersion": "TLS1_2"},
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    fix="Set `minimumTlsVersion` to TLS1_2.",
    url="https://learn.microsoft.com/azure/storage/common/transport-layer-security-configure-minimum-version",
)
def storage_min_tls(account: ResourceView) -> Iterator[Violation]:
    """TLS versions before 1.2 are insecure, and azure-native sets TLS 1.0 by default."""
    version = account.peek("minimumTlsVersion")
    if is_other(version, "TLS1_2", "TLS1_3"):
        yield account.violation(
            f"Account {account} accepts old TLS versions: its minimum is {shown(version)}."
        )


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    remedy={"allowBlobPublicAccess": False},
    severity=Severity.CRITICAL,
    control=Control.LEAST_PRIVILEGE,
    fix="Set `allowBlobPublicAccess` to false; by default an account may allow public access.",
    url="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent",
)
def storage_no_public_blobs(account: ResourceView) -> Iterator[Violation]:
    """Exported images are meant for the pipelines only; a public container shows them to everyone."""
    if account.peek("allowBlobPublicAccess") not in (False, UNKNOWN):
        yield account.violation(f"Containers of account {account} can be made public.")


@ResourceRule(
    types=(BLOB_CONTAINER,),
    severity=Severity.CRITICAL,
    control=Control.LEAST_PRIVILEGE,
    fix="Set `publicAccess` to None.",
    url="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure",
)
def storage_container_private(container: ResourceView) -> Iterator[Violation]:
    """Exported images are meant for the pipelines only; a public container shows them to everyone."""
    access = container.peek("publicAccess")
    if access is not MISSING and is_other(access, "None"):
        yield container.violation(f"Anyone can read container {container}.")


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    fix="Set `sasPolicy` to a `sasExpirationPeriod` such as 07.00:00:00 with the action Log; set "
    "Block only after a transfer has worked with it.",
    url="https://learn.microsoft.com/azure/storage/common/sas-expiration-policy",
    settings=(
        RuleSetting("maxDays", 7, "The longest life of SAS tokens that an account may allow, in days."),
    ),
)
def storage_sas_period(account: ResourceView) -> Iterator[Violation]:
    """Without a SAS policy, a token that is valid for years goes unnoticed."""
    period, limit = account.peek("sasPolicy.sasExpirationPeriod"), account.settings["maxDays"]
    if account.peek("allowSharedKeyAccess") is False or period is UNKNOWN:
        return
    days = _days(text(period))
    if days is None or days > limit:
        found = "There is no upper bound" if days is None else f"The upper bound is {days:g} days"
        yield account.violation(
            f"{found} on the life of SAS tokens of {account}; the limit is {limit:g} days."
        )


def _days(period: str) -> float | None:
    """The days of a period such as 07.00:00:00; None for any other text."""
    found = _PERIOD.fullmatch(period)
    if not found:
        return None
    days, hours, minutes, seconds = map(int, found.groups())
    return days + hours / 24 + minutes / 1440 + seconds / 86400


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Add AzureServices to `networkRuleSet.bypass`.",
    url="https://learn.microsoft.com/azure/storage/common/storage-network-security-trusted-azure-services",
)
def storage_trusted_bypass(account: ResourceView) -> Iterator[Violation]:
    """Without the bypass, a firewall also blocks the services that storage trusts, such as Azure Monitor."""
    action, bypass = account.peek("networkRuleSet.defaultAction"), account.peek("networkRuleSet.bypass")
    if text(action).lower() == "deny" and text(bypass) and "azureservices" not in text(bypass).lower():
        yield account.violation(f"The firewall of account {account} blocks trusted services.")


def _in_use(stack: StackView, *, by_sas: bool = False) -> list[ResourceView]:
    """The accounts that pipelines of the stack use: all of them, or those with a SAS token."""
    pipelines = [each for each in stack.of(*PIPELINES) if links.uses_sas(each) or not by_sas]
    return [account for each in pipelines for account in links.accounts(stack, each)]


def _network(account: ResourceView) -> StorageNetwork:
    action = text(account.peek("networkRuleSet.defaultAction"))
    return storage_network(text(account.peek("publicNetworkAccess")), action)


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Set `allowSharedKeyAccess` to true, or set the pipelines' `storageAccessMode` to ManagedIdentity.",
    url="https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
)
def storage_shared_key_for_sas(stack: StackView) -> Iterator[Violation]:
    """A SAS token is signed with an account key, so it does not work without shared key access."""
    for account in _in_use(stack, by_sas=True):
        if account.peek("allowSharedKeyAccess") is False:
            yield account.violation(f"SAS tokens of account {account} cannot work: shared key access is off.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.CENTRAL_IDENTITY,
    fix="Set `allowSharedKeyAccess` to false.",
    url="https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
)
def storage_shared_key_off(stack: StackView) -> Iterator[Violation]:
    """An account key opens the whole account, and pipelines need it for SAS tokens only."""
    for account in stack.of(STORAGE_ACCOUNT):
        users = [each for each in stack.of(*PIPELINES) if account in links.accounts(stack, each)]
        keys = account.peek("allowSharedKeyAccess")
        if users and all(map(links.uses_identity, users)) and keys not in (False, UNKNOWN):
            yield account.violation(
                f"No pipeline uses a SAS token of account {account}, so shared key access can be off."
            )


@StackRule(
    severity=Severity.HIGH,
    control=Control.NETWORK,
    fix="Set `publicNetworkAccess` to Enabled, or waive this rule after a run has worked.",
    url=TROUBLESHOOTING,
)
def storage_reachable(stack: StackView) -> Iterator[Violation]:
    """Pipelines reach storage over its public endpoint; without it, their runs fail with 403."""
    for account in _in_use(stack):
        if _network(account) is StorageNetwork.DISABLED:
            yield account.violation(f"The public endpoint of account {account} is off.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Set `networkRuleSet.defaultAction` to Allow, or test a run before you rely on it.",
    url="https://learn.microsoft.com/azure/storage/common/storage-network-security",
)
def storage_firewall_review(stack: StackView) -> Iterator[Violation]:
    """ACR Transfer has no published addresses and is not one of the services that storage trusts."""
    for account in _in_use(stack):
        if _network(account) is StorageNetwork.FIREWALLED:
            yield account.violation(f"The firewall of account {account} may refuse the pipelines.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.BACKUP,
    fix="Add BlobServiceProperties with `deleteRetentionPolicy` enabled for 7 days.",
    url="https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview",
)
def storage_soft_delete(stack: StackView) -> Iterator[Violation]:
    """Without soft delete, a blob that a failed import deleted cannot be restored."""
    kept = [
        account
        for service in stack.of(BLOB_SERVICE)
        if service.peek("deleteRetentionPolicy.enabled") in (True, UNKNOWN)
        for account in stack.referenced(service, "accountName", STORAGE_ACCOUNT)
    ]
    for account in stack.of(STORAGE_ACCOUNT):
        if account not in kept:
            yield account.violation(f"A blob deleted from account {account} cannot be restored.")


@StackRule(
    severity=Severity.LOW,
    control=Control.ASSET_LIFE,
    fix="Add a lifecycle rule for the container, or the option DeleteSourceBlobOnSuccess to its "
    "import pipeline.",
    url="https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview",
)
def storage_cleanup(stack: StackView) -> Iterator[Violation]:
    """Exported images that stay in the container cost money and remain readable."""
    for container in stack.of(BLOB_CONTAINER):
        users = [each for each in stack.of(*PIPELINES) if container in links.containers(stack, each)]
        emptied = any(links.has_option(each, DELETE_SOURCE_BLOB) for each in users)
        owners = stack.referenced(container, "accountName", STORAGE_ACCOUNT)
        if users and not emptied and not is_emptied(stack, owners, text(container.peek("name"))):
            yield container.violation(f"Exported images stay in container {container} forever.")


def is_emptied(stack: StackView, accounts: Sequence[ResourceView], container: str) -> bool:
    """Whether a lifecycle rule of these accounts may delete a container's blobs.

    It may if a preview does not know the container's name (empty then), the rule, or the rule's account.
    """
    for policy in stack.of(MANAGEMENT_POLICY):
        owners = stack.referenced(policy, "accountName", STORAGE_ACCOUNT)
        rules = policy.peek("policy.rules")
        fits = rules is UNKNOWN or any(_deletes(rule, container) for rule in known_items(rules))
        if fits and (not owners or any(each in accounts for each in owners)):
            return True
    return False


def _deletes(rule: Value, container: str) -> bool:
    action = peek(rule, "definition.actions.baseBlob.delete")
    prefixes = peek(rule, "definition.filters.prefixMatch")
    if not container or not isinstance(prefixes, list) or not prefixes:
        prefixes = [UNKNOWN]
    fits = any(each is UNKNOWN or f"{container}/".startswith(text(each)) for each in prefixes)
    return peek(rule, "enabled") is not False and action is not MISSING and fits


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Give each pipeline its own container.",
    url=PREREQUISITES,
)
def container_per_pipeline(stack: StackView) -> Iterator[Violation]:
    """Pipelines that share a container import, overwrite or delete each other's blobs."""
    for first, second in combinations(stack.of(*PIPELINES), 2):
        if share_container(stack, first, second):
            yield second.violation(f"Pipelines {first} and {second} share one container.")


def share_container(stack: StackView, first: ResourceView, second: ResourceView) -> bool:
    """Whether two pipelines use one container, by its URL or by the resource."""
    urls = links.container_url(first), links.container_url(second)
    if all(urls):
        return urls[0] == urls[1]
    used = links.containers(stack, first)
    return any(each in used for each in links.containers(stack, second))
