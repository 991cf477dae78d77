"""Cases of the rules about pipeline runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.policy.cases.pipeline import CONTAINER, DELETES, DISABLED, ENABLED, TASK, exports, imports
from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

ACCOUNT_KEY = f"{'Key/' * 21}KA=="
RUN = "azure-native:containerregistry:PipelineRun"
VERSIONED = "azure-native:containerregistry/v20241101preview:PipelineRun"
REGISTRY = "azure-native:containerregistry:Registry"
ACCOUNT = "azure-native:storage:StorageAccount"
BLOBS = "azure-native:storage:BlobContainer"
LIFECYCLE = "azure-native:storage:ManagementPolicy"
GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries"
EXPORT_ID = f"{GROUP}/cargo/exportPipelines/exportPipeline"
IMPORT_ID = f"{GROUP}/cargo/importPipelines/importPipeline"
HEX = "0123456789abcdef" * 4
MANY = [f"app:{number}" for number in range(51)]


def run(
    *artifacts: Any,
    target: Any = None,
    source: Any = None,
    pipeline: Any = None,
    name: str = "run",
    type: str = RUN,
    uses: Mapping[str, Sequence[str]] | None = None,
    **props: Any,
) -> Resource:
    """A run of these artifacts with a blob at one end; `pipeline` is an ID."""
    ends = {"target": target, "source": source}
    request = {
        "artifacts": list(artifacts),
        "pipelineResourceId": pipeline,
        **{end: {"name": blob} for end, blob in ends.items() if blob is not None},
    }
    given = {key: value for key, value in request.items() if value is not None}
    return Resource(type, {"pipelineRunName": f"{name}01", "request": given, **props}, name, uses or {})


def out(*artifacts: Any, **more: Any) -> Resource:
    """A run that exports to a blob."""
    return run(*artifacts, **{"target": "blob.tar", **more})


def into(**more: Any) -> Resource:
    """A run that imports a blob."""
    return run(**{"source": "blob.tar", **more})


def of(*names: str) -> dict[str, Any]:
    return {"uses": {"request": names}}


UNTOLD = Resource(RUN, {"pipelineRunName": "run01", "request": UNKNOWN}, "run")
"""A run whose properties are all unknown."""

TEMPLATE: dict[str, Any] = {
    "request": {"artifacts": [], "target": {"name": ""}, "source": {"name": "blob.tar"}}
}
"""An import as Azure's templates write it: with an empty text at the unused end."""

EXPORTS = exports(options=["OverwriteBlobs"], id=EXPORT_ID)
IMPORTS = imports(options=[DELETES], id=IMPORT_ID.lower(), **DISABLED)


def account(name: str = "cargo", **props: Any) -> Resource:
    return Resource(ACCOUNT, {"name": name, **props}, "account" if name == "cargo" else name)


def lifecycle(
    *prefixes: Any,
    uses: Mapping[str, Sequence[str]] | None = None,
    id: str = "",
    account_name: str = "",
    **more: Any,
) -> Resource:
    """A rule that deletes blobs with one of these prefixes; without prefixes, every blob."""
    filters = {"filters": {"prefixMatch": list(prefixes)}} if prefixes else {}
    actions = more.pop("actions", {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 60}}})
    rule = {"enabled": True, "definition": {"actions": actions, **filters}, **more}
    by = {"accountName": ["account"]} if uses is None else uses
    whose = {key: value for key, value in (("id", id), ("accountName", account_name)) if value}
    return Resource(LIFECYCLE, {**whose, "policy": {"rules": [rule]}}, "lifecycle", by)


STAYS = imports(options=["OverwriteTags"], **ENABLED)

