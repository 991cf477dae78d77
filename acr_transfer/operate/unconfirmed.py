"""What nobody has confirmed on Azure yet, the command that shows Azure's answer, and what to set then.

docs/azure-first-day.md shows all of it, `acr-transfer doctor --unconfirmed` what applies to a stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_DEFAULTS = {
    "storageAccess": "SasToken",
    "sourceTriggerStatus": "Enabled",
    "registryRoleAssignmentMode": "LegacyRegistryPermissions",
}
"""The values of keys that a stack does not set (docs/configuration.md)."""

_NOTHING = "nothing: the program works with each answer"
_RUNS = 'az rest --method get --uri "{registry}/pipelineRuns?api-version=2025-06-01-preview"'


@dataclass(frozen=True, kw_only=True)
class Unconfirmed:
    """One behavior of Azure that no source states."""

    name: str
    """The name of the sandbox's choice, or the words of docs/sandbox.md for an assumption without one."""

    question: str
    check: str
    """The command that shows the answer, with {side}, {stack}, {registry} (a resource ID) and {pipeline}."""

    shows: str
    """What the command shows for each answer."""

    setting: str = _NOTHING
    """What to set for the answer that the program does not expect."""

    side: str = ""
    """The side that meets it; empty for both."""

    when: Mapping[str, str] = field(default_factory=dict)
    """The values of configuration keys with which a stack meets it."""

    needs: str = ""
    """A key that has a value in a stack that meets it."""

    def applies(self, side: str, config: Mapping[str, str]) -> bool:
        """Whether a stack of this side meets it, by its configuration without the namespace of its keys."""
        return (
            self.side in ("", side)
            and (not self.needs or self.needs in config)
            and all((config.get(key) or _DEFAULTS[key]) == value for key, value in self.when.items())
        )


