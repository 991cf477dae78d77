"""The commands whose rights are documented, on two pairs of stacks that the operator deployed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.blob import BlobClient

from sandbox import status
from sandbox.cloud.definitions import CLOUDS, SOURCE, TARGET
from sandbox.cloud.paths import CHECKOUT, Paths
from tests.engine.existing import Bearer
from tests.engine.projects import Project
from tests.rights.callers import Caller, blob_client, copy_blob
from tests.rights.set_ups import FEW, MANAGED, Right, grant, places_of, used

_VERSION = "2023-01-01-preview"
SideRight = tuple[str, str, str, bool]
"""Side, place, action, and whether it is a data action."""


@dataclass
class Pair:
    """A source stack and a target stack with a blob that was imported."""

    project: Project
    paths: Paths
    name: str

    @property
    def stacks(self) -> dict[str, str]:
        """Both stacks by side."""
        return {"source": f"{self.name}-source", "target": f"{self.name}-target"}

    @property
    def both(self) -> tuple[str, ...]:
        """The options that name both stacks."""
        return tuple(word for side, stack in self.stacks.items() for word in (f"--{side}", stack))

    def deploy(self, **config: Any) -> Pair:
        """Deploy both stacks, copy the blob and import it."""
        source, target = self.stacks.values()
        self.project.source(source, FEW, **config)
        self.project.source(f"{self.name}-new", FEW, **config)
        kept = {"sourceTriggerStatus": "Disabled", "options": ["OverwriteTags"]}
        self.project.target(target, source, **kept, **config)
        self.project.up(source)
        self.project.up(target)
        self.project.run("acr-transfer", "hop", *self.both)
        self.project.up(target)
        return self

    def places(self, side: str) -> dict[str, str]:
        """The places of one side."""
        definition = SOURCE if side == "source" else TARGET
        return places_of(definition, f"tests-{self.stacks[side]}")

    def blob(self, side: str, name: str) -> BlobClient:
        """A blob of one side, with all rights."""
        definition = SOURCE if side == "source" else TARGET
        url = f"{self.project.outputs(self.stacks[side])['containerUrl']}/{name}"
        return blob_client(self.paths, definition, url)

    def forget_copy(self) -> None:
        """Remove the blob at the target, and write it again at the source, so that `hop` copies it again."""
        for run in self.project.outputs(self.stacks["source"])["runs"]:
            blob = self.blob("target", run["blob"])
            if blob.exists():
                blob.delete_blob()
            exported = self.blob("source", run["blob"])
            exported.set_blob_metadata(exported.get_blob_properties().metadata)

    def leave_a_transfer(self) -> None:
        """Export and import a blob with runs that are in no stack, and leave another blob that no run names.

        `clean` removes the runs, the imported blob and the other one.
        """
        name = f"extra{uuid.uuid4().hex[:12]}"
        self._start("source", name, {"artifacts": FEW, "target": {"type": "AzureStorageBlob", "name": name}})
        copy_blob(self.blob("source", name), self.blob("target", name))
        copy_blob(self.blob("source", name), self.blob("source", f"{name}-of-no-run"))
        self._start("target", name, {"source": {"type": "AzureStorageBlob", "name": name}})

    def _start(self, side: str, name: str, request: dict[str, Any]) -> None:
        output = {"source": "exportPipelineId", "target": "importPipelineId"}[side]
        pipeline = self.project.outputs(self.stacks[side])[output]
        found = status.status(self.paths)["clouds"][side]
        client = ResourceManagementClient(
            Bearer(found["token"]),
            found["subscription"],
            base_url=found["arm"],
            credential_scopes=[f"{found['arm']}/.default"],
            connection_verify=found["ca"],
            polling_interval=0,
        )
        id = f"{pipeline.rsplit('/', 2)[0]}/pipelineRuns/{name}"
        body: Any = {"properties": {"request": {"pipelineResourceId": pipeline, **request}}}
        client.resources.begin_create_or_update_by_id(id, body, api_version=_VERSION).result()


def _nothing(pair: Pair) -> None:
    del pair


def _sees_everything(output: str) -> bool:
    """Whether doctor reads everything but the token, which takes a permission in the vault's own policies."""
    unread = output.count("could not be read") - output.count("the SAS token could not be read")
    return not unread and not re.search(r"you lack .+; needed by .*\bdoctor\b", output)