CASES: Table = {
    "run-artifact-count": [
        good(out("app:1")),
        good(out(*MANY[:50])),
        good(into()),
        good(Resource(RUN, TEMPLATE)),
        bad(out(*MANY), finds=["run01 has 51 artifacts; one run takes 1 to 50"]),
        bad(out(), finds=["run01 has 0 artifacts"]),
        bad(out(*MANY, type=VERSIONED), finds=["has 51 artifacts"]),
        bad(run(pipeline=EXPORT_ID), finds=["has 0 artifacts"]),
        bad(run(target=UNKNOWN), finds=["has 0 artifacts"]),
        unknown(UNTOLD),
        unknown(Resource(RUN, {"request": {"artifacts": UNKNOWN, "target": {"name": "b"}}})),
        unknown(out(*[UNKNOWN] * 50)),
        unknown(out(*[UNKNOWN] * 51), finds=["has 51 artifacts"]),
        unknown(run(source=UNKNOWN)),
        unknown(Resource(RUN, {"request": {"target": UNKNOWN, "source": UNKNOWN}})),
        absent(Resource(RUN)),
        absent(Resource(RUN, {"request": {"target": {"name": "b"}}}), finds=["main has 0 artifacts"]),
        other(out(*MANY, type=TASK)),
    ],
    "run-artifact-form": [
        good(out("contoso/app:1", f"app@sha256:{HEX}")),
        good(out("app:1", "app:2", "app:V1", "app:v1")),
        good(into()),
        bad(
            out("app", "app:1"),
            finds=["run01 has artifacts that ACR cannot find and would skip: 'app' has"],
        ),
        bad(out("cargo.azurecr.io/app:1"), finds=["'cargo.azurecr.io/app:1' begins with a registry's host"]),
        bad(out("App:1"), finds=["'App:1' has upper case letters"]),
        bad(out("app@sha256:12"), finds=["'app@sha256:12' has a digest of 2 characters"]),
        bad(out("app:1", "b:1", "app:1"), finds=["run01 lists artifacts more than once: 'app:1'."]),
        bad(out("app", "app"), finds=["'app' has neither", "more than once: 'app'"]),
        bad(out(*[f"A:{n}" for n in range(7)]), finds=["'A:4' has upper case letters in its repository"]),
        bad(out(*[f"A:{n}" for n in range(7)]), finds=["; and 2 more."]),
        bad(
            out("me:password@cargo/app:1"),
            finds=["'[...]@cargo/app:1' begins with a registry's host, '[...]@cargo'"],
        ),
        unknown(UNTOLD),
        bad(out(ACCOUNT_KEY), finds=["'[credential]' contains a credential; expected repository:tag"]),
        unknown(out(UNKNOWN, UNKNOWN)),
        unknown(out(UNKNOWN, "app"), finds=["'app' has neither a tag nor a digest"]),
        absent(Resource(RUN)),
        other(out("app", "app", type=TASK)),
    ],
    "run-digest": [
        good(out(f"app@sha256:{HEX}")),
        good(into()),
        bad(out("app:1", f"app@sha256:{HEX}"), finds=["run01 references 1 of 2 artifacts by tag: 'app:1'."]),
        bad(
            out(*MANY[:8]),
            finds=[
                "references 8 of 8 artifacts by tag: 'app:0'; 'app:1'; 'app:2'; 'app:3'; 'app:4'; and 3 more."
            ],
        ),
        unknown(UNTOLD),
        unknown(out(UNKNOWN, "app:1"), finds=["1 of 1"]),
        absent(Resource(RUN)),
        other(out("app:1", type=TASK)),
    ],
    "run-names": [
        good(out("app:1")),
        good(exports()),
        good(imports()),
        good(Resource(RUN, TEMPLATE)),
        bad(
            out(pipelineRunName="run-1"),
            finds=["'run-1' is not a valid run name; expected 5 to 50 letters and digits"],
        ),
        bad(
            exports(exportPipelineName="out"),
            finds=["'out' is not a valid pipeline name; expected 5 to 50"],
        ),
        bad(imports(importPipelineName="i" * 51), finds=["is not a valid pipeline name; expected 5 to 50"]),
        bad(
            out(target="folder/"), finds=["'folder/' is not a valid blob name; expected 1 to 1024 characters"]
        ),
        bad(into(source="blob."), finds=["'blob.' is not a valid blob name; expected"]),
        bad(out(target="b" * 1025), finds=["bbb...' is not a valid blob name"]),
        bad(run(target="", source=""), finds=["'' is not a valid blob name; expected"]),
        bad(out(pipelineRunName="r", target="b/"), finds=["valid run name", "valid blob name"]),
        unknown(UNTOLD),
        unknown(out(target=UNKNOWN, pipelineRunName=UNKNOWN)),
        unknown(out(target=UNKNOWN, pipelineRunName="r"), finds=["valid run name"]),
        absent(Resource(RUN), finds=["'' is not a valid blob name"]),
        absent(exports(exportPipelineName=None)),
        other(out(target="folder/", pipelineRunName="run-1", type=TASK)),
    ],
    "run-tag": [
        good(out(forceUpdateTag="1")),
        bad(out(forceUpdateTag=""), finds=["run01 has no forceUpdateTag"]),
        unknown(out(forceUpdateTag=UNKNOWN)),
        absent(out(), finds=["run01 has no forceUpdateTag"]),
        other(out(type=TASK)),
    ],
    "run-blob-unique": [
        good(EXPORTS, out(name="a", **of("export")), out(name="b", target="other.tar", **of("export"))),
        good(EXPORTS, out(name="a", **of("export")), out(name="b", target="BLOB.tar", **of("export"))),
        good(EXPORTS, out(name="a", **of("export")), out(name="b", pipeline=EXPORT_ID + "2")),
        good(IMPORTS, into(name="a", **of("import")), into(name="b", **of("import"))),
        bad(
            EXPORTS,
            out(name="a", **of("export")),
            out(name="b", **of("export")),
            finds=["a01 and b01 write the same blob 'blob.tar'"],
        ),
        bad(EXPORTS, out(name="a", **of("export")), out(name="b", pipeline=EXPORT_ID), finds=["a01 and b01"]),
        bad(
            out(name="a", pipeline=EXPORT_ID),
            out(name="b", pipeline=EXPORT_ID.upper()),
            finds=["a01 and b01"],
        ),
        bad(
            *(out(name=name, pipeline=EXPORT_ID) for name in "abc"),
            finds=["a01 and b01", "a01 and c01"],
        ),
        bad(
            EXPORTS,
            out(name="a", **of("export")),
            # As Azure answers: the blob stands in the response alone.
            run("x:1", name="b", pipeline=EXPORT_ID, response={"target": {"uri": f"{CONTAINER}/blob.tar"}}),
            finds=["a01 and b01"],
        ),
        unknown(out(name="a", pipeline=UNKNOWN), out(name="b", pipeline=UNKNOWN)),
        unknown(
            EXPORTS,
            out(name="a", target=UNKNOWN, **of("export")),
            out(name="b", target=UNKNOWN, **of("export")),
        ),
        unknown(
            EXPORTS,
            out(name="a", pipeline=UNKNOWN, **of("export")),
            out(name="b", pipeline=UNKNOWN, **of("export")),
            finds=["a01 and b01"],
        ),
        absent(out(name="a"), out(name="b")),
        absent(Resource(RUN, {}, "a"), Resource(RUN, {}, "b")),
        other(out(name="a", pipeline=EXPORT_ID, type=TASK), out(name="b", pipeline=EXPORT_ID, type=TASK)),
    ],
    "run-overwrite-option": [
        good(EXPORTS, out(forceUpdateTag="1", **of("export"))),
        good(exports(options=[]), out(**of("export"))),
        good(imports(options=[]), into(forceUpdateTag="1", **of("import"))),
        good(out(forceUpdateTag="1", pipeline=EXPORT_ID)),
        bad(
            exports(options=["ContinueOnErrors"]),
            out(forceUpdateTag="1", **of("export")),
            finds=["run01 can be repeated, but cannot replace its blob 'blob.tar': exportPipeline lacks"],
        ),
        unknown(exports(options=UNKNOWN), out(forceUpdateTag="1", **of("export"))),
        unknown(exports(options=[]), out(forceUpdateTag=UNKNOWN, **of("export"))),
        unknown(exports(options=[]), out(forceUpdateTag="1", pipeline=UNKNOWN)),
        absent(exports(), out(forceUpdateTag="1", **of("export")), finds=["lacks the option OverwriteBlobs"]),
        absent(exports(), out(**of("export"))),
        other(exports(options=[]), out(forceUpdateTag="1", type=TASK, **of("export"))),
    ],
    "run-pipeline-match": [
        good(EXPORTS, out(pipeline=EXPORT_ID)),
        good(IMPORTS, into(pipeline=IMPORT_ID)),
        good(EXPORTS, out(**of("export"))),
        good(IMPORTS, into(**of("import"))),
        good(IMPORTS, Resource(RUN, TEMPLATE, "run", {"request": ["import"]})),
        bad(
            EXPORTS,
            out(pipeline=EXPORT_ID + "2"),
            finds=[f"Run run01 refers to '{EXPORT_ID}2'; expected a pipeline"],
        ),
        bad(out(pipeline=EXPORT_ID), finds=["expected a pipeline of this stack"]),
        bad(
            EXPORTS,
            into(pipeline=EXPORT_ID),
            finds=["Run run01 is an import and refers to exportPipeline, an export pipeline"],
        ),
        bad(
            IMPORTS,
            out(**of("import")),
            finds=["Run run01 is an export and refers to importPipeline, an import pipeline"],
        ),
        bad(
            EXPORTS,
            out(pipeline=EXPORT_ID, id=f"{GROUP}/other/pipelineRuns/run01"),
            finds=["Run run01 and its pipeline exportPipeline are in different registries"],
        ),
        bad(
            exports(uses={"registryName": ["here"]}),
            Resource(REGISTRY, {}, "here"),
            Resource(REGISTRY, {}, "there"),
            out(uses={"request": ["export"], "registryName": ["there"]}),
            finds=["are in different registries"],
        ),
        good(
            exports(uses={"registryName": ["here"]}),
            Resource(REGISTRY, {}, "here"),
            out(uses={"request": ["export"], "registryName": ["here"]}),
        ),
        unknown(out(pipeline=UNKNOWN)),
        unknown(UNTOLD),
        unknown(exports(), out(pipeline=EXPORT_ID)),
        unknown(EXPORTS, exports(name="second"), out(pipeline=UNKNOWN, **of("export", "second"))),
        absent(EXPORTS, out(), finds=["Run run01 refers to no pipeline; expected a pipeline of this stack"]),
        other(EXPORTS, out(pipeline=EXPORT_ID + "2", type=TASK)),
    ],
    "import-has-runner": [
        good(IMPORTS, into(**of("import"))),
        good(imports(**ENABLED)),
        good(EXPORTS),
        bad(IMPORTS, finds=["Pipeline importPipeline imports nothing"]),
        bad(IMPORTS, EXPORTS, out(**of("export")), finds=["Pipeline importPipeline imports nothing"]),
        unknown(imports(trigger=UNKNOWN)),
        unknown(IMPORTS, into(pipeline=UNKNOWN)),
        absent(imports()),
        other(imports(type=TASK, **DISABLED)),
    ],
    "import-runs-once": [
        good(IMPORTS, into(**of("import"))),
        good(imports(**ENABLED)),
        good(imports(**ENABLED), EXPORTS, out(**of("export"))),
        good(imports(**ENABLED), imports(CONTAINER + "2", name="second", **DISABLED), into(**of("second"))),
        bad(
            imports(**ENABLED),
            into(**of("import")),
            finds=["Run run01 and the trigger of importPipeline both import the blob 'blob.tar': it may"],
        ),
        bad(
            imports(**ENABLED),
            imports(CONTAINER.upper() + "/", name="second", **DISABLED),
            into(**of("second")),
            finds=["Run run01 and the trigger of importPipeline"],
        ),
        bad(
            imports(UNKNOWN, uses={"source": ["blobs"]}, **ENABLED),
            imports(UNKNOWN, name="second", uses={"source": ["blobs"]}, **DISABLED),
            Resource(BLOBS, {}, "blobs"),
            into(**of("second")),
            finds=["Run run01 and the trigger of importPipeline"],
        ),
        unknown(imports(trigger=UNKNOWN), into(**of("import"))),
        unknown(
            imports(UNKNOWN, **ENABLED), imports(UNKNOWN, name="second", **DISABLED), into(**of("second"))
        ),
        unknown(imports(**ENABLED), into(pipeline=UNKNOWN)),
        absent(imports(), into(**of("import")), finds=["may be imported twice"]),
        other(imports(**ENABLED), into(type=TASK, **of("import"))),
    ],
    "import-leaves-blob": [
        good(imports(options=[DELETES], **ENABLED), account()),
        good(STAYS, account(), lifecycle()),
        good(STAYS, account(), lifecycle("transfer/")),
        good(STAYS, account(), lifecycle("other/", "tr")),
        good(STAYS, account(), lifecycle(uses={}, account_name="Cargo")),
        good(STAYS, account(id="/x/Cargo"), lifecycle(uses={}, id="/x/cargo/managementPolicies/default")),
        bad(
            STAYS,
            account(id="/x/cargo"),
            account("another", id="/x/another"),
            lifecycle(uses={}, id="/x/another/managementPolicies/default"),
            finds=["Blobs stay after importPipeline"],
        ),
        # The policy's account is unknown.
        good(STAYS, account(), lifecycle(uses={})),
        good(imports(options=[], **DISABLED), account(), into(**of("import"))),
        # The lifecycle rules of another stack's account are unknown.
        good(STAYS),
        good(STAYS, account("another")),
        bad(STAYS, account(), finds=["Blobs stay after importPipeline has imported them and may be"]),
        bad(STAYS, account(), lifecycle("transfer/folder"), finds=["Blobs stay after importPipeline"]),
        bad(STAYS, account(), lifecycle("transfers/"), finds=["Blobs stay after importPipeline"]),
        bad(STAYS, account(), lifecycle(enabled=False), finds=["Blobs stay after importPipeline"]),
        bad(
            STAYS, account(), lifecycle(actions={"baseBlob": {"tierToCool": {}}}), finds=["Blobs stay after"]
        ),
        bad(
            STAYS,
            account(),
            account("another"),
            lifecycle(uses={"accountName": ["another"]}),
            finds=["Blobs stay after importPipeline"],
        ),
        bad(
            imports(options=[], **DISABLED),
            account(),
            into(forceUpdateTag="1", **of("import")),
            finds=["Blobs stay after"],
        ),
        bad(
            imports(UNKNOWN, options=[], uses={"source": ["blobs"]}, **ENABLED),
            Resource(BLOBS, {"name": "transfer"}, "blobs", {"accountName": ["account"]}),
            account(),
            lifecycle("another/"),
            finds=["Blobs stay after"],
        ),
        unknown(imports(options=UNKNOWN, **ENABLED), account()),
        unknown(imports(options=[], trigger=UNKNOWN), account()),
        unknown(STAYS, account(), lifecycle(UNKNOWN)),
        unknown(
            STAYS,
            account(),
            Resource(LIFECYCLE, {"policy": UNKNOWN}, "lifecycle", {"accountName": ["account"]}),
        ),
        unknown(
            imports(UNKNOWN, options=[], uses={"source": ["account"]}, **ENABLED),
            account(),
            lifecycle("another/"),
        ),
        absent(imports(), account(), finds=["Blobs stay after importPipeline"]),
        absent(
            STAYS,
            account(),
            Resource(LIFECYCLE, {}, "lifecycle", {"accountName": ["account"]}),
            finds=["Blobs stay after"],
        ),
        other(imports(type=TASK, options=[], **ENABLED), account()),
    ],
}