UNCONFIRMED = (
    Unconfirmed(
        name="failed-run",
        question="Does the operation of a failed run fail too?",
        check="pulumi up -s {stack}",
        shows="with one artifact that does not exist: `up` fails and names it, or `up` ends and the output "
        "`runs` has the status Failed",
    ),
    Unconfirmed(
        name="same-run",
        question="What does a repeated request for a running run return?",
        check="pulumi up -s {stack}",
        shows="after Ctrl-C during a run: it waits for the same run, or it fails with 409 Conflict",
        setting="after 409: repeat `pulumi up` when `acr-transfer status` shows the end of the run",
    ),
    Unconfirmed(
        name="same-failed-run",
        question="Does a repeated request for a failed run start it again?",
        check="az acr pipeline-run create --resource-group <group> --registry <registry> --name <failed run> "
        "--pipeline <pipeline> --pipeline-type export --storage-blob <blob> --artifacts <artifacts>",
        shows="the failed run with its old start, or with a new one",
    ),
    Unconfirmed(
        name="delete-running",
        question="Can a running run be deleted?",
        check="pulumi destroy -s {stack}",
        shows="during a run: it is deleted, or 409 Conflict",
        setting="after 409: repeat the command when `acr-transfer status` shows the end of the run",
    ),
    Unconfirmed(
        name="delete-used",
        question="Can a pipeline be deleted while runs name it?",
        check="pulumi destroy -s {stack}",
        shows="it succeeds, or 409 Conflict",
        setting="after 409: `acr-transfer clean --older-than 0 --all-runs --yes`, then repeat the command",
    ),
    Unconfirmed(
        name="existing",
        question="What happens to an existing blob or tag without the overwrite option?",
        check="acr-transfer status --only {side} --{side} {stack}",
        shows="after a repeated run: the run failed and names it, or it succeeded",
        setting="keep OverwriteBlobs or OverwriteTags in acr-transfer:options, which is the default",
    ),
    Unconfirmed(
        name="partial",
        question="What is the status of a run that ContinueOnErrors continued?",
        check="acr-transfer status --only {side} --{side} {stack}",
        shows="Succeeded with a message, or Failed",
    ),
    Unconfirmed(
        name="progress",
        question="Which percentages does a run report?",
        check="acr-transfer status --only {side} --{side} {stack} --watch",
        shows="several percentages, or only 0 and 100",
    ),
    Unconfirmed(
        name="trigger-name",
        question="How are the runs of a trigger named?",
        check=_RUNS,
        shows="the names after an import: with an underscore or without",
        side="target",
        when={"sourceTriggerStatus": "Enabled"},
    ),
    Unconfirmed(
        name="run-order",
        question="In which order are runs listed?",
        check=_RUNS,
        shows="the `startTime` of the first and the last run",
    ),
    Unconfirmed(
        name="list-needs",
        question="Does a list of a resource group need a right on the group?",
        check="az resource list --resource-group <group>",
        shows="as an identity with rights on one resource only: its resource, or 403 AuthorizationFailed",
        setting="after 403: the role Reader on the resource group, as docs/rights.md lists it",
    ),
    Unconfirmed(
        name="operation-needs",
        question="Which right does the status of an operation need?",
        check="pulumi up -s {stack}",
        shows="as an identity with a custom role of docs/roles: it succeeds, or 403 names the action",
        setting="after 403: add the action of the message to the custom role",
    ),
    Unconfirmed(
        name="run-needs-pipeline",
        question="Does the request for a run need a right on its pipeline?",
        check="pulumi up -s {stack}",
        shows="as an identity with a custom role of docs/roles: it succeeds, or 403 names the action",
        setting="after 403: add the action of the message to the custom role",
    ),
    Unconfirmed(
        name="bad-run",
        question="When is an invalid run refused?",
        check="pulumi up -s {stack}",
        shows="with an artifact that does not exist: 400 at once, or a failed run",
    ),
    Unconfirmed(
        name="unfit-registry",
        question="When is a registry refused that is not Premium or has exports disabled?",
        check="acr-transfer doctor --only {side} --{side} {stack}",
        shows="the fault before any request: the program checks the registry itself",
    ),
    Unconfirmed(
        name="vault-uri-unused",
        question="Does a pipeline with ManagedIdentity keep a key vault URI?",
        check='az rest --method get --uri "{pipeline}?api-version=2025-06-01-preview"',
        shows="after a switch from SasToken: `keyVaultUri` or none",
        when={"storageAccess": "ManagedIdentity"},
    ),
    Unconfirmed(
        name="old-version-update",
        question="Does a pipeline keep its access mode when an older API version updates it?",
        check='az rest --method get --uri "{pipeline}?api-version=2025-06-01-preview"',
        shows="after a switch to SasToken: SasToken, which the program sets in this version",
        when={"storageAccess": "SasToken"},
    ),
    Unconfirmed(
        name="vault-uri-missing",
        question="Is a pipeline with SasToken and without a key vault URI accepted?",
        check='az rest --method get --uri "{pipeline}?api-version=2025-06-01-preview"',
        shows="`keyVaultUri`: the program always sets it",
        when={"storageAccess": "SasToken"},
    ),
    Unconfirmed(
        name="vault-system-identity",
        question="Does a closed vault admit a pipeline's system-assigned identity as a trusted service?",
        check="acr-transfer status --only {side} --{side} {stack}",
        shows="with acr-transfer:vaultAddresses: the run succeeds, or it fails with 403 from the vault",
        setting="after 403: remove acr-transfer:vaultAddresses, or set acr-transfer:storageAccess to "
        "ManagedIdentity",
        when={"storageAccess": "SasToken"},
        needs="vaultAddresses",
    ),
    Unconfirmed(
        name="vault-user-identity",
        question="Does a closed vault admit a pipeline's user-assigned identity as a trusted service?",
        check="acr-transfer status --only {side} --{side} {stack}",
        shows="with an existing vault that is closed: the run succeeds, or it fails with 403 from the vault",
        setting="after 403: open the vault, or remove acr-transfer:identity and acr-transfer:createIdentity",
        when={"storageAccess": "SasToken"},
        needs="vault",
    ),
    Unconfirmed(
        name="account-sas",
        question="Does a pipeline accept the SAS token of an account?",
        check="acr-transfer doctor --only {side} --{side} {stack}",
        shows="the scope of the token: the program creates that of a container",
        when={"storageAccess": "SasToken"},
    ),
    Unconfirmed(
        name="trigger-category",
        question="Does the trigger compare the case of a blob's metadata?",
        check="acr-transfer doctor --only {side} --{side} {stack}",
        shows="blobs without `category: acr-transfer-blob`: `hop` and `unpack` keep it as it is",
        side="target",
        when={"sourceTriggerStatus": "Enabled"},
    ),
    Unconfirmed(
        name="missing-container",
        question="Does `pulumi refresh` accept that a container was deleted?",
        check="pulumi refresh -s {stack}",
        shows="after the container was deleted by hand: it is removed from the state, or ContainerNotFound",
        setting="after ContainerNotFound: `pulumi up` without a refresh, which creates the container",
    ),
    Unconfirmed(
        name="storage-operations",
        question="Does a storage account accept two changes at a time?",
        check="pulumi up -s {stack}",
        shows="it succeeds, or 409 StorageAccountOperationInProgress: the program sends one change at a time",
        setting="after 409, if somebody else changes the account: repeat `pulumi up`",
    ),
    Unconfirmed(
        name="other-cloud",
        question="Does the target's storage copy from the source's?",
        check="acr-transfer hop --source {source} --target {target} --way server",
        shows="the blobs are copied, or an error with the status and code of the refusal",
        setting="nothing: `--way auto` finds it out and streams if necessary",
        side="target",
    ),
    Unconfirmed(
        name="busy-copy-source",
        question="How does a copy from a URL fail while the source is busy?",
        check="acr-transfer hop --source {source} --target {target} --way server --log-file hop.log",
        shows="attempts after a status 429, 500 or 503, or after x-ms-copy-source-error-code",
        side="target",
    ),
    Unconfirmed(
        name="abac-pipeline",
        question="Does a pipeline need a role on a registry with the mode AbacRepositoryPermissions?",
        check="acr-transfer status --only {side} --{side} {stack}",
        shows="after its role on the registry was removed by hand: the next run fails with 401, or succeeds",
        setting="nothing: the program assigns the role, which changes nothing if it is not needed",
        when={"registryRoleAssignmentMode": "AbacRepositoryPermissions"},
    ),
    Unconfirmed(
        name="polls",
        question="How often does a completed operation report that it is not done?",
        check="az rest --method get --verbose --uri <the URL in Azure-AsyncOperation>",
        shows="Creating, then Succeeded",
    ),
    Unconfirmed(
        name="page-size",
        question="How many runs does a page of a list have?",
        check=_RUNS,
        shows="the number of entries before `nextLink`",
    ),
    Unconfirmed(
        name="missing-parent",
        question="What is the status of ParentResourceNotFound?",
        check='az rest --method get --uri "{registry}x/pipelineRuns?api-version=2025-06-01-preview"',
        shows="404 or 400",
    ),
    Unconfirmed(
        name="format of the blob",
        question="Which format does an exported blob have?",
        check="az storage blob download --auth-mode login --blob-url <URL> --file blob; tar -tf blob",
        shows="a list of files, or that it is no tar: the program copies the blob without reading it",
    ),
    Unconfirmed(
        name="missing artifacts",
        question="Does an export with a missing artifact write a blob?",
        check="acr-transfer status --only {side} --{side} {stack}",
        shows="with one artifact that does not exist: a failed run and no blob, or a blob without it",
        side="source",
    ),
    Unconfirmed(
        name="referrers",
        question="Are signatures and SBOMs transferred with their image?",
        check="oras discover <target login server>/<repository>:<tag>",
        shows="the referrers that were not in the list of artifacts, or none",
        setting="nothing: `acr-transfer plan` lists them by digest",
        side="target",
    ),
    Unconfirmed(
        name="a failed run of a trigger",
        question="Is a blob imported again after its import failed?",
        check=_RUNS,
        shows="15 minutes later: a second run for the blob, or none",
        setting="if none: delete the blob and copy it again, as `acr-transfer doctor` prints it",
        side="target",
        when={"sourceTriggerStatus": "Enabled"},
    ),
    Unconfirmed(
        name="PATCH",
        question="Does a PATCH merge as RFC 7396 says?",
        check="az acr update --name <registry> --tags a=b",
        shows="the tags: the program sends no PATCH",
    ),
    Unconfirmed(
        name="ETags of Azure Resource Manager",
        question="Do resources have ETags?",
        check='az rest --method get --verbose --uri "{pipeline}?api-version=2025-06-01-preview"',
        shows="the headers: the program sends no If-Match",
    ),
    Unconfirmed(
        name="interval of the trigger",
        question="When does the trigger import a new blob?",
        check="acr-transfer status --only {side} --{side} {stack} --watch",
        shows="the start of the run; the documentation says within 15 minutes",
        setting="a longer `--wait` of `acr-transfer prove`",
        side="target",
        when={"sourceTriggerStatus": "Enabled"},
    ),
    Unconfirmed(
        name="order of `metadata/endpoints`",
        question="Does the metadata document of a cloud name its endpoints as expected?",
        check="acr-transfer doctor --only {side} --{side} {stack}",
        shows="the checks, or an error that names the missing endpoint",
    ),
)
"""Every behavior: those that the sandbox can play, then its other assumptions."""


def command(
    each: Unconfirmed, side: str = "", stacks: Mapping[str, str] | None = None, pipeline: str = ""
) -> str:
    """The command for a stack, given with the other side's by side; unknown names stay in angle brackets."""
    side, known = side or each.side or "source", stacks or {}
    return each.check.format(
        side=side,
        stack=known.get(side, "<stack>"),
        source=known.get("source", "<source>"),
        target=known.get("target", "<target>"),
        registry=pipeline.rsplit("/", 2)[0] or "<the registry's resource ID>",
        pipeline=pipeline or "<the pipeline's resource ID>",
    )
