"""The set-ups whose rights are documented: what exists before, and the configuration of the stack."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from subprocess import CompletedProcess
from typing import Any

from acr_transfer.model.documents.handover import Handover
from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.rights.callers import Caller, blob_client, copy_blob

_PLAIN = ("--yes", "--skip-preview", "--suppress-progress", "--color", "never")
_EXPORTED = "exported"
FEW = ["shop/web:1.0.0"]
MANAGED = {"storageAccess": "ManagedIdentity", "sasExpiry": ""}
RBAC = {"vaultAccess": "rbac"}

Right = tuple[str, str, bool]
"""Place, action, and whether it is a data action."""


@dataclass(frozen=True)
class SetUp:
    """One way to deploy a side."""

    side: str
    name: str
    """Its name in docs/rights.md."""

    config: dict[str, Any] = field(default_factory=dict)
    existing: bool = False
    """Whether account, container, identity and, with a token, the vault exist."""

    new_group: bool = False
    """Whether the stack creates its resource group."""

    imports: bool = False
    """Whether a second `pulumi up` imports a blob, because no trigger does."""

    vault_permissions: tuple[str, ...] = ()
    """The permissions on secrets that the caller needs in the access policies of the existing vault."""

    @property
    def key(self) -> str:
        """Side and name."""
        return f"{self.side}: {self.name}"

    @property
    def definition(self) -> CloudDefinition:
        """Its cloud."""
        return SOURCE if self.side == "source" else TARGET


def _both(name: str, config: dict[str, Any] | None = None, **more: Any) -> list[SetUp]:
    return [SetUp(side, name, config or {}, **more) for side in ("source", "target")]


SET_UPS = [
    *_both("SAS token, new vault with access policies"),
    *_both("SAS token, new vault with roles, new identity", {**RBAC, "createIdentity": True}),
    *_both("ManagedIdentity, new account", MANAGED),
    *_both(
        "SAS token; account, vault with access policies and identity exist",
        existing=True,
        vault_permissions=("delete",),
    ),
    *_both("SAS token; account, vault with roles and identity exist", RBAC, existing=True),
    *_both("ManagedIdentity; account and identity exist", MANAGED, existing=True),
    *_both("SAS token, new resource group", new_group=True),
    # A source exports from a registry that has images: a new one has none.
    SetUp("target", "SAS token, new registry", {"createRegistry": True}),
    SetUp("target", "imports on demand", {"sourceTriggerStatus": "Disabled"}, imports=True),
]
"""All set-ups. Registry and resource group exist, unless the name says otherwise."""


@dataclass
class Deployment:
    """A stack of a set-up, with the caller who deploys it."""

    set_up: SetUp
    stack: str
    project: Project
    caller: Caller
    places: dict[str, str]
    """The IDs of the subscription, the resource group and the registry, by their names in docs/rights.md."""

    def try_up(self) -> CompletedProcess[str]:
        """`pulumi up` as the caller, which may fail; with imports, again once their blob is copied."""
        done = self.project.attempt("pulumi", "up", "--stack", self.stack, *_PLAIN)
        if done.returncode or not self.set_up.imports:
            return done
        source, target = (self.project.outputs(stack) for stack in (_EXPORTED, self.stack))
        name, paths = source["runs"][0]["blob"], self.caller.paths
        copy_blob(
            blob_client(paths, SOURCE, f"{source['containerUrl']}/{name}"),
            blob_client(paths, TARGET, f"{target['containerUrl']}/{name}"),
        )
        return self.project.attempt("pulumi", "up", "--stack", self.stack, *_PLAIN)

    def up(self) -> None:
        """`pulumi up` as the caller, which must succeed."""
        done = self.try_up()
        assert done.returncode == 0, done.stdout

    def destroy(self, *, good: bool = True) -> str:
        """`pulumi destroy` as the caller."""
        return self.project.run("pulumi", "destroy", "--stack", self.stack, *_PLAIN, good=good)


def prepare(set_up: SetUp, paths: Paths, project: Project) -> Deployment:
    """Create a stack of a set-up, everything that exists before it, and a caller without any right."""
    caller, stack, group = Caller(paths), f"r{uuid.uuid4().hex[:12]}", ""
    config: dict[str, Any] = {"resourceGroup": f"group-{stack}", "createResourceGroup": set_up.new_group}
    if "createRegistry" in set_up.config:
        config |= {"registry": f"reg{stack}", "registryResourceGroup": ""}
    if not set_up.new_group:
        group = config["resourceGroup"]
        config |= _existing(set_up, Existing.of(paths, set_up.definition, group), stack, caller)
    config |= set_up.config
    if set_up.side == "source":
        project.source(stack, FEW, **config)
    elif set_up.imports:
        _export(project)
        project.target(stack, _EXPORTED, **config)
    else:
        handover = project.folder / "handover.json"
        Handover.of("source.example", "https://source.example/transfer", []).write(handover)
        project.target(stack, "", **{"handover": handover.name, **config})
    mine = replace(project, environment=caller.environment(project.environment))
    return Deployment(set_up, stack, mine, caller, places_of(set_up.definition, group))


def _export(project: Project) -> None:
    """Deploy a source stack of the project, as the operator, unless that is done."""
    if not (project.folder / f"Pulumi.{_EXPORTED}.yaml").exists():
        project.up(project.source(_EXPORTED, FEW))


def places_of(definition: CloudDefinition, group: str) -> dict[str, str]:
    """The IDs of the places of a stack; without the group if that is empty."""
    subscription = f"/subscriptions/{definition.subscription}"
    registries = f"{subscription}/resourceGroups/{definition.registry_group}/providers/"
    registry = f"{registries}Microsoft.ContainerRegistry/registries/{definition.registry}"
    own = {"resource group": f"{subscription}/resourceGroups/{group}"} if group else {}
    return {"subscription": subscription, **own, "registry": registry}


def _existing(set_up: SetUp, group: Existing, stack: str, caller: Caller) -> dict[str, Any]:
    """Create what exists before the stack; returns its configuration."""
    if not set_up.existing:
        return {}
    short = stack[1:]
    group.account(f"account{short}", "boxes")
    config: dict[str, Any] = {
        "storageAccount": f"account{short}",
        "container": "boxes",
        "createContainer": False,
        "identity": group.identity(f"identity-{short}"),
    }
    if set_up.config.get("storageAccess") == "ManagedIdentity":
        return config
    group.vault(f"vault-{short}", rbac="vaultAccess" in set_up.config)
    if set_up.vault_permissions:
        group.policy(f"vault-{short}", caller.principals[set_up.side], *set_up.vault_permissions)
    return {**config, "vault": f"vault-{short}"}


def grant(caller: Caller, side: str, places: dict[str, str], rights: Iterable[Right]) -> None:
    """Give a caller exactly these rights on one side, with one custom role in each place."""
    wanted = list(rights)
    for place in {place for place, _, _ in wanted}:
        mine = [(action, data) for where, action, data in wanted if where == place]
        actions = sorted(action for action, data in mine if not data)
        data_actions = sorted(action for action, data in mine if data)
        caller.assign(side, places[place], actions, data_actions)


def everything(place: str = "subscription") -> list[Right]:
    """The rights to do everything, for a run that shows which of them are needed."""
    return [(place, "*", False), (place, "*", True)]


def used(caller: Caller, side: str, places: dict[str, str]) -> set[Right]:
    """The rights that the requests of a caller needed so far on one side."""
    needed = caller.needed(side)
    return {(_place(places, right.scope), right.action, right.data) for right in needed}


def _place(places: dict[str, str], scope: str) -> str:
    """The smallest place that contains a resource."""
    whole = f"{scope}/".lower()
    inside = [name for name, id in places.items() if whole.startswith(f"{id}/".lower())]
    return max(inside, key=lambda name: len(places[name]))