def _reads_runs(output: str) -> bool:
    """Whether hop knows what the target has imported."""
    return "runs were not read" not in output


@dataclass(frozen=True)
class Command:
    """One command as docs/rights.md lists it."""

    name: str
    line: tuple[str, ...]
    """Its words; `SOURCE`, `TARGET` and `NEW`, which is not deployed, stand for stacks."""

    pair: str = "token"
    """`token` with SAS tokens, `identity` with ManagedIdentity, where only the caller's own token works."""

    before: Callable[[Pair], None] = _nothing
    """Prepares the clouds, as the operator, so that the command has something to do."""

    codes: tuple[int, ...] = (0,)
    """The exit codes of success: doctor reports the missing rights of the other commands as faults."""

    complete: Callable[[str], bool] = bool
    """Whether the output is complete: some commands report what the caller may not read, and go on."""

    def run(self, pair: Pair, caller: Caller, sandbox: dict[str, str], *, good: bool) -> str:
        """Run it as a caller, and fail unless it is as `good` says."""
        self.before(pair)
        mine = replace(pair.project, environment=caller.environment(sandbox))
        words = [f"{pair.name}-{word.lower()}" if word.isupper() else word for word in self.line]
        done = mine.attempt("acr-transfer", *words)
        assert (done.returncode in self.codes and self.complete(done.stdout)) is good, done.stdout
        return done.stdout


BOTH = ("--source", "SOURCE", "--target", "TARGET")
_HOP = ("hop", *BOTH, "--way", "stream")
_CLEAN = ("clean", *BOTH, "--older-than", "0", "--yes")
_POLICY = str(CHECKOUT / "policy")
_DOCTOR = ("doctor", *BOTH)
_PLAN = ("plan", "--repository", "shop/web", "--dry-run", "--source")
COMMANDS = [
    # A new stack has no output yet that names the registry's host.
    Command("plan", (*_PLAN, "NEW")),
    Command("plan --target", (*_PLAN, "SOURCE", "--target", "TARGET")),
    Command("hop, with account keys", _HOP, before=Pair.forget_copy, complete=_reads_runs),
    Command("hop, without account keys", _HOP, "identity", before=Pair.forget_copy, complete=_reads_runs),
    Command("prove", ("prove", *BOTH, "--layers", "sample", "--exact")),
    Command("status", ("status", *BOTH)),
    Command("doctor, with account keys", _DOCTOR, codes=(0, 14), complete=_sees_everything),
    Command("doctor, without account keys", _DOCTOR, "identity", codes=(0, 14), complete=_sees_everything),
    Command("clean --yes, with account keys", _CLEAN, before=Pair.leave_a_transfer),
    Command("clean --yes, without account keys", _CLEAN, "identity", before=Pair.leave_a_transfer),
    Command("review", ("review", "SOURCE", "TARGET", "--profile", "sandbox", "--policy-pack", _POLICY)),
]
PAIRS: dict[str, dict[str, Any]] = {"token": {}, "identity": MANAGED}
"""The configuration of the two pairs."""


def grant_sides(caller: Caller, pair: Pair, rights: Iterable[SideRight]) -> None:
    """Give a caller exactly these rights on both sides."""
    wanted = list(rights)
    for definition in CLOUDS:
        mine: list[Right] = [
            (place, action, data) for side, place, action, data in wanted if side == definition.side
        ]
        grant(caller, definition.side, pair.places(definition.side), mine)


def used_sides(caller: Caller, pair: Pair) -> set[SideRight]:
    """The rights that a caller's requests needed so far on both sides."""
    return {
        (side, place, action, data)
        for side in pair.stacks
        for place, action, data in used(caller, side, pair.places(side))
    }
