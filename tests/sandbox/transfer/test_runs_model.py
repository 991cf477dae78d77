"""Pipelines and runs behave like a small model, for random sequences of requests."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sandbox.cloud.paths import Paths
from tests.sandbox.transfer.side import Json, SandboxSide

PIPELINES, RUNS, BLOBS = (st.sampled_from(names) for names in ("ab", "klm", "xy"))
_numbers = itertools.count(1)


class Transfers(RuleBasedStateMachine):
    """Two pipelines, three runs, two blobs, one existing and one missing artifact."""

    side: ClassVar[SandboxSide]

    @initialize()
    def begin(self) -> None:
        self.number = next(_numbers)
        self.container = f"model{self.number}"
        self.secret = self.side.secret(self.container, self.side.sas(self.container, "rawl"))
        self.side.container(self.container)
        self.pipelines: dict[str, bool] = {}
        self.runs: dict[str, tuple[Json, str]] = {}
        self.blobs: set[str] = set()

    def path(self, kind: str, name: str) -> str:
        return self.side.registry_path(kind, f"model{self.number}{name}")

    @rule(name=PIPELINES, overwrites=st.booleans())
    def put_pipeline(self, name: str, overwrites: bool) -> None:
        place = {
            "type": "AzureStorageBlobContainer",
            "uri": f"{self.side.blob_url}/{self.container}",
            "keyVaultUri": self.secret,
        }
        options = ("OverwriteBlobs",) if overwrites else ()
        pipeline = self.side.put_pipeline("export", f"model{self.number}{name}", place, options)
        self.side.grant(pipeline["identity"]["principalId"])
        self.pipelines[name] = overwrites

    @rule(name=PIPELINES)
    def delete_pipeline(self, name: str) -> None:
        existed = self.pipelines.pop(name, None) is not None
        answer = self.side.request("DELETE", self.path("exportPipelines", name))
        assert answer.status_code == (200 if existed else 204)

    @rule(name=RUNS, pipeline=PIPELINES, blob=BLOBS, tag=st.sampled_from(("", "1")), good=st.booleans())
    def put_run(self, name: str, pipeline: str, blob: str, tag: str, good: bool) -> None:
        artifact = "model/app:1" if good else "model/nothing:1"
        body = self.side.run_request(f"exportmodel{pipeline}", blob, artifact)
        request = body["properties"]["request"]
        id = f"/subscriptions/{self.side.definition.subscription}{self.path('exportPipelines', pipeline)}"
        request["pipelineResourceId"] = id
        body["properties"]["forceUpdateTag"] = tag
        before = self.runs.get(name)
        answer = self.side.request("PUT", self.path("pipelineRuns", name), body)
        if before and before[0] == body:
            assert answer.status_code == 200  # even if it failed, or its pipeline was deleted
            return
        if pipeline not in self.pipelines:
            assert answer.status_code == 400
            return
        assert answer.status_code == (200 if before else 201)
        free = blob not in self.blobs or self.pipelines[pipeline]
        expected = "Succeeded" if good and free else "Failed"
        assert self.side.ended(f"model{self.number}{name}")["response"]["status"] == expected
        self.runs[name] = (body, expected)
        if expected == "Succeeded":
            self.blobs.add(blob)

    @rule(name=RUNS)
    def delete_run(self, name: str) -> None:
        existed = self.runs.pop(name, None) is not None
        assert self.side.request("DELETE", self.path("pipelineRuns", name)).status_code == (
            200 if existed else 204
        )

    @invariant()
    def runs_and_blobs_match_the_model(self) -> None:
        if not hasattr(self, "runs"):
            return
        mine = f"model{self.number}"
        found = {each["name"]: each for each in self.side.runs() if each["name"][:-1] == mine}
        assert {name: _states(each) for name, each in found.items()} == {
            f"{mine}{name}": (status, status) for name, (_, status) in self.runs.items()
        }
        blobs = {blob.name for blob in self.side.container(self.container).list_blobs()}
        assert blobs == self.blobs


def _states(run: Json) -> tuple[Any, Any]:
    return run["properties"]["provisioningState"], run["properties"]["response"]["status"]


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    found = SandboxSide(paths, "source", "model").build()
    found.image("model/app", "1")
    return found


def test_pipelines_and_runs_match_the_model(side: SandboxSide) -> None:
    Transfers.side = side
    few = settings(
        max_examples=6,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # shrinking a failure would take minutes
    )
    run_state_machine_as_test(Transfers, settings=few)
