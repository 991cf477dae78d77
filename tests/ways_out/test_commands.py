"""The ways out of errors of the command, and of a caller without rights or login."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from acr_transfer.model.failures.table import FAILURES
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import TARGET
from tests.rights.callers import Caller
from tests.rights.page import recorded, set_up_rights
from tests.rights.set_ups import grant
from tests.sandbox.faults.control import clock, fault
from tests.sandbox.transfer.side import until
from tests.transfer.pushing import push
from tests.ways_out.pair import Pair, leads_out
from tests.ways_out.printed import shows
from tests.ways_out.test_storage import blob, exported


@leads_out("no-login")
def test_a_person_logs_in(pair: Pair) -> None:
    without = ("ARM_USE_MSI", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    environment = {key: value for key, value in pair.project.environment.items() if key not in without}
    environment["AZURE_TOKEN_CREDENTIALS"] = "azureclicredential"
    person = Pair(replace(pair.project, environment=environment), pair.paths, pair.name)
    said = person.command("hop", *pair.both, code=6)
    person.follow(said, "no-login", side="source")
    person.command("hop", *pair.both, code=0)


@leads_out("nothing-exported")
def test_a_deleted_blob_is_exported_again(pair: Pair) -> None:
    for side in ("source", "target"):
        if (found := blob(pair, side, exported(pair))).exists():
            found.delete_blob()
    said = pair.command("hop", *pair.both, code=5)
    pair.follow(said, "nothing-exported", side="source", new="again")
    pair.command("hop", *pair.both, code=0)
    pair.works("source")


def as_caller(pair: Pair, caller: Caller) -> Pair:
    """The same pair, for another caller."""
    environment = caller.environment(pair.project.environment)
    return Pair(replace(pair.project, environment=environment), pair.paths, pair.name)


@leads_out("run-unreadable")
def test_a_caller_who_cannot_read_runs_gets_a_role(pair: Pair) -> None:
    caller, azure = Caller(pair.paths), pair.azure("source")
    rights = set_up_rights(recorded(), "source", "SAS token, new resource group")
    places = {
        "subscription": f"/subscriptions/{azure.definition.subscription}",
        "resource group": azure.group(f"tests-{pair.source}"),
        "registry": azure.registry,
    }
    grant(caller, "source", places, {each for each in rights if not each[1].endswith("pipelineRuns/read")})
    pair.demand_run("source")
    other = as_caller(pair, caller)
    said = other.up("source", good=False)
    other.follow(
        said,
        "run-unreadable",
        side="source",
        your_object_ID=caller.principals["source"],
        registry=azure.registry,
    )
    other.works("source")


@leads_out("unexpected-response")
def test_an_unexpected_response_leads_to_doctor(pair: Pair) -> None:
    with fault(pair.paths, "source", "arm", method="GET", path="/pipelineRuns", status=409, code="Odd"):
        said = pair.command("status", *pair.both, code=9)
    assert "Try the same command again, with --log-file FILE" in said
    pair.follow(said, "unexpected-response", side="source")
    pair.status(code=0)


@leads_out("clock")
def test_a_clock_that_differs_is_named(pair: Pair) -> None:
    with clock(pair.paths, "source", 400):
        said = pair.doctor("source", code=0)
    (way,) = FAILURES["clock"].ways
    assert shows(said, FAILURES["clock"])
    assert way.by_hand in said
    assert "warning" not in pair.doctor("source", code=0)


@leads_out("other-build-at-target")
def test_another_build_at_the_target_is_replaced(pair: Pair) -> None:
    push(Cloud(TARGET, pair.paths), "shop/web", "1.0.0", build="foreign")
    said = pair.command("prove", *pair.both, code=3)
    pair.follow(said, "other-build-at-target", side="source", new_tag="after a proof")
    pair.works("source", "target")


@leads_out("stack-locked")
def test_the_lock_of_a_killed_deployment_is_removed(pair: Pair) -> None:
    pair.demand_run("source")
    with (
        fault(pair.paths, "source", "arm", method="PUT", path="/pipelineRuns/", delay=3, times=1) as delayed,
        pair.project.killed(pair.source),
    ):
        until(delayed, bool)
    time.sleep(4)
    said = pair.command("ship", *pair.both, code=4)
    pair.follow(said, "stack-locked", side="source")
    pair.command("ship", *pair.both, code=0)
    pair.works("source", "target")


@leads_out("state-attributes-empty")
def test_an_empty_file_of_the_state_is_removed(pair: Pair) -> None:
    backend = Path(pair.project.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    (attributes,) = backend.rglob(f"{pair.source}.json.attrs")
    attributes.write_text("")
    pair.follow(pair.command("status", *pair.both, code=4), "state-attributes-empty", side="source")
    pair.status(code=0)
    pair.works("source")
