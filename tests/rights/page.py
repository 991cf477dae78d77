"""acr_transfer/operate/rights.json, docs/rights.md and docs/roles/*.json, from recorded rights."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from acr_transfer.operate.rights import RIGHTS
from sandbox.arm.roles import definitions
from tests.rights.commands import COMMANDS, SideRight
from tests.rights.set_ups import SET_UPS, Right

ROOT = Path(__file__).parents[2]
PAGE, ROLES = ROOT / "docs" / "rights.md", ROOT / "docs" / "roles"
PLACES = ("subscription", "resource group", "registry")

COSTS = {
    "Reader": 1,
    "AcrPull": 1,
    "Storage Blob Data Reader": 1,
    "Key Vault Secrets User": 1,
    "Container Registry Transfer Pipeline Contributor": 2,
    "Managed Identity Operator": 2,
    "Storage Account Key Operator Service Role": 2,
    "Storage Blob Data Contributor": 2,
    "Key Vault Secrets Officer": 2,
    "Managed Identity Contributor": 3,
    "Storage Account Contributor": 3,
    "Key Vault Contributor": 3,
    "Role Based Access Control Administrator": 5,
    "Contributor": 5,
}
"""The built-in roles that the page names, the smallest first: of all combinations the cheapest one counts."""


def built_in_roles(rights: Iterable[Right]) -> dict[str, str]:
    """The built-in roles that have all actions of one place: the role of each action, by its name."""
    wanted = {(action, data) for _, action, data in rights}
    named = {role.name: role for role in definitions().values() if role.name in COSTS}
    has = {
        name: {(action, data) for action, data in wanted if role.permits(action, data=data)}
        for name, role in named.items()
    }
    useful = sorted((name for name in has if has[name]), key=lambda name: COSTS[name])
    chosen = min(
        (
            names
            for size in range(1, 6)
            for names in itertools.combinations(useful, size)
            if set().union(*(has[name] for name in names)) == wanted
        ),
        key=lambda names: (sum(COSTS[name] for name in names), names),
    )
    return {
        action: next(name for name in chosen if (action, data) in has[name])
        for action, data in sorted(wanted)
    }


def deployers_document(rights: Mapping[str, set[Right]]) -> dict[str, Any]:
    """A part of rights.json, from the rights of each set-up by its key."""
    return {
        "deployers": {
            side: {each.name: _places(rights[each.key]) for each in SET_UPS if each.side == side}
            for side in ("source", "target")
        }
    }


def commands_document(rights: Mapping[str, set[SideRight]]) -> dict[str, Any]:
    """A part of rights.json, from the rights of each command by its name."""
    return {
        "commands": {
            each.name: {
                side: _places({right[1:] for right in rights[each.name] if right[0] == side})
                for side in ("source", "target")
                if any(right[0] == side for right in rights[each.name])
            }
            for each in COMMANDS
        }
    }


def _places(rights: set[Right]) -> dict[str, Any]:
    found = {}
    for place in PLACES:
        mine = {right for right in rights if right[0] == place}
        if mine:
            roles = built_in_roles(mine)
            kinds = {
                kind: {action: roles[action] for _, action, is_data in sorted(mine) if is_data is data}
                for kind, data in (("actions", False), ("dataActions", True))
            }
            found[place] = {kind: actions for kind, actions in kinds.items() if actions}
    return found


def rights_of(places: Mapping[str, Any]) -> set[Right]:
    """The rights of one entry of rights.json."""
    return {
        (place, action, kind == "dataActions")
        for place, kinds in places.items()
        for kind, actions in kinds.items()
        for action in actions
    }


def recorded() -> dict[str, Any]:
    """The content of rights.json."""
    found: dict[str, Any] = json.loads(RIGHTS.read_text())
    return found


def set_up_rights(document: Mapping[str, Any], side: str, name: str) -> set[Right]:
    """The documented rights of a set-up."""
    return rights_of(document["deployers"][side][name])


def command_rights(document: Mapping[str, Any], name: str) -> set[SideRight]:
    """The documented rights of a command, on both sides."""
    return {
        (side, *right) for side, places in document["commands"][name].items() for right in rights_of(places)
    }


OPERATOR = ("plan", "hop", "prove", "status", "doctor", "clean")


def personas(document: Mapping[str, Any]) -> dict[str, tuple[str, set[tuple[str, bool]]]]:
    """The custom roles: description, and the actions with whether each is a data action."""
    found = {}
    for side in ("source", "target"):
        every = {right for each in document["deployers"][side].values() for right in rights_of(each)}
        text = f"Deploys, changes and destroys the {side} side of a transfer with Pulumi."
        found[f"deployer-of-a-{side}"] = (text, {(action, data) for _, action, data in every})
    for name, text, words in (
        ("operator", "Runs plan, hop, prove, status, doctor and clean of acr-transfer.", OPERATOR),
        ("reviewer", "Runs review of acr-transfer, which previews the stacks.", ("review",)),
    ):
        mine = [each for each in document["commands"] if each.split()[0].rstrip(",") in words]
        rights = {(action, data) for each in mine for _, _, action, data in command_rights(document, each)}
        found[name] = (text, rights)
    return found


def role(name: str, text: str, actions: set[tuple[str, bool]]) -> dict[str, Any]:
    """A role definition, as `az role definition create` reads it.

    https://learn.microsoft.com/azure/role-based-access-control/role-definitions#role-definition
    """
    return {
        "Name": f"ACR transfer {name.replace('-', ' ')}",
        "IsCustom": True,
        "Description": text,
        "Actions": sorted(action for action, data in actions if not data),
        "NotActions": [],
        "DataActions": sorted(action for action, data in actions if data),
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/<subscription>"],
    }


def role_files(document: Mapping[str, Any]) -> dict[str, str]:
    """The files of docs/roles by name."""
    return {
        f"{name}.json": f"{json.dumps(role(name, *persona), indent=2)}\n"
        for name, persona in personas(document).items()
    }


_HEAD = """# Rights

