"""Deploys a program on Pulumi's mocks and records its requests."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pulumi
from pulumi import Output
from pulumi.runtime import mocks, rpc, settings

ACCOUNT_KEY = base64.b64encode(b"account-key" * 6).decode()
RUN = "azure-native:containerregistry:PipelineRun"
SECRET = "azure-native:keyvault:Secret"

Program = Callable[[], object]


@dataclass
class Made:
    """One resource that the program registered."""

    typ: str
    name: str
    inputs: dict[str, Any]
    dependencies: list[str] = field(default_factory=list)
    deleted_with: str = ""
    delete_first: bool = False
    retained: bool = False
    protected: bool = False
    replaced_on: list[str] = field(default_factory=list)
    formerly: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    """The properties that keep their values in the state."""
    secret_paths: list[str] = field(default_factory=list)
    provider: str = ""
    """The name of its explicit provider."""


class RefusedError(grpc.RpcError):
    """The engine's error for a function that fails."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


class Monitor(mocks.MockMonitor):
    """A mock engine that also records the options of each resource."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 gRPC's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        for made in self.mocks.made:  # type: ignore[attr-defined]
            if (made.typ, made.name) == (request.type, request.name):
                made.dependencies = list(request.dependencies)
                made.deleted_with = request.deletedWith
                made.provider = request.provider.rpartition("::")[0].rpartition("::")[2]
                made.retained = request.retainOnDelete
                made.delete_first = request.deleteBeforeReplace
                made.protected = request.protect
                made.unchanged = list(request.ignoreChanges)
                made.replaced_on = list(request.replaceOnChanges)
                made.formerly = [alias.spec.type for alias in request.aliases if alias.spec.type]
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 gRPC's name
        self.mocks.outputs.append(rpc.deserialize_properties(request.outputs))  # type: ignore[attr-defined]
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


@dataclass
class Deployed(mocks.Mocks):
    """An Azure that answers at once, and the record of all requests."""

    registry: dict[str, Any] = field(default_factory=dict)
    response: Callable[[str], dict[str, Any]] = lambda name: {"status": "Succeeded"}
    run_state: str = "Succeeded"
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The responses of the runs of an earlier deployment, by their names."""
    kept: dict[str, Any] = field(default_factory=dict)
    """The values of `Stash` resources in the state, by their names."""
    unreadable: str = ""
    """The error of a read of an earlier run, unless it is that the run does not exist."""
    later: list[dict[str, Any]] = field(default_factory=list)
    """The answers to later reads of a run, one after another."""
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    half_written: int = 0
    """The number of reads that find the state of a stack half written."""
    account: dict[str, Any] = field(default_factory=dict)
    container: dict[str, Any] = field(default_factory=dict)
    vault: dict[str, Any] = field(default_factory=dict)
    secret: dict[str, Any] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    identity: dict[str, Any] = field(default_factory=lambda: {"principalId": "p-1", "tenantId": "t-1"})
    role_age: timedelta = timedelta(days=1)
    """The age of a role assignment when the program gets it."""
    made: list[Made] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    value: Any = None
    is_secret: bool = False

    def call(self, args: mocks.MockCallArgs) -> Any:
        self.calls.append(args.token)
        if args.token in self.missing or args.token.endswith("portPipeline"):
            raise RefusedError(f"invocation of {args.token} returned an error: Status=404 not found")
        if args.token.endswith(":getRegistry"):
            return self._registry(), []
        if args.token.endswith(":getStorageAccount"):
            return self._account(args.args["accountName"]), []
        if args.token.endswith(":getVault"):
            return self._vault(args.args["vaultName"]), []
        if args.token.endswith(":getBlobContainer"):
            name = args.args["containerName"]
            return {"name": name, "id": f"/containers/{name}", **self.container}, []
        if args.token.endswith(":getPipelineRun"):
            return self._run(args.args["pipelineRunName"]), []
        if args.token.endswith(":listStorageAccountKeys"):
            more = {"creationTime": "", "permissions": "FULL"}
            keys = {"key2": "b3RoZXI=", "key1": ACCOUNT_KEY}
            return {"keys": [{"keyName": name, "value": keys[name], **more} for name in keys]}, []
        if args.token.endswith(":getClientConfig"):
            return {"tenantId": "t-1", "clientId": "c", "objectId": "o", "subscriptionId": "s"}, []
        if self.half_written:
            self.half_written -= 1
            refusal = "failed to load checkpoint: EOF"
            raise RefusedError(f"invocation of {args.token} returned an error: {refusal}")
        return {"outputs": self.stacks[args.args["name"]]}, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        secrets: list[str] = []
        inputs = _plain(args.inputs, "", secrets)
        self.made.append(Made(args.typ, args.name, inputs, secret_paths=secrets))
        state = {**inputs, **self._answer(args.typ, args.name, inputs)}
        return (
            "" if args.typ.startswith("acr-transfer:") else f"/{args.typ.rsplit(':')[-1]}/{args.name}"
        ), state

    def _run(self, name: str) -> dict[str, Any]:
        known = {"id": "r", "name": "r", "type": "r", "azureApiVersion": "v", "systemData": {}}
        if any(each.inputs["pipelineRunName"] == name for each in self.all("PipelineRun")):
            return {**known, "provisioningState": "Succeeded", "response": self.later.pop(0)}
        if name not in self.earlier:
            reason = self.unreadable or 'Status=404 Code="ResourceNotFound" Message="not found"'
            raise RefusedError(f"invocation of getPipelineRun returned an error: request failed {reason}")
        return {**known, "provisioningState": "Succeeded", "response": self.earlier[name]}

    def _registry(self) -> dict[str, Any]:
        plain = {"sku": {"name": "Premium", "tier": "Premium"}, "location": "westeurope"}
        rest = dict.fromkeys(
            [
                "creationDate",
                "provisioningState",
                "status",
                "systemData",
                "name",
                "type",
                "id",
                "azureApiVersion",
            ],
            "",
        )
        return {**rest, **plain, "loginServer": "images.example", **self.registry}

    def _account(self, name: str) -> dict[str, Any]:
        endpoint = {"primaryEndpoints": {"blob": f"https://storage.example/{name}/"}}
        return {"name": name, "id": f"/accounts/{name}", **endpoint, **self.account}

    def _vault(self, name: str) -> dict[str, Any]:
        properties = {"vaultUri": f"https://{name}.example/", "tenantId": "t-1", **self.vault}
        return {"name": name, "id": f"/vaults/{name}", "properties": properties}

    def _answer(self, typ: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        kind = typ.rsplit(":")[-1] if typ.split(":")[0] != "acr-transfer" else ""
        if kind == "RandomString":
            return {"result": "abcdefghijkl"}
        if kind == "Stash" and name in self.kept:
            return {"input": self.kept[name]}
        if kind == "ResourceGroup":
            return {"name": inputs["resourceGroupName"]}
        if kind == "StorageAccount":
            account = inputs["accountName"]
            return {"name": account, "primaryEndpoints": {"blob": f"https://storage.example/{account}/"}}
        if kind == "BlobContainer":
            return {"name": inputs["containerName"]}
        if kind == "Vault":
            uri = f"https://{inputs['vaultName']}.example/"
            return {"name": inputs["vaultName"], "properties": {"vaultUri": uri, "tenantId": "t-1"}}
        if kind == "Secret":
            properties = {"secretUri": "unused", "attributes": {"created": 0, "updated": 0, **self.secret}}
            return {"name": inputs["secretName"], "properties": properties}
        if kind == "Registry":
            return {"name": inputs["registryName"], "loginServer": "made.example", "location": "westeurope"}
        if kind in ("ExportPipeline", "ImportPipeline"):
            return {"identity": _identity(inputs["identity"], self.identity)}
        if kind == "RoleAssignment":
            return {"createdOn": (datetime.now(UTC) - self.role_age).isoformat()}
        if kind == "PipelineRun":
            return {"provisioningState": self.run_state, "response": self.response(inputs["pipelineRunName"])}
        if kind == "StackReference":
            return {"outputs": self.stacks[inputs["name"]], "secretOutputNames": []}
        return {}

    def all(self, typ: str) -> list[Made]:
        """Every resource whose type ends like this, in the order of their creation."""
        return [each for each in self.made if each.typ.endswith(typ)]

    def one(self, typ: str) -> Made:
        """The only resource of this type."""
        (found,) = self.all(typ)
        return found

    async def keep(self, output: Output[Any]) -> None:
        self.value = await output.future()
        self.is_secret = await output.is_secret()

    @property
    def custom(self) -> list[str]:
        """The types of all resources outside this package."""
        return [each.typ for each in self.made if not each.typ.startswith("acr-transfer:")]


def _identity(asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Azure's answer: it has a user-assigned identity's principal only in the map."""
    users = asked.get("userAssignedIdentities")
    if not users:
        return {"type": "systemAssigned", **answer}
    return {
        "type": "userAssigned",
        "userAssignedIdentities": {id: {"principalId": "p-user", "clientId": "c-user"} for id in users},
    }


def _plain(value: Any, path: str, secrets: list[str]) -> Any:
    """The value without the engine's marks for secrets, whose paths are collected."""
    if rpc.is_rpc_secret(value):
        secrets.append(path)
        return _plain(rpc.unwrap_rpc_secret(value), path, secrets)
    if isinstance(value, dict):
        return {key: _plain(each, f"{path}.{key}".strip("."), secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, f"{path}[{index}]", secrets) for index, each in enumerate(value)]
    return value


class Deploy:
    """Runs a program to its end on a new mock Azure; keywords set its fields."""

    def __call__(self, program: Program, *, preview: bool = False, **differences: Any) -> Deployed:
        deployed = Deployed(**differences)
        self.last = deployed
        settings.reset_options()
        pulumi.runtime.set_mocks(
            deployed,
            project="acr-transfer",
            stack="source",
            preview=preview,
            monitor=Monitor(deployed),
            organization="organization",
        )

        def run() -> Output[None]:
            result: Output[Any] = Output.from_input(program())
            return Output.from_input(deployed.keep(result))

        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
        return deployed