The rights that a caller needs, as the sandbox recorded them from runs: each request is checked against Azure's action for it.
`.venv/bin/python -m tests.rights` writes this page, the [custom roles](#custom-roles) and the list that `acr-transfer doctor` uses.
A test runs each set-up and each command as an identity with exactly these rights; another one removes one action and sees the
run fail. [README](../README.md#rights) has the commands that assign built-in roles.

**Places.** *resource group*: the stack's `resourceGroup`, with account, vault and a user-assigned identity; a narrower scope is
enough for resources that exist. *registry*: the registry. *subscription*: needed only to create a resource group.

**Roles on repositories.** The tables are those of a registry with the mode LegacyRegistryPermissions. If its `roleAssignmentMode` is
AbacRepositoryPermissions, Container Registry Repository Reader (data action `repositories/content/read`) takes the place of AcrPull and
of each other role that can pull, `plan` with patterns also needs Container Registry Repository Catalog Lister (`catalog/read`), and a
deployer needs Role Based Access Control Administrator on the registry, for the role of the pipeline.

**Not in the tables.** A vault with access policies has its own permissions: `pulumi destroy` deletes the secret in an existing
vault, which takes the secret permission *delete*; `doctor` reads the token with the secret permission *get* (optional). Providers are not
registered: the namespaces of the tables must be registered in the subscription. A vault with roles takes `doctor`
`Microsoft.Authorization/roleAssignments/read` on the resource group. `hop --way server` without account keys also needs
`Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action` on the source's account, which no test shows.
Without `pipelineRuns/read`, `hop` copies what the target has imported already a second time, and says so.
`ship` needs the rights of both deployers and of `hop` and `prove`, and with `--rules` those of `plan`. `pack` needs the rights of `hop` at the source, `unpack`
those at the target.

"""  # noqa: E501

_CUSTOM = """
## Custom roles

One role for each persona, with exactly the actions of the tables. Replace `<subscription>` in a copy of the file, create the role, and assign
it on the resource group and on the registry (on the subscription, if the stack creates the resource group):

```
az role definition create --role-definition deployer-of-a-source.json
az role assignment create --assignee <object ID> --role "ACR transfer deployer of a source" --scope <resource group>
```

A role with `Microsoft.Authorization/roleAssignments/write` can give its owner any other right in its scope. Leave these actions out
unless the set-up needs them: only vaults with roles and ManagedIdentity do.

| persona | file |
| --- | --- |
"""  # noqa: E501


def page(document: Mapping[str, Any]) -> str:
    """The content of docs/rights.md."""
    lines = [_HEAD]
    for side in ("source", "target"):
        lines.append(f"## Deploy the {side}\n\n`pulumi up`, `preview`, `refresh` and `destroy`:\n\n")
        lines.append("| set-up | place | built-in roles | actions |\n| --- | --- | --- | --- |\n")
        for name, places in document["deployers"][side].items():
            lines += [_row(name, place, kinds) for place, kinds in places.items()]
        lines.append("\n")
    lines.append("## Commands\n\n| command | side | place | built-in roles | actions |\n")
    lines.append("| --- | --- | --- | --- | --- |\n")
    for name, sides in document["commands"].items():
        command, comma, rest = name.partition(",")
        for side, places in sides.items():
            lines += [
                _row(f"`{command}`{comma}{rest} | {side}", place, kinds) for place, kinds in places.items()
            ]
    lines.append(_CUSTOM)
    lines += [
        f"| {name.replace('-', ' ')} | [{name}.json](roles/{name}.json) |\n" for name in personas(document)
    ]
    return "".join(lines)


def _row(first: str, place: str, kinds: Mapping[str, Mapping[str, str]]) -> str:
    roles = sorted({role for actions in kinds.values() for role in actions.values()})
    listed = [f"`{action}`" for action in kinds.get("actions", ())]
    listed += [f"`{action}` (data)" for action in kinds.get("dataActions", ())]
    return f"| {first} | {place} | {', '.join(roles)} | {'<br>'.join(listed)} |\n"


def write(content: Mapping[str, Any]) -> None:
    """Write all files."""
    RIGHTS.write_text(f"{json.dumps(content, indent=1)}\n")
    ROLES.mkdir(exist_ok=True)
    PAGE.write_text(page(content))
    for name, text in role_files(content).items():
        (ROLES / name).write_text(text)
